import { randomUUID } from 'node:crypto'
import { newId, type OrderId } from '@catamaran/contracts'
import { Database } from '@catamaran/data'
import { createLogger, ProblemFilter, type Logger } from '@catamaran/platform'
import { testScope, until, type TestScope } from '@catamaran/testing'
import { Module, type INestMicroservice, type Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { Kafka, logLevel } from 'kafkajs'
import { createTopics, KafkaStrategy, migrateMessaging, Outbox, OutboxRelay } from '../src/index.js'
import type { KafkaStrategyOptions, NewEvent, OutboxRelayOptions } from '../src/index.js'

export const logger = createLogger('test', 'silent')

/** A database with an outbox, and topics, for one test file. */
export const makeSetting = async (name: string, options: { partitions?: number } = {}) => {
  const scope = testScope(name)
  const [url] = await Promise.all([
    scope.database('outbox', migrateMessaging),
    createTopics(scope.kafka, { topics: ['orders', 'identity'], ...options }),
  ])
  const database = new Database({ url })
  scope.onClose(() => database.onApplicationShutdown())
  return { scope, url, database, outbox: new Outbox(database) }
}

/** A relay that runs until the scope closes or `stop` is called. */
export const startRelay = (scope: TestScope, outbox: Outbox, options: Partial<OutboxRelayOptions> = {}): { stop: () => Promise<void> } => {
  const relay = new OutboxRelay(outbox, { kafka: scope.kafka, service: 'core-service', logger, ...options })
  relay.onApplicationBootstrap()
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => (stopping ??= relay.onApplicationShutdown())
  scope.onClose(stop)
  return { stop }
}

/** Consumers of a controller, as a service runs them, until the scope closes or it is closed. */
export const startConsumers = async (
  scope: TestScope,
  controller: Type<unknown>,
  options: Partial<KafkaStrategyOptions> = {},
): Promise<INestMicroservice> => {
  class TestModule {}
  Module({ controllers: [controller] })(TestModule)
  const strategy = new KafkaStrategy({ kafka: scope.kafka, logger, ...options })
  const app = await NestFactory.createMicroservice(TestModule, { strategy, logger: false })
  app.useGlobalFilters(new ProblemFilter())
  await app.listen()
  scope.onClose(() => app.close())
  return app
}

/** An order that was placed. */
export const orderPlaced = (orderId: OrderId = newId('order'), sequence = 1): NewEvent<'orders.order.placed.v1'> => ({
  type: 'orders.order.placed.v1',
  subject: orderId,
  sequence,
  data: {
    orderId,
    buyerId: newId('user'),
    currency: 'EUR',
    totalMinor: 1250,
    lines: [{ productId: newId('product'), sellerId: newId('seller'), quantity: 1, unitPriceMinor: 1250 }],
    holdExpiresAt: '2030-01-01T00:00:00.000Z',
  },
})

/** Commits events and wakes the relay of this process. */
export const commit = async (outbox: Outbox, ...events: NewEvent[]): Promise<void> => {
  await outbox.database.transaction((tx) => outbox.insert(tx, events))
  outbox.wake()
}

/** How many rows a table has. */
export const countOf = async (database: Database, table: 'outbox' | 'outbox_dead' | 'inbox'): Promise<number> => {
  const [row] = await database.query<{ count: number }>({ name: `test.count.${table}`, text: `select count(*) from ${table}` })
  return row?.count ?? 0
}

/** A message as it lies on a topic. */
export interface Lying {
  readonly partition: number
  readonly offset: number
  readonly key: string
  readonly value: string
  readonly headers: Record<string, string>
}

/** The first `count` messages of a topic (or what `enough` asks for), each partition in order, read by a group of its own. */
export const readTopic = async (
  scope: TestScope,
  topic: string,
  enough: number | ((messages: readonly Lying[]) => boolean),
): Promise<Lying[]> => {
  const consumer = new Kafka({ brokers: scope.kafka.brokers, logLevel: logLevel.NOTHING }).consumer({
    groupId: `${scope.kafka.topicPrefix}${randomUUID()}`,
    maxWaitTimeInMs: 50,
  })
  const messages: Lying[] = []
  const isEnough = typeof enough === 'number' ? (): boolean => messages.length >= enough : enough
  await consumer.connect()
  try {
    await consumer.subscribe({ topics: [scope.kafka.topicPrefix + topic], fromBeginning: true })
    await consumer.run({
      eachMessage: ({ partition, message }) => {
        const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)])
        messages.push({
          partition,
          offset: Number(message.offset),
          key: String(message.key),
          value: String(message.value),
          headers: Object.fromEntries(headers) as Record<string, string>,
        })
        return Promise.resolve()
      },
    })
    await until(() => isEnough(messages), { deadlineMs: 20_000, message: `${topic} holds what was sent` })
  } finally {
    await consumer.disconnect()
  }
  return messages
}

/** A logger that keeps its lines, to look at what an operator would see. */
export const keepingLogger = (): { logger: Logger; lines: Record<string, unknown>[] } => {
  const lines: Record<string, unknown>[] = []
  const keep =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push({ level, message, ...fields })
  const kept = { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') }
  return { logger: kept as unknown as Logger, lines }
}
