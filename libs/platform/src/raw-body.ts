import { createParamDecorator, type ExecutionContext } from '@nestjs/common'
import type { FastifyInstance, FastifyRequest } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    rawBody?: true
  }
}

const chunksOf = new WeakMap<FastifyRequest, Buffer[]>()

/** The bytes of the body of a route that keeps it (`@Anonymous({ rawBody: true })`), as it came: for a signature over it. */
export const RawBody = createParamDecorator((_: unknown, context: ExecutionContext): Buffer =>
  Buffer.concat(chunksOf.get(context.switchToHttp().getRequest<FastifyRequest>()) ?? []),
)

/** Listens in while Fastify reads the body, which bounds it. */
export const registerRawBodies = (instance: FastifyInstance): void => {
  instance.addHook('preParsing', (request, _reply, payload, done) => {
    if (request.routeOptions.config.rawBody === true) {
      const chunks: Buffer[] = []
      chunksOf.set(request, chunks)
      payload.on('data', (chunk: Buffer) => chunks.push(chunk))
    }
    done(null, payload)
  })
}
