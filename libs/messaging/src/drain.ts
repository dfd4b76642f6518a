import { EVENTS, type DomainEvent } from '@catamaran/contracts'
import { causesOf, type Logger } from '@catamaran/platform'
import type { Message, TopicMessages } from 'kafkajs'
import { eventOf, messageOf, type OutboxRow } from './cloud-event.js'
import type { OutboxRows } from './outbox-rows.js'
import type { Publisher } from './publisher.js'
import type { RelayMetrics } from './relay-metrics.js'

export interface DrainOptions {
  rows: OutboxRows
  publisher: Publisher
  metrics: RelayMetrics
  /** Whether the lease is still ours: without it nothing more is sent. */
  isHeld: () => boolean
  isStopped: () => boolean
  source: string
  topicPrefix: string
  logger: Logger
  onPublished: ((events: DomainEvent[]) => void | Promise<void>) | undefined
  batchSize: number
}

interface Outgoing {
  readonly row: OutboxRow
  readonly event: DomainEvent
  readonly message: Message & { value: string }
}

interface Batch {
  readonly rows: readonly OutboxRow[]
  /** Those of them that can be sent. */
  readonly outgoing: readonly Outgoing[]
}
const NOTHING: Batch = { rows: [], outgoing: [] }

/** A send holds less than a broker takes in one request (1 MiB), though every event of it may go to one partition. */
const MAX_SEND_BYTES = 900_000
const HEADER_BYTES = 400
/** While there is a backlog, rows are read behind the last one; this often it starts at the front again, for transactions that came late. */
const SWEEP_MS = 250
/** The depth of a backlog is counted this often, and no further than that. */
const COUNT_EVERY_MS = 2_000
const MOST_COUNTED = 10_000
/** What the broker will never take, however often it is sent. */
const NEVER = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD', 'INVALID_TIMESTAMP'])

const isNever = (error: unknown): boolean => {
  for (let at = error; at instanceof Error; at = at.cause) if (NEVER.has((at as { type?: string }).type ?? '')) return true
  return false
}

/** Kafka did not take a batch: what was in it is still in the outbox. */
export class PublishFailure extends Error {
  override readonly name = 'PublishFailure'
}

/** Empties the outbox: the next rows are read and the last ones deleted while a batch is on its way, never two batches at once. */
export class Drain {
  private notifying: Promise<void> = Promise.resolve()
  private depth = 0
  private countAt = 0

  constructor(private readonly options: DrainOptions) {}

  /**
   * Publishes until nothing is left, the lease has gone, or it is told to stop.
   * @returns how many were published
   * @throws PublishFailure when Kafka doesn't take them; what PostgreSQL says
   */
  async run(): Promise<number> {
    for (let published = 0; ;) {
      const { published: swept, isEmpty } = await this.sweep()
      published += swept
      if (isEmpty || this.options.isStopped()) return published
    }
  }

  /**
   * One pass from the front of the outbox; when told to stop, it ends with the batch in hand.
   * @returns how many were published, and whether nothing was left behind the last of them
   */
  async sweep(): Promise<{ published: number; isEmpty: boolean }> {
    const { rows, batchSize, metrics, isHeld, isStopped } = this.options
    const endAt = performance.now() + SWEEP_MS
    let published = 0
    let isEmpty = true
    let deleting: Promise<void> = Promise.resolve()
    try {
      let batch = await this.read(0)
      while (batch.rows.length > 0 && isHeld()) {
        metrics.noteWaiting(batch.rows[0]?.time, await this.depthOf(batch))
        isEmpty = batch.rows.length < batchSize
        const hasMore = !isEmpty && performance.now() < endAt && !isStopped()
        const next = hasMore ? this.read(batch.rows.at(-1)?.seq ?? 0) : Promise.resolve(NOTHING)
        next.catch(() => undefined) // seen where it is awaited, unless sending fails first
        await this.publish(batch)
        await deleting
        deleting = rows.delete(batch.rows)
        deleting.catch(() => undefined) // the same
        published += batch.rows.length
        batch = await next
      }
      if (published === 0 && batch.rows.length === 0) metrics.noteWaiting(undefined, 0)
    } finally {
      await deleting
      await this.notifying
    }
    return { published, isEmpty }
  }

  private async publish({ outgoing }: Batch): Promise<void> {
    const sent: DomainEvent[] = []
    for (const chunk of chunksOf(outgoing)) await this.send(chunk, sent)
    this.options.metrics.notePublished(sent.length)
    await this.notify(sent)
  }

  /** How many events wait, the batch included: counted only while more than one batch does, and not each time. */
  private async depthOf({ rows }: Batch): Promise<number> {
    if (rows.length < this.options.batchSize) this.depth = rows.length
    else if (performance.now() >= this.countAt) {
      this.countAt = performance.now() + COUNT_EVERY_MS
      this.depth = await this.options.rows.count(MOST_COUNTED)
    }
    return this.depth
  }

  /** The rows behind one, made into messages while the batch before is on its way. */
  private async read(afterSeq: number): Promise<Batch> {
    const rows = await this.options.rows.read(afterSeq, this.options.batchSize)
    const outgoing: Outgoing[] = []
    for (const row of rows) {
      try {
        const event = eventOf(row, this.options.source)
        outgoing.push({ row, event, message: messageOf(event) })
      } catch (error) {
        await this.setAside(row, error)
      }
    }
    return { rows, outgoing }
  }

  private async send(chunk: readonly Outgoing[], sent: DomainEvent[]): Promise<void> {
    try {
      await this.options.publisher.send(topicMessagesOf(chunk, this.options.topicPrefix))
      for (const { event } of chunk) sent.push(event)
    } catch (error) {
      if (!isNever(error)) throw new PublishFailure('Kafka did not take a batch', { cause: error })
      const [first, ...rest] = chunk
      if (first !== undefined && rest.length === 0) return this.setAside(first.row, error)
      for (const one of chunk) await this.send([one], sent)
    }
  }

  private async setAside(row: OutboxRow, error: unknown): Promise<void> {
    const { rows, metrics, logger } = this.options
    const causes = causesOf(error)
    await rows.setAside(row, causes.join('; '))
    metrics.noteDead()
    logger.error({ seq: row.seq, type: row.type, subject: row.subject, causes }, 'event can never be published, moved to outbox_dead')
  }

  /** Tells the listener in order, one batch at a time, while the next one is on its way. */
  private async notify(events: DomainEvent[]): Promise<void> {
    const { onPublished, logger } = this.options
    if (onPublished === undefined || events.length === 0) return
    await this.notifying
    this.notifying = (async () => onPublished(events))().catch((error: unknown) => {
      logger.warn({ causes: causesOf(error), events: events.length }, 'onPublished failed')
    })
  }
}

const chunksOf = (outgoing: readonly Outgoing[]): Outgoing[][] => {
  const chunks: Outgoing[][] = []
  let bytes = Infinity
  for (const one of outgoing) {
    const size = Buffer.byteLength(one.message.value) + HEADER_BYTES
    bytes += size
    if (bytes > MAX_SEND_BYTES) {
      chunks.push([])
      bytes = size
    }
    chunks.at(-1)?.push(one)
  }
  return chunks
}

const topicMessagesOf = (chunk: readonly Outgoing[], prefix: string): TopicMessages[] => {
  const byTopic = new Map<string, Message[]>()
  for (const { event, message } of chunk) {
    const topic = prefix + EVENTS[event.type].topic
    const messages = byTopic.get(topic)
    if (messages === undefined) byTopic.set(topic, [message])
    else messages.push(message)
  }
  return [...byTopic].map(([topic, messages]) => ({ topic, messages }))
}
