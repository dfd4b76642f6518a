import { TOPICS, type DomainEvent, type Topic } from '@catamaran/contracts'
import {
  causesOf,
  isSampled,
  isUnavailable,
  runInContext,
  traced,
  traceparentOf,
  type LogFields,
  type RequestContext,
} from '@catamaran/platform'
import { SpanKind } from '@opentelemetry/api'
import type { Batch, EachBatchPayload, KafkaMessage } from 'kafkajs'
import { Commits } from './commits.js'
import { readMessage, typeOf, isEventType } from './cloud-event.js'
import type { ConsumerMetrics, Outcome } from './consumer-metrics.js'
import { isForAnother, letterOf, reasonOf, sendDeadLetter, type DeadReason } from './dead-letter.js'
import type { GroupHandlers } from './handlers.js'
import type { Publisher } from './publisher.js'
import type { KafkaStrategyOptions } from './strategy.js'
import { turnToRead } from './turn.js'

export interface LoopDeps {
  readonly options: KafkaStrategyOptions
  readonly publisher: Publisher
  readonly metrics: ConsumerMetrics
}

/** What is handled, retried and resolved together: one message, or some consecutive ones for a batch handler. */
interface Step {
  readonly topic: Topic
  readonly fullTopic: string
  readonly partition: number
  readonly messages: readonly [KafkaMessage, ...KafkaMessage[]]
  readonly context: RequestContext
  /** Fields of its log line. */
  readonly fields: LogFields
}

/** What stands in the way of a partition: the step that fails, by its first offset. */
interface Trouble {
  readonly offset: string
  readonly since: number
  attempts: number
  waits: number
}

/** How often a member tells that it lives, also while a handler works. */
export const HEARTBEAT_MS = 1_500
const FIRST_WAIT_MS = 100

/**
 * Handles what a consumer fetched, partition by partition in order, and decides what becomes of a message that fails. Nothing is ever thrown
 * to kafkajs but its own errors: it would stop all partitions. A partition that has to wait is paused, so that the others go on.
 */
export class MessageLoop {
  private readonly troubles = new Map<string, Trouble>()
  /** Up to which offset a partition's batches are taken apart, to find the message that spoils one. */
  private readonly singlyUpTo = new Map<string, number>()
  private readonly timers = new Set<NodeJS.Timeout>()
  private readonly commits = new Commits()

  constructor(
    private readonly handlers: GroupHandlers,
    private readonly deps: LoopDeps,
  ) {}

  /** kafkajs's `eachBatch`. @throws what kafkajs throws from a heartbeat, such as the start of a rebalance */
  async eachBatch(fetched: EachBatchPayload): Promise<void> {
    const { batch } = fetched
    const beating = setInterval(() => {
      fetched.heartbeat().catch(() => undefined) // told again by the next one
    }, HEARTBEAT_MS)
    try {
      for (const step of this.stepsOf(batch)) {
        if (!fetched.isRunning() || fetched.isStale()) return
        const waitMs = await this.attempt(step)
        const last = step.messages.at(-1) as KafkaMessage
        this.noteLag(step, Number(batch.highWatermark) - 1 - Number(last.offset))
        if (waitMs !== undefined) return this.hold(fetched.pause(), waitMs)
        fetched.resolveOffset(last.offset)
        await this.commits.note(fetched)
        await fetched.heartbeat()
      }
    } finally {
      clearInterval(beating)
    }
  }

  /** Commits what was handled, and from now on each step: the consumer is about to stop. */
  end(): Promise<void> {
    return this.commits.end()
  }

  /** Lets go of paused partitions and of what is not committed: the consumer has gone. */
  close(): void {
    for (const timer of this.timers) clearTimeout(timer)
    this.timers.clear()
    this.commits.drop()
  }

