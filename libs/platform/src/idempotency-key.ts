import { createParamDecorator, type ExecutionContext } from '@nestjs/common'
import { AppError } from './errors.js'
import type { FastifyRequest } from 'fastify'

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
