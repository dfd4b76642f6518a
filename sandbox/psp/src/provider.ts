import { setTimeout as sleep } from 'node:timers/promises'
import type { Callbacks } from './callbacks.js'
import { findCard, type Card } from './cards.js'
import type { Database } from './database.js'
import type { Faults } from './faults.js'
import { hashOf, inProgress, type Answer, type Idempotency } from './idempotency.js'
import { Refusal, type Payment } from './payment.js'
import type { Call, OnCallback, Payments } from './payments.js'
import type { Store } from './store.js'

const CALLBACK_FIRST_MS = 5_000
const MAX_REMEMBERED_FAILURES = 10_000
const SLOW_CARD_MS = 3_000

export type Operate = (call: Call, onCallback: OnCallback) => Payment

export interface Write {
  readonly path: string
  readonly key: string
  readonly body: string
  /** The test card that the call concerns, as far as it is known. */
  readonly paymentMethod: string | undefined
  readonly operate: Operate
}

interface Parts {
  readonly database: Database
  readonly store: Store
  readonly payments: Payments
  readonly callbacks: Callbacks
  readonly idempotency: Idempotency
  readonly faults: Faults
}

/** A failure that the caller asked for: by its test card or by the control call. */
export class PlannedFailure extends Error {}

export const refused = ({ status, code, message }: Refusal): Omit<Answer, 'isReplay'> => ({
  status,
  body: JSON.stringify({ code, message }),
})

/** Runs calls: once for each idempotency key, with the faults that were asked for, and ends authorisations when their time is up. */
export class Provider {
  private readonly closing = new AbortController()
  private readonly running = new Set<string>()
  private failedOnce = new Set<string>()
  private timer: NodeJS.Timeout | undefined
  private nextDeadline: number | null = null

  constructor(private readonly parts: Parts) {}

  /** Goes on with what an earlier process left. */
  async start(): Promise<void> {
    for (const id of this.parts.store.listPending()) await this.settlePending(id)
    this.parts.callbacks.wake()
    this.schedule()
  }

  close(): void {
    this.closing.abort()
    clearTimeout(this.timer)
  }

  /** @returns undefined when the call must never be answered. @throws Refusal, PlannedFailure */
  async write(write: Write): Promise<Answer | undefined> {
    // A call that runs has its record only at its end.
    if (this.running.has(write.key)) throw inProgress()
    this.running.add(write.key)
    try {
      return await this.writeOnce(write, (write.paymentMethod === undefined ? undefined : findCard(write.paymentMethod)) ?? {})
    } finally {
      this.running.delete(write.key)
    }
  }

  /** What a call that only reads suffers. @throws PlannedFailure */
  async beforeRead(): Promise<void> {
    const { error, slowMs } = this.parts.faults.plan()
    if (error) throw new PlannedFailure()
    await this.pause(slowMs)
  }

  /** Commits `operate` for a call that has no idempotency key. */
  async change<T>(operate: (onCallback: OnCallback) => T): Promise<T> {
    const { value } = await this.commit(operate, false)
    return value
  }

  private async writeOnce(write: Write, card: Card): Promise<Answer | undefined> {
    const plan = this.parts.faults.plan()
    if (plan.error === 'before' || (card.failsFirst && this.isFirstFailure(write.key))) throw new PlannedFailure()
    // An authorisation by a slow card is recorded as pending first: see settlePending.
    await this.pause(plan.slowMs + (write.path === '/v1/payments' ? 0 : (card.slowMs ?? 0)))
    const call: Call = { key: write.key, mustDecline: plan.mustDecline, callbackCopies: plan.callbackCopies }
    const { value } = await this.commit((onCallback) => this.effectOf(write, call, onCallback), card.isCallbackFirst ?? false)
    let answer: Answer
    if ('pending' in value) {
      await this.pause(SLOW_CARD_MS)
      answer = await this.settlePending(value.pending, call)
    } else answer = value
    if (plan.error === 'after') throw new PlannedFailure()
    return !answer.isReplay && (plan.isSilent || card.isSilent) ? undefined : answer
  }

  private effectOf({ path, key, body, operate }: Write, call: Call, onCallback: OnCallback): Answer | { pending: string } {
    const { idempotency } = this.parts
    const hash = hashOf(path, body)
    const kept = idempotency.find(key, hash)
    if (kept) return kept
    const result = attempt(() => operate(call, onCallback))
    if (!(result instanceof Refusal) && result.status === 'pending') {
      idempotency.keep(key, hash, undefined)
      return { pending: result.id }
    }
    const answer = result instanceof Refusal ? refused(result) : { status: 200, body: JSON.stringify(result) }
    idempotency.keep(key, hash, answer)
    return { ...answer, isReplay: false }
  }

  private async settlePending(id: string, call?: Call): Promise<Answer> {
    const { payments, idempotency, store } = this.parts
    const { value } = await this.commit((onCallback) => {
      const answer = { status: 200, body: JSON.stringify(payments.settle(id, onCallback, call)) }
      const row = store.find(id)
      if (row) idempotency.finish(row.key, answer)
      return { ...answer, isReplay: false }
    }, false)
    return value
  }

  private async commit<T>(operate: (onCallback: OnCallback) => T, isCallbackFirst: boolean): Promise<{ value: T }> {
    const recorded: number[] = []
    const value = await this.parts.database.run(() => operate((seq) => recorded.push(seq)))
    const tried = isCallbackFirst ? recorded.map((seq) => this.parts.callbacks.firstAttempt(seq)) : []
    if (recorded.length > 0) {
      this.parts.callbacks.wake()
      this.schedule()
    }
    if (tried.length > 0) await Promise.race([Promise.all(tried), this.pause(CALLBACK_FIRST_MS)])
    return { value }
  }

  private isFirstFailure(key: string): boolean {
    if (this.failedOnce.has(key)) return false
    if (this.failedOnce.size >= MAX_REMEMBERED_FAILURES) this.failedOnce = new Set()
    this.failedOnce.add(key)
    return true
  }

  private async pause(ms: number): Promise<void> {
    if (ms > 0) await sleep(ms, undefined, { signal: this.closing.signal })
  }

  /** Comes back when the next authorisation or challenge ends. */
  private schedule(): void {
    const next = this.parts.store.nextDeadline()
    if (next === this.nextDeadline || this.closing.signal.aborted) return
    clearTimeout(this.timer)
    this.nextDeadline = next
    if (next !== null) this.timer = setTimeout(() => void this.endDue(), Math.max(0, next - Date.now()))
  }

  private async endDue(): Promise<void> {
    this.nextDeadline = null
    try {
      await this.change((onCallback) => this.parts.payments.endDue(onCallback))
      this.schedule()
    } catch (error) {
      process.stderr.write(`ending what is due failed: ${String(error)}\n`)
    }
  }
}

/** A refusal is an answer to keep, with what came before it; any other error undoes the call. */
function attempt(operate: () => Payment): Payment | Refusal {
  try {
    return operate()
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}