  private hold(resume: () => void, waitMs: number): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      resume()
    }, waitMs)
    this.timers.add(timer)
  }

  private *stepsOf(batch: Batch): Generator<Step> {
    const topic = batch.topic.slice(this.deps.options.kafka.topicPrefix.length) as Topic
    const takesBatches = this.handlers.byTopic.has(topic) || this.isOfLetters(topic)
    const batchSize = takesBatches ? (this.deps.options.batchSize ?? 500) : 1
    const key = keyOf(batch.topic, batch.partition)
    for (let at = 0; at < batch.messages.length;) {
      const isSingly = Number(batch.messages[at]?.offset) <= (this.singlyUpTo.get(key) ?? -1)
      const messages = batch.messages.slice(at, at + (isSingly ? 1 : batchSize)) as [KafkaMessage, ...KafkaMessage[]]
      at += messages.length
      const context = {
        requestId: `${batch.topic}:${batch.partition}:${messages[0].offset}`,
        traceparent: traceparentOf(undefined),
        fields: {},
      }
      yield { topic, fullTopic: batch.topic, partition: batch.partition, messages, context, fields: {} }
    }
  }

  /** Handles a step. @returns how long to wait before it is tried again, or undefined when it is settled */
  private async attempt(step: Step): Promise<number | undefined> {
    const startedAt = performance.now()
    const key = keyOf(step.fullTopic, step.partition)
    const known = this.troubles.get(key)
    const trouble =
      known?.offset === step.messages[0].offset ? known : { offset: step.messages[0].offset, since: Date.now(), attempts: 0, waits: 0 }
    let waitMs: number | undefined
    try {
      const outcome = await this.handle(step)
      this.tell(step, outcome, trouble, startedAt)
    } catch (error) {
      waitMs = await this.failed(step, trouble, error, startedAt)
    }
    if (waitMs === undefined) this.troubles.delete(key)
    else this.troubles.set(key, trouble)
    return waitMs
  }

  private handle(step: Step): Promise<Outcome> {
    if (this.isOfLetters(step.topic)) return this.handleLetters(step)
    return this.handlers.byTopic.has(step.topic) ? this.handleBatch(step) : this.handleOne(step)
  }

  /** Whether these are letters: a topic that only the handler of letters reads. */
  private isOfLetters(topic: string): boolean {
    return this.handlers.byLetter !== undefined && !Object.hasOwn(TOPICS, topic)
  }

  private async handleLetters(step: Step): Promise<Outcome> {
    const { topicPrefix } = this.deps.options.kafka
    const letters = step.messages.map((message) => letterOf(step.fullTopic, topicPrefix, step.partition, message))
    Object.assign(step.fields, { letters: letters.length })
    await runInContext(step.context, () => this.handlers.byLetter?.(letters))
    return 'done'
  }

  private async handleOne(step: Step): Promise<Outcome> {
    const [message] = step.messages
    if (isForAnother(message.headers, this.handlers.group)) return 'skipped'
    const type = typeOf(message.headers)
    const handle = isEventType(type) ? this.handlers.byType.get(type) : undefined
    if (handle === undefined && type !== '') return 'skipped'
    const reading = readMessage(step.topic, message.headers, message.value)
    if (reading.kind === 'malformed') return this.giveUp(step, message, { code: 'message.malformed', message: reading.reason, attempts: 1 })
    if (reading.kind === 'unknown' || handle === undefined) return 'skipped'
    const { event } = reading
    Object.assign(step.fields, { type, subject: event.subject, sequence: event.sequence })
    Object.assign(step.context, contextOf(event))
    await this.process(step, () => handle(event))
    return 'done'
  }

  /** Malformed messages are given up after the others were handled: a retry of the batch would repeat their dead letters. */
  private async handleBatch(step: Step): Promise<Outcome> {
    const { topic, partition, messages } = step
    await turnToRead(messages.length)
    const own = messages.filter(({ headers }) => !isForAnother(headers, this.handlers.group))
    const readings = own.map((message) => ({ message, reading: readMessage(topic, message.headers, message.value) }))
    const events = readings.flatMap(({ message, reading }) =>
      reading.kind === 'event' ? [{ offset: Number(message.offset), event: reading.event }] : [],
    )
    const [first] = events
    Object.assign(step.fields, { lastOffset: Number(messages.at(-1)?.offset), events: events.length })
    if (first !== undefined) Object.assign(step.context, contextOf(first.event))
    const sampled = events.flatMap(({ event: { traceparent } }) =>
      traceparent !== undefined && isSampled(traceparent) ? [traceparent] : [],
    )
    if (sampled[0] !== undefined) Object.assign(step.context, { traceparent: sampled[0] })
    // Without events too: who keeps a record of every offset has to hear of those.
    const batch = { topic, partition, firstOffset: Number(messages[0].offset), lastOffset: Number(messages.at(-1)?.offset), events }
    await this.process(step, async () => this.handlers.byTopic.get(topic)?.(batch), sampled)
    for (const { message, reading } of readings) {
      if (reading.kind === 'malformed')
        await this.giveUp(step, message, { code: 'message.malformed', message: reading.reason, attempts: 1 })
    }
    if (first !== undefined) return 'done'
    return messages.length === 1 && readings[0]?.reading.kind === 'malformed' ? 'dead' : 'skipped'
  }

  /**
   * Has the step's handler run in its context, under a span by the semantic conventions for messaging: a message's is below what created it, a
   * batch's below what created its first sampled message. All of them are linked.
   */
  private process({ context, topic, messages, partition }: Step, work: () => Promise<void>, links = [context.traceparent]): Promise<void> {
    const attributes = {
      ...{ 'messaging.system': 'kafka', 'messaging.operation.name': 'process', 'messaging.operation.type': 'process' },
      ...{ 'messaging.destination.name': topic, 'messaging.destination.partition.id': String(partition) },
      ...{ 'messaging.consumer.group.name': this.handlers.group, 'messaging.batch.message_count': messages.length },
    }
    return runInContext(context, () => traced(`process ${topic}`, { kind: SpanKind.CONSUMER, attributes, links }, work))
  }

  private async failed(step: Step, trouble: Trouble, error: unknown, startedAt: number): Promise<number | undefined> {
    const { attempts: most = 5, retryMs = 50, maxWaitMs = 5_000 } = this.deps.options
    step.fields.causes = causesOf(error)
    // A letter has nowhere else to go: it waits too.
    if (isUnavailable(error) || this.isOfLetters(step.topic)) {
      trouble.waits++
      if (trouble.waits === 1) this.tell(step, 'waiting', trouble, startedAt)
      return Math.min(FIRST_WAIT_MS * 2 ** (trouble.waits - 1), maxWaitMs)
    }
    trouble.attempts++
    if (trouble.attempts < most) {
      this.tell(step, 'retried', trouble, startedAt)
      return retryMs * 2 ** (trouble.attempts - 1)
    }
    if (step.messages.length > 1) {
      this.singlyUpTo.set(keyOf(step.fullTopic, step.partition), Number(step.messages.at(-1)?.offset))
      trouble.attempts = 0
      this.tell(step, 'retried', trouble, startedAt)
      return retryMs
    }
    try {
      const outcome = await this.giveUp(step, step.messages[0], reasonOf(error, trouble.attempts))
      this.tell(step, outcome, trouble, startedAt)
      return undefined
    } catch (deadLetterError) {
      return this.failed(step, trouble, deadLetterError, startedAt)
    }
  }

  private async giveUp(step: Step, message: KafkaMessage, reason: DeadReason): Promise<Outcome> {
    const { publisher, metrics } = this.deps
    const { group } = this.handlers
    await sendDeadLetter(publisher, { topic: step.fullTopic, partition: step.partition, group }, message, reason)
    if (step.messages.length > 1) metrics.note(group, 'dead', 1)
    Object.assign(step.fields, { deadCode: reason.code, deadMessage: reason.message })
    return 'dead'
  }

  /** The one wide log line of a step, and its metrics. What a group doesn't handle is counted only. */
  private tell(step: Step, outcome: Outcome, trouble: Trouble, startedAt: number): void {
    const { options, metrics } = this.deps
    const { group } = this.handlers
    metrics.note(group, outcome, step.messages.length)
    if (outcome === 'skipped') return
    const durationMs = performance.now() - startedAt
    metrics.noteDuration(group, durationMs, step.context.traceparent)
    const level = outcome === 'done' ? 'info' : outcome === 'dead' ? 'error' : 'warn'
    options.logger[level](
      {
        requestId: step.context.requestId,
        trace: step.context.traceparent.slice(3, 35),
        group,
        topic: step.fullTopic,
        partition: step.partition,
        offset: Number(step.messages[0].offset),
        outcome,
        durationMs: Math.round(durationMs * 100) / 100,
        ageMs: Date.now() - Number(step.messages[0].timestamp),
        ...(trouble.attempts + trouble.waits === 0
          ? {}
          : { attempts: trouble.attempts, waits: trouble.waits, heldMs: Date.now() - trouble.since }),
        ...step.fields,
        ...step.context.fields,
      },
      step.messages.length === 1 ? 'message' : 'batch',
    )
  }

  private noteLag(step: Step, lag: number): void {
    const trouble = this.troubles.get(keyOf(step.fullTopic, step.partition))
    this.deps.metrics.notePartition(this.handlers.group, step.topic, step.partition, lag, trouble?.since)
  }
}

const keyOf = (topic: string, partition: number): string => `${topic}:${partition}`

const contextOf = ({ id, traceparent }: DomainEvent): Pick<RequestContext, 'requestId' | 'traceparent'> => ({
  requestId: id,
  traceparent: traceparentOf(traceparent),
})
