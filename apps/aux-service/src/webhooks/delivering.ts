import { setTimeout as delay } from 'node:timers/promises'
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { idOf } from '@catamaran/contracts'
import { unseal } from '@catamaran/data'
import { Groups, runInContext, traced, traceparentOf } from '@catamaran/platform'
import { SpanKind } from '@opentelemetry/api'
import { CONFIG, type Config } from '../config.js'
import { Addresses } from './addresses.js'
import { Disabling } from './disabling.js'
import {
  QueueRepository,
  type AttemptRecord,
  type EndedAttempt,
  type LeasedDelivery,
  type QueueEntry,
  type Room,
  type Verdict,
} from './queue.repository.js'
import { nextWaitMs } from './schedule.js'
import { Sender } from './sender.js'
import { signedHeaders } from './signature.js'
import { Slots } from './slots.js'
import { WebhookEvents } from './webhook-events.js'

/** A lease outlives the attempt by what it takes to write down how it ended, as a share of the longest attempt. */
const LEASE_SLACK = 0.5
/** Looks that were asked for come at most so often: one finds what many asked for. */
const LEAST_GAP_MS = 10
/** Successes that one statement notes. */
const MOST_AT_ONCE = 100
const DRAIN_MS = 2_000
const MOST_ASKED_MS = 3_600_000

interface Outcome {
  readonly isAnswered: boolean
  /** The next delivery of the same lane, leased. */
  readonly next: LeasedDelivery | undefined
}

/**
 * Delivers what waits, at least once. What an event brings is sent as soon as it is queued; retries, and what another process left, are found by looking.
 * What hangs holds no more than `Slots` gives it.
 */
@Injectable()
export class Delivering implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly sender: Sender
  private readonly slots: Slots
  private readonly attempts = new Set<Promise<void>>()
  private readonly succeeding: Groups<EndedAttempt, LeasedDelivery | undefined>
  /** Whether something due was left for want of room. */
  private isCramped = false
  private running: Promise<void> = Promise.resolve()
  private isStopped = false
  private isAsked = false
  private sleeping = new AbortController()
  private readonly leaseMs: number

  constructor(
    private readonly queue: QueueRepository,
    private readonly disabling: Disabling,
    addresses: Addresses,
    private readonly events: WebhookEvents,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    const { timeoutMs } = config.webhooks
    this.sender = new Sender({ addresses, timeoutMs })
    this.slots = new Slots(config.webhooks)
    this.leaseMs = timeoutMs * (1 + LEASE_SLACK)
    this.succeeding = new Groups({ work: (ended) => queue.succeed(ended, this.leaseMs), most: MOST_AT_ONCE })
  }

  onApplicationBootstrap(): void {
    this.running = this.run()
  }

  /** Gives the attempts in hand a moment; those that still hang are broken off and left to another process. */
  async beforeApplicationShutdown(): Promise<void> {
    this.isStopped = true
    this.sleeping.abort()
    await this.running
    const ended = new AbortController()
    const closing = delay(DRAIN_MS, undefined, { signal: ended.signal })
      .catch(() => undefined)
      .then(() => this.sender.close())
    while (this.attempts.size > 0) await Promise.all(this.attempts)
    ended.abort()
    await closing
  }

  /** Queues what events bring, each once, and sends what there is room for. */
  async take(entries: readonly QueueEntry[]): Promise<void> {
    const { leased, waiting } = await this.queue.queue(entries, this.room(), this.leaseMs)
    for (const delivery of leased) this.begin(delivery)
    if (waiting > 0) this.wake()
  }

  /** Looks for what is due now. */
  wake(): void {
    this.isAsked = true
    this.sleeping.abort()
  }

  private room(): Room {
    const room = this.slots.room()
    return this.isStopped ? { ...room, free: 0, freeForSuspects: 0 } : room
  }

  private async run(): Promise<void> {
    while (!this.isStopped) {
      this.isAsked = false
      await this.look().catch((error: unknown) => this.events.lookFailed(error))
      await delay(LEAST_GAP_MS)
      await this.sleep(this.config.webhooks.pollMs)
    }
  }

  private async sleep(ms: number): Promise<void> {
    this.sleeping = new AbortController()
    if (this.isAsked || this.isStopped) return
    await delay(ms, undefined, { signal: this.sleeping.signal }).catch(() => undefined)
  }

  private async look(): Promise<void> {
    const room = this.room()
    if (room.free === 0) {
      this.isCramped = true
      return
    }
    const leased = await this.queue.take(room, this.leaseMs)
    this.isCramped = leased.length > 0
    for (const delivery of leased) this.begin(delivery)
  }

  private begin(delivery: LeasedDelivery): void {
    const giveBack = this.slots.take(delivery.endpointId, delivery.isSuspect)
    const context = { requestId: delivery.id, traceparent: traceparentOf(delivery.traceparent ?? undefined), fields: {} }
    const attempt = runInContext(context, () => this.attempt(delivery))
      .catch((error: unknown): Outcome => {
        this.events.attemptLost(delivery, error)
        return { isAnswered: false, next: undefined }
      })
      .then(({ isAnswered, next }) => {
        giveBack(isAnswered)
        this.attempts.delete(attempt)
        if (next !== undefined) this.begin(next)
        else if (this.isCramped) this.wake()
      })
    this.attempts.add(attempt)
  }

  private async attempt(delivery: LeasedDelivery): Promise<Outcome> {
    const { endpointId, url, body } = delivery
    const eventId = idOf('event', delivery.eventId)
    const secrets = delivery.sealedSecrets.map((sealed) => unseal(this.config.dataKeys, sealed, endpointId))
    const headers = signedHeaders({ eventId, body }, secrets, Date.now())
    const attributes = { 'http.request.method': 'POST', 'http.request.resend_count': delivery.attempt - 1 }
    const record = await traced('deliver webhook', { kind: SpanKind.CLIENT, attributes }, () => this.sender.send({ url, body, headers }))
    const isAnswered = record.failure === undefined
    const isBrokenOff = this.isStopped && record.response === undefined
    if (!isBrokenOff) this.events.attempted(delivery, record)
    if (isAnswered && !delivery.wasDelivered) this.events.delivered(delivery)
    if (isAnswered) return { isAnswered, next: (await this.succeeding.do([{ delivery, record }]))[0] }
    await (isBrokenOff ? this.queue.release(delivery) : this.fail(delivery, record))
    return { isAnswered, next: undefined }
  }

  private async fail(delivery: LeasedDelivery, record: AttemptRecord): Promise<void> {
    const verdict = this.verdictOn(delivery, record)
    const isPersistent = await this.queue.fail(delivery, record, verdict, this.config.webhooks.breaker)
    const isGone = record.response?.status === 410
    if (isGone || isPersistent) await this.disabling.disable(delivery.endpointId, isGone ? 'gone' : 'failing')
    else if ('deadReason' in verdict) this.wake() // the next one of the lane has its turn
  }

  private verdictOn({ step, ageMs }: LeasedDelivery, { response }: AttemptRecord): Verdict {
    if (response?.status === 410) return { deadReason: 'gone' }
    const askedMs = Math.min(retryAfterMs(response?.headers['retry-after']), MOST_ASKED_MS)
    const waitMs = nextWaitMs(this.config.webhooks, { step, ageMs, askedMs })
    return waitMs === undefined ? { deadReason: 'exhausted' } : { waitMs }
  }
}

/** Retry-After in its form of seconds (RFC 9110, section 10.2.3). */
const retryAfterMs = (header: string | undefined): number => (header !== undefined && /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : 0)
