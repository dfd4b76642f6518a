import type { Admission } from './admission.js'

/** How long a gateway may count by itself before it tells the others. */
export const CREDIT_MS = 100
/** The part of what a caller has left that one gateway may let through meanwhile. */
const SHARE = 1 / 8
/** The last of a caller's requests are asked for one by one. */
const RESERVE = 32

/** @param left requests that a caller may still make now @returns how many of them need not be asked for */
export const creditOf = (left: number): number => Math.max(0, Math.floor((left - RESERVE) * SHARE))

export interface Credit {
  readonly ahead: number
  /** What the request with this place among them is told, from 0. */
  readonly told: (place: number) => Admission
  /** Counts what was let through with the other gateways. */
  readonly report: (owed: number) => Promise<unknown>
}

interface Account extends Credit {
  readonly until: number
  taken: number
  /** Let through and not yet reported. */
  owed: number
}

/**
 * Requests that are let through at once and counted afterwards, since their caller was far from its limit a moment ago: an honest caller's then wait for
 * nothing. What goes beyond a limit is at most what the gateways let through at the same time, an eighth of what was left each, and it is owed.
 */
export class Credits {
  private readonly accounts = new Map<string, Account>()
  private timer: NodeJS.Timeout | undefined

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /** Lets one request through. Undefined when it has to be asked for. */
  take(key: string): Admission | undefined {
    const account = this.accounts.get(key)
    if (account === undefined || account.taken >= account.ahead || this.nowMs() >= account.until) return undefined
    account.owed++
    return account.told(account.taken++)
  }

  /** Ends a credit. @returns how many were let through, for whoever asks next to report */
  close(key: string): number {
    const owed = this.accounts.get(key)?.owed ?? 0
    this.accounts.delete(key)
    return owed
  }

  open(key: string, credit: Credit): void {
    const owed = this.close(key)
    if (credit.ahead === 0 && owed === 0) return
    this.accounts.set(key, { ...credit, until: this.nowMs() + CREDIT_MS, taken: 0, owed })
    this.timer ??= setInterval(() => this.sweep(), CREDIT_MS).unref()
  }

  /** Reports what ended credits have let through, if nobody asked since. */
  sweep(): void {
    const now = this.nowMs()
    for (const [key, { until, report }] of this.accounts) {
      if (now < until) continue
      const owed = this.close(key)
      if (owed > 0) void report(owed).catch(() => undefined) // where Redis is away, each process counts by itself
    }
    if (this.accounts.size > 0) return
    clearInterval(this.timer)
    this.timer = undefined
  }
}
