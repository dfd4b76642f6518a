import { setTimeout as delay } from 'node:timers/promises'
import type { Auth } from './auth.js'
import { errorOf, type CatamaranError } from './errors.js'

export interface TransportOptions {
  readonly auth: Auth | undefined
  /** How often a request is sent at most. */
  readonly attempts: number
  /** How long one attempt may take, in milliseconds. */
  readonly timeoutMs: number
  /** The pause before the second attempt, in milliseconds; it doubles with each, and is spread at random. */
  readonly backoffMs: number
  /** The longest pause that an answer may ask for with Retry-After, in milliseconds. */
  readonly maxWaitMs: number
}

const REPEATABLE = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])
const BUSY = new Set([502, 503, 504])

/** Whether sending it twice does no more than sending it once. */
const isRepeatable = ({ method, headers }: Request): boolean => REPEATABLE.has(method) || headers.has('idempotency-key')

/** Whether the same request may succeed later, and may be sent again. What was refused for its rate was surely not done. */
const mayRetry = (request: Request, { status, code }: CatamaranError): boolean =>
  status === 429 || (isRepeatable(request) && (BUSY.has(status) || code === 'request.idempotency-in-progress'))

/** `fetch` with a credential, deadlines and retries. @throws CatamaranError for each answer that is no success */
export const transportOf = ({ auth, attempts, timeoutMs, backoffMs, maxWaitMs }: TransportOptions) => {
  const send = async (request: Request): Promise<Response> => {
    const sent = request.clone()
    if (auth !== undefined) sent.headers.set('authorization', `Bearer ${await auth.token()}`)
    return fetch(sent, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)]) })
  }
  /** The pause before the next attempt; undefined where there is none. */
  const pauseOf = (request: Request, attempt: number, error: CatamaranError | undefined): number | undefined => {
    if (attempt >= attempts || request.signal.aborted) return undefined
    if (error === undefined ? !isRepeatable(request) : !mayRetry(request, error)) return undefined
    const backoff = backoffMs * 2 ** (attempt - 1) * (0.5 + Math.random() / 2)
    const pause = Math.max(backoff, error?.retryAfterMs ?? 0)
    return pause > maxWaitMs ? undefined : pause
  }
  return async (request: Request): Promise<Response> => {
    let isRenewed = false
    for (let attempt = 1; ; attempt++) {
      const outcome = await send(request).catch((error: unknown) => ({ lost: error }))
      if (!('lost' in outcome) && outcome.ok) return outcome
      const error = 'lost' in outcome ? undefined : await errorOf(outcome)
      if (error?.status === 401 && auth?.forget !== undefined && !isRenewed) {
        isRenewed = true
        auth.forget()
        continue
      }
      const pause = pauseOf(request, attempt, error)
      if (pause === undefined) throw error ?? (outcome as { lost: unknown }).lost
      await delay(pause, undefined, { signal: request.signal })
    }
  }
}
