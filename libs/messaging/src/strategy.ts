import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices'
import type { Logger } from '@catamaran/platform'
import type { Kafka } from 'kafkajs'
import { ConsumerMetrics } from './consumer-metrics.js'
import type { KafkaConfig } from './env.js'
import { GroupConsumer } from './group-consumer.js'
import { HandlerRegistry, type EventPatternExtras } from './handlers.js'
import { CONSUMER_RETRY, createKafka } from './kafka.js'
import { Publisher } from './publisher.js'
import { within } from './within.js'

const PUBLISHER_CLOSE_MS = 1_000

export interface KafkaStrategyOptions {
  kafka: KafkaConfig
  logger: Logger
  /** The client id on the broker. Default `catamaran`. */
  clientId?: string
  /** How often a message is tried before it is given up. Default 5. */
  attempts?: number
  /** Wait before the second try, in milliseconds, doubling each time. Default 50. */
  retryMs?: number
  /** The longest wait while a dependency is down, in milliseconds. Default 5,000. */
  maxWaitMs?: number
  /** Events at most in one batch. Default 500. */
  batchSize?: number
  /** Partitions of a group handled at the same time. Default 12: all of a topic, so that what they bring can be written together. */
  concurrency?: number
  /** How long the group waits for a member that died. Default 6,000 ms, the least a broker allows. */
  sessionMs?: number
  /** How long closing waits for the message in hand. Default 8,000 ms. */
  closeMs?: number
}

/**
 * Brings Kafka events to `@EventPattern` methods. Each consumer group is one kafkajs consumer with a loop of our own; a group's methods see
 * an event at least once, in order per key.
 * @example
 * ```ts
 * createService({ strategy: () => new KafkaStrategy({ kafka: config.kafka, logger }), … })
 *
 * @EventPattern('orders.order.placed.v1', { group: 'aux.sales' })
 * onPlaced(@Payload() event: DomainEvent<'orders.order.placed.v1'>): Promise<void>
 *
 * @EventPattern('orders', { group: 'aux.audit', batch: true })
 * onBatch(@Payload() batch: EventBatch): Promise<void>
 *
 * @EventPattern(DEAD_LETTERS, { group: 'aux.dead-letters', batch: true })
 * onLetters(@Payload() letters: DeadLetter[]): Promise<void>
 * ```
 * What a method throws decides: an AppError of kind `unavailable` holds its partition until the dependency is back; anything else is tried
 * again a few times, then the message goes to `<topic>.dead` and the next ones pass. A malformed message goes there at once. The handler of letters is tried until it succeeds: a letter has
 * nowhere else to go. A replay is seen by the group that gave the message up, and skipped by all others.
 */
export class KafkaStrategy extends Server implements CustomTransportStrategy {
  override readonly propagatesEventHandlerErrors = true
  private readonly registry = new HandlerRegistry()
  private readonly kafka: Kafka
  private readonly publisher: Publisher
  private readonly metrics = new ConsumerMetrics()
  private consumers: GroupConsumer[] = []

  constructor(private readonly options: KafkaStrategyOptions) {
    super()
    const { kafka, clientId = 'catamaran', logger } = options
    this.kafka = createKafka(kafka, clientId, logger, CONSUMER_RETRY)
    this.publisher = new Publisher(createKafka(kafka, clientId, logger))
  }

  /** Takes a handler from Nest. Its own chaining of handlers would run all groups when one retries. */
  override addHandler(pattern: unknown, handler: MessageHandler, isEventHandler = false, extras: EventPatternExtras = {}): void {
    if (!isEventHandler) throw new Error(`@MessagePattern('${String(pattern)}'): Kafka brings events only, use @EventPattern`)
    this.registry.add(pattern, handler, extras)
  }

  /** Starts the groups in the background, whether Kafka is there or not. */
  listen(callback: () => void): void {
    const { options, kafka, publisher, metrics } = this
    this.consumers = this.registry.all().map((handlers) => new GroupConsumer(handlers, { options, kafka, publisher, metrics }))
    for (const consumer of this.consumers) consumer.start()
    callback()
  }

  /** Finishes the messages in hand, commits and leaves the groups. */
  async close(): Promise<void> {
    await Promise.all(this.consumers.map((consumer) => consumer.close()))
    await within(PUBLISHER_CLOSE_MS, this.publisher.close())
    this.metrics.close()
  }

  on(): never {
    throw new Error('KafkaStrategy has no events to listen to')
  }

  unwrap<T>(): T {
    return this.kafka as T
  }
}
