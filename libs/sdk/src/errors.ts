import type { components } from './api.js'

/** The problem document (RFC 9457) of an error answer. */
export type Problem = components['schemas']['Problem']

/** What Catamaran refused: decide by `code`, show `message`, and give `requestId` to who is asked for help. */
export class CatamaranError extends Error {
  override readonly name = 'CatamaranError'
  readonly code: string
  readonly status: number
  readonly requestId: string

  /** @param retryAfterMs how long the answer asks to wait, in milliseconds */
  constructor(
    readonly problem: Problem,
    readonly retryAfterMs: number | undefined,
  ) {
    super(`${problem.title}: ${problem.detail}`)
    this.code = problem.code
    this.status = problem.status
    this.requestId = problem.requestId
  }

  /** What is wrong with which part of the input, by JSON pointer. */
  get errors(): NonNullable<Problem['errors']> {
    return this.problem.errors ?? []
  }
}

/** Milliseconds that a Retry-After header asks for (RFC 9110, section 10.2.3): seconds or a date. */
export const retryAfterMs = (header: string | null, now = Date.now()): number | undefined => {
  if (header === null) return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

/** The error that an answer tells of; what is not a problem document (a proxy's page) becomes one without a code of ours. */
export const errorOf = async (response: Response): Promise<CatamaranError> => {
  const text = await response.text()
  const wait = retryAfterMs(response.headers.get('retry-after'))
  try {
    const problem = JSON.parse(text) as Problem
    if (typeof problem.code === 'string') return new CatamaranError(problem, wait)
  } catch {
    // Not JSON: told below.
  }
  const unknown = {
    type: 'about:blank',
    title: `HTTP ${response.status}`,
    status: response.status,
    detail: text.slice(0, 200),
    code: 'unknown',
  }
  return new CatamaranError({ ...unknown, requestId: response.headers.get('x-request-id') ?? '' }, wait)
}
