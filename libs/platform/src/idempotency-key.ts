import { createHash } from 'node:crypto'
import { createParamDecorator, type ExecutionContext } from '@nestjs/common'
import { ApiConflictResponse, ApiHeader, ApiUnprocessableEntityResponse } from '@nestjs/swagger'
import { Problem } from '@catamaran/contracts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from './errors.js'
import { contextOf } from './requests.js'

const KEY = /^(?:"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x5b\x5d-\x7e]{1,255}))$/

const keyOf = (given: string | string[] | undefined, required: boolean): string | undefined => {
  if (given === undefined && required) throw new AppError('request.idempotency-key-missing')
  if (given === undefined) return undefined
  const match = KEY.exec(String(given))
  if (match === null) throw new AppError('request.invalid', { detail: 'Idempotency-Key: expected 1 to 255 printable ASCII characters.' })
  return match[1] ?? match[2]
}

/**
 * The Idempotency-Key header (IETF draft-ietf-httpapi-idempotency-key-header-07): a structured-field string, taken with or without its quotes.
 * Undefined when it isn't sent, unless it is `required`. Most routes want `@Idempotent()` instead, which needs no store of their own.
 */
export const IdempotencyKey = createParamDecorator(({ required }: { required: boolean }, context: ExecutionContext): string | undefined =>
  keyOf(context.switchToHttp().getRequest<FastifyRequest>().headers['idempotency-key'], required),
)

/** A request that makes something, as `Idempotency.once` of `@catamaran/data` wants it. */
export interface IdempotentRequest {
  /** Undefined where the caller sent none: then nothing is remembered. */
  readonly key: string | undefined
  /** Whose key it is; keys of different callers never meet. */
  readonly caller: string
  /** Method and route: the same key on another route is another key. */
  readonly operation: string
  /** SHA-256 of what was asked for: path and query, the partner acted for, and the body. */
  readonly hash: Buffer
  /** Tells the caller that the answer is an earlier one. */
  readonly markReplayed: () => void
}

const hashOf = ({ url, headers, body }: FastifyRequest): Buffer =>
  createHash('sha256')
    .update(JSON.stringify([url, headers['catamaran-partner'] ?? null, body ?? null]))
    .digest()

/** Tells of the header in OpenAPI: Nest hands a parameter's decorators no descriptor, so it is looked up. */
const describeHeader: ParameterDecorator = (target, method) => {
  if (method === undefined) return
  const descriptor = Object.getOwnPropertyDescriptor(target, method) as TypedPropertyDescriptor<unknown>
  const name = 'Idempotency-Key'
  const description = 'Fresh for each new request, the same for a retry, which is then answered as the first was. Kept for 24 hours.'
  ApiHeader({ name, required: false, description, schema: { type: 'string', minLength: 1, maxLength: 255 } })(target, method, descriptor)
  const conflict = 'The first request with this Idempotency-Key is still running'
  ApiConflictResponse({ description: conflict, standardSchema: Problem })(target, method, descriptor)
  const reused = 'The Idempotency-Key was used for another request'
  ApiUnprocessableEntityResponse({ description: reused, standardSchema: Problem })(target, method, descriptor)
}

const read = createParamDecorator(
  ({ required }: { required: boolean }, context: ExecutionContext): IdempotentRequest => {
    const http = context.switchToHttp()
    const request = http.getRequest<FastifyRequest>()
    const caller = contextOf(request).caller?.sub
    if (caller === undefined) throw new AppError('auth.token-missing') // without a caller keys of strangers would meet
    return {
      key: keyOf(request.headers['idempotency-key'], required),
      caller,
      operation: `${request.method} ${request.routeOptions.url ?? request.url}`,
      hash: hashOf(request),
      markReplayed: () => void http.getResponse<FastifyReply>().header('idempotency-replayed', 'true'),
    }
  },
  [describeHeader],
)

/**
 * The request in hand with its Idempotency-Key, for `Idempotency.once`. The route needs a caller (`@Requires`).
 * Example: `create(@Caller() buyer: Claims, @Body({ schema: New }) body: New, @Idempotent() request: IdempotentRequest)`.
 * @param options.required whether a request without a key is refused. Default false
 */
export const Idempotent = (options: { required: boolean } = { required: false }): ParameterDecorator => read(options)
