import { HttpException } from '@nestjs/common'
import { ERRORS, type ErrorCode, type ErrorSpec, type InputError, type Problem } from '@catamaran/contracts'

/**
 * What a thrower may add to a code. `extra` becomes members of the problem document; `retryAfterS` the Retry-After header, in seconds; `isReplay` the
 * Idempotency-Replayed header: the answer is that of an earlier request.
 */
export interface ErrorDetails {
  detail?: string
  errors?: readonly InputError[]
  retryAfterS?: number
  extra?: Record<string, unknown>
  isReplay?: boolean
}

/**
 * The one error of the project: a code of the table in `@catamaran/contracts`, thrown by services, consumers and workers alike.
 * Example: `throw new AppError('orders.out-of-stock', { extra: { productIds } })`.
 */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly spec: ErrorSpec

  constructor(
    readonly code: ErrorCode,
    readonly details: ErrorDetails = {},
    options?: { cause?: unknown },
  ) {
    super(`${code}: ${details.detail ?? ERRORS[code].title}`, options)
    this.spec = ERRORS[code]
  }
}

const FASTIFY_CODES: Record<string, ErrorCode> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'request.malformed-json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'request.malformed-json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'request.invalid',
  FST_ERR_CTP_BODY_TOO_LARGE: 'request.too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'request.unsupported-media-type',
}

/** Turns whatever was thrown into an AppError; what nobody foresaw becomes `internal`, with the original as its cause. */
export const toAppError = (error: unknown): AppError => {
  if (error instanceof AppError) return error
  if (error instanceof HttpException) {
    // Nest throws its own only for what never reached a handler of ours.
    return new AppError(
      error.getStatus() === 404 ? 'request.route-not-found' : error.getStatus() < 500 ? 'request.invalid' : 'internal',
      {},
      { cause: error },
    )
  }
  const { code, statusCode } = (error ?? {}) as { code?: string; statusCode?: number }
  if (code === 'FST_ERR_BAD_URL')
    return new AppError('request.invalid', { detail: 'The path is not well formed: a % begins two hexadecimal digits.' }, { cause: error })
  const known = code === undefined ? undefined : FASTIFY_CODES[code]
  if (known !== undefined) return new AppError(known, {}, { cause: error })
  if (statusCode === 400 && error instanceof SyntaxError) return new AppError('request.malformed-json', {}, { cause: error })
  if (statusCode !== undefined && statusCode < 500) return new AppError('request.invalid', {}, { cause: error })
  return new AppError('internal', {}, { cause: error })
}

/** The problem document (RFC 9457) that tells a caller about an error. Causes and stacks stay inside. */
export const problemOf = (error: AppError, requestId: string): Problem & Record<string, unknown> => ({
  type: `/problems/${error.code}`,
  title: error.spec.title,
  status: error.spec.status,
  detail: error.details.detail ?? error.spec.advice,
  code: error.code,
  requestId,
  ...(error.details.errors === undefined ? {} : { errors: [...error.details.errors] }),
  ...error.details.extra,
})

/** Whether something that is needed is away: the same may pass when it is tried again. */
export const isUnavailable = (error: unknown): boolean => error instanceof AppError && error.spec.kind === 'unavailable'

/** Seconds for Retry-After where a code asks to come back later, else undefined. */
export const retryAfterOf = (error: AppError): number | undefined =>
  error.details.retryAfterS ?? (error.spec.kind === 'unavailable' ? 1 : undefined)

/** The message of an error and of all its causes, for one log field. */
export const causesOf = (error: unknown): string[] => {
  const causes: string[] = []
  for (let at: unknown = error; at instanceof Error && causes.length < 8; at = at.cause) {
    causes.push(at instanceof AggregateError && at.message === '' ? at.errors.map(String).join('; ') : `${at.name}: ${at.message}`)
  }
  return causes
}
