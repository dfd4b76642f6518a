import { createParamDecorator, type ExecutionContext } from '@nestjs/common'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from './errors.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    rawBody?: true
    ndjson?: true
  }
}

const chunksOf = new WeakMap<FastifyRequest, Buffer[]>()

/** The bytes of the body of a route that keeps it (`@Anonymous({ rawBody: true })`), as it came: for a signature over it. */
export const RawBody = createParamDecorator((_: unknown, context: ExecutionContext): Buffer =>
  Buffer.concat(chunksOf.get(context.switchToHttp().getRequest<FastifyRequest>()) ?? []),
)

export const NDJSON = 'application/x-ndjson'

const isNdjson = ({ headers }: FastifyRequest): boolean => headers['content-type']?.split(';')[0]?.trim().toLowerCase() === NDJSON

/**
 * Listens in while Fastify reads the body, which bounds it. The body of a route that takes lines of JSON (`@Requires(scope, {}, { ndjson: true })`) is
 * the stream itself, however long: the route reads it as fast as it can work.
 */
export const registerRawBodies = (instance: FastifyInstance): void => {
  instance.addContentTypeParser(NDJSON, (request: FastifyRequest, payload: unknown, done: (error: Error | null, body?: unknown) => void) =>
    request.routeOptions.config.ndjson === true ? done(null, payload) : done(new AppError('request.unsupported-media-type')),
  )
  instance.addHook('preParsing', (request, _reply, payload, done) => {
    if (request.routeOptions.config.ndjson === true && !isNdjson(request)) {
      return done(new AppError('request.unsupported-media-type', { detail: `Send Content-Type: ${NDJSON}.` }))
    }
    if (request.routeOptions.config.rawBody === true) {
      const chunks: Buffer[] = []
      chunksOf.set(request, chunks)
      payload.on('data', (chunk: Buffer) => chunks.push(chunk))
    }
    done(null, payload)
  })
}
