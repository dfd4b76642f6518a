import { setTimeout as delay } from 'node:timers/promises'
import type { Dice } from './dice.js'
import type { Witness } from './witness.js'

export interface Reply {
  readonly status: number
  // oxlint-disable-next-line typescript/no-explicit-any -- each client looks into what it asked for
  readonly body: any
  readonly isReplay: boolean
}

export interface Request {
  readonly method: string
  readonly path: string
  readonly token?: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

/** Where the network gave no answer. */
export const NO_ANSWER = 0
const DEADLINE_MS = 6_000
const MOST_TRIES = 60

/** Calls the gateway as clients do: with a deadline, sometimes giving up early, and again until the answer is definite. */
export class Caller {
  constructor(
    private readonly gateway: string,
    readonly dice: Dice,
    readonly witness: Witness,
    /** Ends the waiting between tries when the storm is over for good. */
    readonly ending: AbortSignal,
  ) {}

  /** Once. Status 0 when there was no answer, also when the client lost its patience after `patienceMs`. */
  async once({ method, path, token, body, headers = {} }: Request, patienceMs = DEADLINE_MS): Promise<Reply> {
    try {
      const response = await fetch(this.gateway + path, {
        method,
        headers: {
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        signal: AbortSignal.timeout(patienceMs),
      })
      const text = await response.text()
      const parsed: unknown = text === '' ? undefined : JSON.parse(text)
      this.note(method, path, response.status, text)
      const isReplay = response.headers.get('idempotency-replayed') === 'true'
      return { status: response.status, body: parsed, isReplay }
    } catch {
      this.witness.count('no answer')
      return { status: NO_ANSWER, body: undefined, isReplay: false }
    }
  }

  /** Until the answer is definite: neither "not now" nor nothing at all. @returns undefined when the storm ended first */
  async until(request: Request, patienceMs?: number): Promise<Reply | undefined> {
    for (let tries = 1; tries <= MOST_TRIES && !this.ending.aborted; tries++) {
      const reply = await this.once(request, tries === 1 ? patienceMs : undefined)
      const code = (reply.body as { code?: string } | undefined)?.code
      const isDefinite =
        reply.status !== NO_ANSWER && reply.status < 500 && reply.status !== 429 && code !== 'request.idempotency-in-progress'
      if (isDefinite) return reply
      this.witness.count('retries')
      await delay(this.dice.between(20, 60 * Math.min(tries, 10)), undefined, { signal: this.ending }).catch(() => undefined)
    }
    return undefined
  }

  private note(method: string, path: string, status: number, text: string): void {
    this.witness.count(`status ${status}`)
    if (status === 500) this.witness.breach(`${method} ${path} answered 500: ${text}`)
  }
}
