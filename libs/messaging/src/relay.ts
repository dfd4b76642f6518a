import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import type { DomainEvent, ServiceName } from '@catamaran/contracts'
import { causesOf, type Logger } from '@catamaran/platform'
import { Connection } from './connection.js'
import { Drain, PublishFailure } from './drain.js'
import type { KafkaConfig } from './env.js'
import { createKafka } from './kafka.js'
import { Lease } from './lease.js'
import type { Outbox } from './outbox.js'
import { OutboxRows } from './outbox-rows.js'
import { Publisher } from './publisher.js'
import { RelayMetrics } from './relay-metrics.js'
import { Signal } from './signal.js'
import { within } from './within.js'

export interface OutboxRelayOptions {
  kafka: KafkaConfig
  /** The source of its events (`/core-service`). */
  service: ServiceName
  logger: Logger
  /** Called with events that Kafka has acknowledged, in order. What it throws is logged; nothing is published again for it. */
  onPublished?: (events: DomainEvent[]) => void | Promise<void>
  /** How long another relay waits for a leader that died. Default 3,000 ms; renewed at a third of it. */
  leaseMs?: number
  /** How often the leader looks when nobody wakes it: this often after work, rising to five times as long. Default 100 ms. */
  pollMs?: number
  /** Rows at most in one batch. Default 500. */
  batchSize?: number
  /** How long a consumer remembers an event; longer than Kafka keeps one. Default 14 days. */
  inboxMs?: number
}

type State = 'stopped' | 'following' | 'leading' | 'waiting for Kafka' | 'waiting for PostgreSQL'

const BACKOFF_MS = { first: 100, most: 2_000 }
const PRUNE_EVERY_MS = 3_600_000
/** Kafka may be away, or take its time. */
const STOP_MS = 5_000

/**
 * Publishes a service's outbox to Kafka in order, and deletes what was acknowledged. Of all processes of a service one does, the holder of
 * the lease; at least once, since whoever dies between the acknowledgement and the delete leaves the rows to the next.
 */
@Injectable()
export class OutboxRelay implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly signal = new Signal()
  private readonly lease: Lease
  private readonly publisher: Publisher
  private readonly metrics = new RelayMetrics()
  private readonly leaseMs: number
  private readonly pollMs: number
  private running: Promise<void> = Promise.resolve()
  private state: State = 'stopped'
  private pruneAt = 0

  constructor(
    private readonly outbox: Outbox,
    private readonly options: OutboxRelayOptions,
  ) {
    this.leaseMs = options.leaseMs ?? 3_000
    this.pollMs = options.pollMs ?? 100
    this.lease = new Lease(this.leaseMs)
    this.publisher = new Publisher(createKafka(options.kafka, `${options.service}-relay`, options.logger))
  }

  onApplicationBootstrap(): void {
    this.outbox.onWake(() => this.signal.wake())
    this.running = this.run()
  }

  /** Stops after one last look: requests that were drained before may have written events. It has a connection of its own for that. */
  async onApplicationShutdown(): Promise<void> {
    this.signal.stop()
    await within(
      STOP_MS,
      this.running.then(() => this.publisher.close()),
    )
    this.metrics.close()
  }

  private async run(): Promise<void> {
    for (let backoffMs = BACKOFF_MS.first; !this.signal.isStopped; backoffMs = Math.min(backoffMs * 2, BACKOFF_MS.most)) {
      const startedAt = performance.now()
      await this.session().catch((error: unknown) => this.enter('waiting for PostgreSQL', error))
      this.lease.drop()
      if (performance.now() - startedAt > BACKOFF_MS.most) backoffMs = BACKOFF_MS.first
      await this.signal.pause(backoffMs)
    }
    this.enter('stopped')
  }

  /** One connection's life: follows until the lease is free, then leads; ends by an error or when stopped. */
  private async session(): Promise<void> {
    const connection = new Connection(this.outbox.database, () => this.lease.drop()) // the next statement fails and tells why
    try {
      await connection.open()
      while (!this.signal.isStopped) {
        if (await this.lease.take(connection)) await this.lead(connection)
        else {
          this.enter('following')
          await this.signal.pause(this.leaseMs / 3)
        }
      }
      await this.lease.release(connection)
    } finally {
      await connection.close()
    }
  }

  private async lead(connection: Connection): Promise<void> {
    const { logger, service, kafka, onPublished, batchSize = 500 } = this.options
    const rows = new OutboxRows(connection, this.lease.holder)
    const drain = new Drain({
      rows,
      publisher: this.publisher,
      metrics: this.metrics,
      isHeld: () => this.lease.isHeld,
      isStopped: () => this.signal.isStopped,
      source: `/${service}`,
      topicPrefix: kafka.topicPrefix,
      logger,
      onPublished,
      batchSize,
    })
    const renewing = setInterval(() => {
      this.lease.take(connection).catch(() => this.lease.drop())
    }, this.leaseMs / 3)
    try {
      await this.drainWhileLeading(drain, rows)
    } finally {
      clearInterval(renewing)
    }
  }

  private async drainWhileLeading(drain: Drain, rows: OutboxRows): Promise<void> {
    let backoffMs = BACKOFF_MS.first
    let idleMs = this.pollMs
    while (this.lease.isHeld && !this.signal.isStopped) {
      this.signal.clear()
      try {
        const published = await drain.run()
        if (this.lease.isHeld) this.enter('leading')
        backoffMs = BACKOFF_MS.first
        await this.prune(rows)
        idleMs = published > 0 ? this.pollMs : Math.min(idleMs * 1.5, this.pollMs * 5)
        await this.signal.idle(idleMs)
      } catch (error) {
        if (!(error instanceof PublishFailure)) throw error
        this.enter('waiting for Kafka', error)
        await this.signal.pause(backoffMs)
        backoffMs = Math.min(backoffMs * 2, BACKOFF_MS.most)
      }
    }
    if (this.lease.isHeld && this.state === 'leading') await drain.sweep()
  }

  private async prune(rows: OutboxRows): Promise<void> {
    if (performance.now() < this.pruneAt) return
    const gone = await rows.pruneInbox(this.options.inboxMs ?? 14 * 24 * 3_600_000)
    if (gone === 0) this.pruneAt = performance.now() + PRUNE_EVERY_MS
  }

  /** One log line per change of state, not per try. */
  private enter(state: State, error?: unknown): void {
    if (state === this.state) return
    this.metrics.noteAway(state === 'waiting for Kafka')
    // How the outbox stands is now another's to tell.
    if (state === 'following') this.metrics.noteWaiting(undefined, 0)
    const line = { outbox: state, was: this.state, ...(error === undefined ? {} : { causes: causesOf(error) }) }
    this.options.logger[error === undefined ? 'info' : 'warn'](line, `outbox relay: ${state}`)
    this.state = state
  }
}
