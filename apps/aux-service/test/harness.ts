import { randomBytes, randomUUID } from 'node:crypto'
import { PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import {
  deadLetterTopic,
  newId,
  TOPICS,
  uuidOf,
  type AuditLink,
  type EventData,
  type EventType,
  type Id,
  type IdKind,
  type NotificationPage,
  type PartnerId,
  type Scope,
  type Topic,
  type UserId,
} from '@catamaran/contracts'
import { AUDIT, Database, Dynamo } from '@catamaran/data'
import { createTopics, Outbox, OutboxRelay, type NewEvent } from '@catamaran/messaging'
import { createLogger, readConfig, type Service } from '@catamaran/platform'
import { OutageProxy, serviceEnvFor, TestIssuer, testScope, until, type TestScope } from '@catamaran/testing'
import { Kafka, logLevel, type Admin } from 'kafkajs'
import { createApp } from '../src/app.js'
import { Config } from '../src/config.js'
import { NOTIFICATIONS, type NewNotification } from '../src/notifications/notifications.repository.js'
import { prepareStores, StoresConfig } from '../src/stores.js'

const GROUPS = ['aux.audit', 'aux.mails', 'aux.notifications', 'aux.sales', 'aux.webhooks']

export interface Answer {
  readonly status: number
  // oxlint-disable-next-line typescript/no-explicit-any -- an answer's shape is what the tests are about
  readonly body: any
}

/** aux-service on the run's engines, with the publisher of another service beside it: events come the way they really do. */
export class Harness {
  private constructor(
    readonly scope: TestScope,
    readonly issuer: TestIssuer,
    readonly env: Record<string, string>,
    readonly database: Database,
    readonly dynamodb: OutageProxy,
    private readonly outbox: Outbox,
  ) {}

  static async create(name: string, overrides: Record<string, string> = {}): Promise<Harness> {
    const scope = testScope(name)
    const issuer = await TestIssuer.start()
    const url = await scope.database('aux')
    const dynamodb = await OutageProxy.before(scope.engines.dynamodbEndpoint)
    const env = serviceEnvFor(scope, issuer, 'aux-service', {
      ...{ DATABASE_URL: url, DYNAMODB_ENDPOINT: dynamodb.url, DATA_KEYS: randomBytes(32).toString('base64url') },
      ...{ SMTP_URL: 'smtp://127.0.0.1:1', WEBHOOK_ALLOW_HTTP: 'true', WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1' },
      ...overrides,
    })
    await Promise.all([
      prepareStores(readConfig(StoresConfig, env)),
      createTopics(scope.kafka, { partitions: 2 }), // the dead letters of all topics are read
    ])
    const database = new Database({ url })
    const outbox = new Outbox(database)
    const relay = new OutboxRelay(outbox, { kafka: scope.kafka, service: 'core-service', logger: createLogger('core-service', 'silent') })
    relay.onApplicationBootstrap()
    scope.onClose(async () => {
      await relay.onApplicationShutdown()
      await database.onApplicationShutdown()
      await Promise.all([issuer.close(), dynamodb.close()])
    })
    return new Harness(scope, issuer, env, database, dynamodb, outbox)
  }

  async start(overrides: Record<string, string> = {}): Promise<{ service: Service; url: string }> {
    const service = await createApp(readConfig(Config, { ...this.env, ...overrides }))
    const { url } = await service.listen()
    this.scope.onClose(() => service.close())
    return { service, url }
  }

  /** Calls an inner route as core-service does for a partner. */
  callAs(partner: PartnerId, url: string, method: string, path: string, body?: unknown): Promise<Answer> {
    return this.call(partner, 'webhooks', `${url}/internal/webhooks${path}`, method, body)
  }

  /** A partner's sales, as core-service reads them. */
  sales(partner: PartnerId, url: string, query: Record<string, string>): Promise<Answer> {
    return this.call(partner, 'orders', `${url}/internal/sales?${new URLSearchParams(query)}`)
  }

  private async call(partner: PartnerId, scope: Scope, url: string, method = 'GET', body?: unknown): Promise<Answer> {
    const response = await fetch(url, {
      method,
      headers: {
        'x-service-token': await this.issuer.serviceToken('core-service'),
        authorization: `Bearer ${await this.issuer.token({ sub: partner, scopes: [scope], plan: 'growth' })}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
  }

  /** Publishes an event as core-service would. */
  async publish<T extends EventType>(type: T, subject: Id<IdKind>, sequence: number, data: EventData<T>): Promise<void> {
    await this.outbox.insert(this.database, [{ type, subject, sequence, data } as never])
    this.outbox.wake()
  }

  /** The same with many at once. */
  async publishAll(events: readonly NewEvent[]): Promise<void> {
    await this.outbox.insert(this.database, events)
    this.outbox.wake()
  }

  /** Waits until each consumer group has handled all that was published. */
  async settled(groups: readonly string[] = GROUPS): Promise<void> {
    await until(async () => (await this.query<{ n: number }>('select count(*) as n from outbox'))[0]?.n === 0, {
      message: 'all is published',
    })
    await this.asAdmin(async (admin) => {
      const ends = new Map((await admin.fetchTopicOffsets(this.topic)).map(({ partition, offset }) => [partition, Number(offset)]))
      const isDone = async (group: string): Promise<boolean> => {
        const [fetched] = await admin.fetchOffsets({ groupId: this.scope.kafka.topicPrefix + group, topics: [this.topic] })
        return fetched?.partitions.every(({ partition, offset }) => Math.max(0, Number(offset)) >= (ends.get(partition) ?? 0)) ?? false
      }
      for (const group of groups) await until(() => isDone(group), { deadlineMs: 20_000, message: `${group} has handled everything` })
    })
  }

  /** Makes every group forget how far it was, so that it begins again at the first message. No service may run. */
  async replayEverything(): Promise<void> {
    await this.asAdmin((admin) => admin.deleteGroups(GROUPS.map((group) => this.scope.kafka.topicPrefix + group)))
  }

  /** A buyer's feed, as core-service reads it. */
  async notificationsOf(url: string, buyer: UserId, query = ''): Promise<NotificationPage> {
    const response = await fetch(`${url}/internal/notifications${query}`, {
      headers: {
        'x-service-token': await this.issuer.serviceToken('core-service'),
        authorization: `Bearer ${await this.issuer.token({ sub: buyer, scopes: ['notifications:read'] })}`,
      },
      signal: AbortSignal.timeout(10_000),
    })
    return (await response.json()) as NotificationPage
  }

  /** What a partner sold, cancelled and took back: pieces and amount of each, a row for each day, product and currency. */
  async salesOf(partner: PartnerId): Promise<number[][]> {
    const rows = await this.query<Record<string, number>>(
      `select sold_pieces, sold_minor, cancelled_pieces, cancelled_minor, returned_pieces, returned_minor from product_day
       where partner_id = $1 order by day, product_id, currency`,
      [uuidOf(partner)],
    )
    return rows.map((row) => Object.values(row))
  }

  /** The audit chains of both partitions of a topic. */
  async chains(topic: Topic = 'orders'): Promise<AuditLink[][]> {
    return this.asDynamo(async (dynamo) => {
      const chainOf = async (partition: number): Promise<AuditLink[]> => {
        const query = { KeyConditionExpression: 'chain = :chain', ExpressionAttributeValues: { ':chain': `${topic}#${partition}` } }
        return ((await dynamo.send(new QueryCommand({ TableName: dynamo.table(AUDIT), ...query }))).Items ?? []) as AuditLink[]
      }
      return Promise.all([chainOf(0), chainOf(1)])
    })
  }

  /** How far the group of the audit has come on each chain. */
  async audited(): Promise<Map<string, number>> {
    const topics = Object.keys(TOPICS)
    const prefix = this.scope.kafka.topicPrefix
    const found = await this.asAdmin((admin) =>
      admin.fetchOffsets({ groupId: `${prefix}aux.audit`, topics: topics.map((topic) => prefix + topic) }),
    )
    return new Map(
      found.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset }) => [`${topic.slice(prefix.length)}#${partition}`, Math.max(0, Number(offset))] as const),
      ),
    )
  }

  /** What really lies in a user's feed, whoever may see it: the ids. */
  async feedOf(userId: UserId): Promise<string[]> {
    const query = { KeyConditionExpression: 'userId = :userId', ExpressionAttributeValues: { ':userId': userId }, ConsistentRead: true }
    const { Items = [] } = await this.asDynamo((dynamo) =>
      dynamo.send(new QueryCommand({ TableName: dynamo.table(NOTIFICATIONS), ...query })),
    )
    return Items.map(({ id }) => String(id))
  }

  /** Puts an entry into a feed, as a process does that dies right after. */
  async plant(entry: NewNotification): Promise<void> {
    await this.asDynamo((dynamo) => dynamo.send(new PutCommand({ TableName: dynamo.table(NOTIFICATIONS), Item: entry })))
  }

  /** The data of all events that lie on the topic `erasure`. */
  erasures(): Promise<unknown[]> {
    return this.published('erasure')
  }

  /** The data of all events that lie on a topic. */
  async published(name: Topic): Promise<unknown[]> {
    const topic = this.scope.kafka.topicPrefix + name
    const size = await this.asAdmin(async (admin) =>
      (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0),
    )
    const consumer = this.kafka.consumer({ groupId: `${this.scope.id}.probe.${randomUUID()}` })
    const found: unknown[] = []
    try {
      await consumer.connect()
      await consumer.subscribe({ topics: [topic], fromBeginning: true })
      await consumer.run({ eachMessage: async ({ message }) => void found.push(JSON.parse(String(message.value))) })
      await until(() => found.length >= size, { deadlineMs: 20_000, message: 'the topic is read' })
      return found
    } finally {
      await consumer.disconnect()
    }
  }

  /** Puts a raw message on the topic, or on its dead-letter topic, as a broken publisher might; as often as that in one batch. */
  async produce(key: string, value: string, headers: Record<string, string>, { isDead = false, times = 1 } = {}): Promise<void> {
    const producer = this.kafka.producer()
    await producer.connect()
    await producer.send({
      topic: isDead ? deadLetterTopic(this.topic) : this.topic,
      messages: Array.from({ length: times }, () => ({ key, value, headers })),
    })
    await producer.disconnect()
  }

  /** How many messages lie on the dead-letter topic. */
  deadLetters(): Promise<number> {
    return this.asAdmin(async (admin) =>
      (await admin.fetchTopicOffsets(deadLetterTopic(this.topic))).reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0),
    )
  }

  private get topic(): string {
    return `${this.scope.kafka.topicPrefix}orders`
  }

  private get kafka(): Kafka {
    return new Kafka({ brokers: this.scope.kafka.brokers, logLevel: logLevel.NOTHING })
  }

  /** DynamoDB past the proxy. */
  async asDynamo<T>(work: (dynamo: Dynamo) => Promise<T>): Promise<T> {
    const dynamo = new Dynamo({ endpoint: this.scope.engines.dynamodbEndpoint, region: 'local', tablePrefix: this.scope.tablePrefix })
    try {
      return await work(dynamo)
    } finally {
      dynamo.onApplicationShutdown()
    }
  }

  private async asAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.kafka.admin()
    await admin.connect()
    try {
      return await work(admin)
    } finally {
      await admin.disconnect()
    }
  }

  query<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    return this.database.query<Row>({ name: '', text }, values)
  }

  close(): Promise<void> {
    return this.scope.close()
  }
}

/** The facts of an order of one line. */
export const orderFacts = (sellerId = newId('seller'), buyerId = newId('user')) => ({
  orderId: newId('order'),
  buyerId,
  currency: 'EUR' as const,
  totalMinor: 300,
  lines: [{ productId: newId('product'), sellerId, quantity: 3, unitPriceMinor: 100 }],
})

/** The facts of a partner's part of an order: three pieces of one product. */
export const partFacts = (partnerId: PartnerId, productId = newId('product'), orderId = newId('order')) => {
  const [sellerId, fulfilmentId] = [newId('seller'), newId('fulfilment')]
  const money = { currency: 'EUR' as const, itemsMinor: 300, shippingMinor: 50 }
  return { ...{ fulfilmentId, orderId, sellerId, partnerId }, ...money, lines: [{ productId, sellerId, quantity: 3, unitPriceMinor: 100 }] }
}
