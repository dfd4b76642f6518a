import { applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common'
import { ApiHeader, ApiUnprocessableEntityResponse } from '@nestjs/swagger'
import { Problem } from '@catamaran/contracts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from './errors.js'

const KEY = /^(?:"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x5b\x5d-\x7e]{1,255}))$/

/**
 * The Idempotency-Key header (IETF draft-ietf-httpapi-idempotency-key-header-07): a structured-field string, taken with or without its quotes.
 * Undefined when it isn't sent, unless it is `required`.
 */
export const IdempotencyKey = createParamDecorator(({ required }: { required: boolean }, context: ExecutionContext): string | undefined => {
  const given = context.switchToHttp().getRequest<FastifyRequest>().headers['idempotency-key']
  if (given === undefined && required) throw new AppError('request.idempotency-key-missing')
  if (given === undefined) return undefined
  const match = KEY.exec(String(given))
  if (match === null) throw new AppError('request.invalid', { detail: 'Idempotency-Key: expected 1 to 255 printable ASCII characters.' })
  return match[1] ?? match[2]
})

/** Tells in OpenAPI of a route that takes an Idempotency-Key, and of what it refuses because of one. `thing` is what the route makes. */
export const ApiIdempotencyKey = (thing: string) =>
  applyDecorators(
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description: `Fresh for each new ${thing}, the same for a retry, which is answered as the first was. Kept for 24 hours.`,
    }),
    ApiUnprocessableEntityResponse({ description: 'The Idempotency-Key was used for another request', standardSchema: Problem }),
  )

/**
 * The answer to a creating write; one that was given before is marked so.
 * Example: `return answerOnce(reply, await this.keys.create(member, key, body))`.
 */
export const answerOnce = <T, R>(
  reply: FastifyReply,
  outcome: { readonly isReplay: false; readonly value: T } | { readonly isReplay: true; readonly value: R },
): T | R => {
  if (outcome.isReplay) reply.header('idempotency-replayed', 'true')
  return outcome.value
}
