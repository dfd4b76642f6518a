import { Injectable } from '@nestjs/common'
import { Database } from '@catamaran/data'
import { FAIL, QUEUE, RELEASE, SUCCEED, TAKE } from './queue.sql.js'

/** An event for whoever of a partner's endpoints wants it. Ids are bare UUIDs. */
export interface QueueEntry {
  readonly eventId: string
  readonly partnerId: string
  readonly subject: string
  readonly type: string
  readonly body: string
  readonly traceparent: string | undefined
}

/** One attempt to make, this worker's alone until its lease ends. */
export interface LeasedDelivery {
  readonly id: string
  readonly endpointId: string
  readonly eventId: string
  readonly type: string
  readonly body: string
  /** The number of this attempt. */
  readonly attempt: number
  readonly step: number
  readonly ageMs: number
  readonly url: string
  /** Whether the endpoint fails at present. */
  readonly isSuspect: boolean
  /** Whether it was answered 2xx before, and is delivered once more because its partner asked for it. */
  readonly wasDelivered: boolean
  readonly sealedSecrets: readonly Buffer[]
  readonly traceparent: string | null
}

/** What a worker has room for. */
export interface Room {
  /** The endpoints that it knows something of: attempts in hand, and how many there may be at once. */
  readonly known: ReadonlyMap<string, { readonly inHand: number; readonly slots: number }>
  /** Attempts at once to any other endpoint, and to one at most. */
  readonly slots: number
  readonly mostSlots: number
  /** How many more, and how many of them to endpoints that fail. */
  readonly free: number
  readonly freeForSuspects: number
}

/** What became of an attempt, for the log that partners see. */
export interface AttemptRecord {
  readonly startedAt: Date
  readonly durationMs: number
  readonly firstByteMs: number | undefined
  readonly requestHeaders: Readonly<Record<string, string>>
  readonly response: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string } | undefined
  readonly failure: string | undefined
}

/** An attempt with what became of it. */
export interface EndedAttempt {
  readonly delivery: LeasedDelivery
  readonly record: AttemptRecord
}

/** What follows from a failure: a next try, or none. */
export type Verdict = { readonly waitMs: number } | { readonly deadReason: 'exhausted' | 'gone' }

export interface Breaker {
  /** Failures in a row before an endpoint is paused. */
  readonly threshold: number
  /** The first pause and the longest, in milliseconds. */
  readonly pauseMs: number
  readonly maxPauseMs: number
}

/** The queue of webhooks, in PostgreSQL. */
@Injectable()
export class QueueRepository {
  constructor(private readonly database: Database) {}

  /** Queues events, each once, and leases at once what there is room for. */
  async queue(entries: readonly QueueEntry[], room: Room, leaseMs: number): Promise<{ leased: LeasedDelivery[]; waiting: number }> {
    const [ids, inHand, slots] = knownOf(room)
    const rows = await this.database.query<LeasedDelivery & { isLeased: boolean }>(QUEUE, [
      entries.map(({ eventId }) => eventId),
      entries.map(({ partnerId }) => partnerId),
      entries.map(({ type }) => type),
      entries.map(({ subject }) => subject),
      entries.map(({ body }) => body),
      ids,
      inHand,
      room.free,
      room.slots,
      leaseMs,
      slots,
      entries.map(({ traceparent }) => traceparent),
    ])
    const leased = rows.filter(({ isLeased }) => isLeased)
    return { leased, waiting: rows.length - leased.length }
  }

  /** Leases what is due: of each endpoint and subject the oldest. */
  take(room: Room, leaseMs: number): Promise<LeasedDelivery[]> {
    const [ids, inHand, slots] = knownOf(room)
    const values = [ids, inHand, room.slots, room.free, room.freeForSuspects, leaseMs, slots, room.mostSlots]
    return this.database.query<LeasedDelivery>(TAKE, values)
  }

  /** Notes attempts that were answered 2xx. @returns for each the next one of its lane, leased, if there is one */
  async succeed(ended: readonly EndedAttempt[], leaseMs: number): Promise<(LeasedDelivery | undefined)[]> {
    const attempts = ended.map(attemptOf)
    const columns = (attempts[0] ?? []).map((_, column) => attempts.map((attempt) => attempt[column]))
    const next = await this.database.query<LeasedDelivery & { after: string }>(SUCCEED, [...columns, leaseMs])
    const byLast = new Map(next.map(({ after, ...leased }) => [after, leased]))
    return ended.map(({ delivery }) => byLast.get(delivery.id))
  }

  /** Gives a lease back: the attempt was broken off by us, and tells nothing of the receiver. */
  async release({ id, attempt }: LeasedDelivery): Promise<void> {
    await this.database.query(RELEASE, [id, attempt])
  }

  /** Notes an attempt that failed. @returns whether the endpoint has failed for as long as this delivery was tried */
  async fail(delivery: LeasedDelivery, record: AttemptRecord, verdict: Verdict, breaker: Breaker): Promise<boolean> {
    const [waitMs, deadReason] = 'waitMs' in verdict ? [verdict.waitMs, null] : [null, verdict.deadReason]
    const { threshold, pauseMs, maxPauseMs } = breaker
    const values = [
      ...attemptOf({ delivery, record }),
      waitMs,
      deadReason,
      threshold,
      pauseMs,
      maxPauseMs,
      delivery.attempt - delivery.step,
    ]
    return (await this.database.query<{ isPersistent: boolean }>(FAIL, values))[0]?.isPersistent ?? false
  }
}

const knownOf = ({ known }: Room): [string[], number[], number[]] => {
  const all = [...known.values()]
  return [[...known.keys()], all.map(({ inHand }) => inHand), all.map(({ slots }) => slots)]
}

const attemptOf = ({ delivery: { id, attempt, url }, record }: EndedAttempt): unknown[] => [
  ...[id, attempt, record.startedAt, Math.round(record.durationMs)],
  record.firstByteMs === undefined ? null : Math.round(record.firstByteMs),
  ...[url, JSON.stringify(record.requestHeaders), record.response?.status ?? null],
  record.response === undefined ? null : JSON.stringify(record.response.headers),
  ...[record.response?.body ?? null, record.failure ?? null],
]
