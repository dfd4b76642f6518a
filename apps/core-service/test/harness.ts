import { randomUUID } from 'node:crypto'
import { newId, uuidOf, type ProductId, type Topic, type UserId } from '@catamaran/contracts'
import { Database } from '@catamaran/data'
import { readConfig, type Service } from '@catamaran/platform'
import { serviceEnvFor, TestIssuer, testScope, until, type TestScope } from '@catamaran/testing'
import { Kafka, logLevel, type KafkaMessage } from 'kafkajs'
import { createApp } from '../src/app.js'
import { Config } from '../src/config.js'
import { prepareStores, StoresConfig } from '../src/stores.js'

export const ADDRESS = { name: 'A Buyer', line1: 'Havenkade 12', city: 'Rotterdam', postalCode: '3011 AA', country: 'NL' }
const BUYER_SCOPES = ['orders:read', 'orders:write', 'cart:write', 'notifications:read']

export interface Answer {
  status: number
  headers: Headers
  // What the tests look into; each asserts what it needs.
  // oxlint-disable-next-line typescript/no-explicit-any -- an answer's shape is what the tests are about
  body: any
}

/** core-service on the run's engines with a database of its own, and what tests need around it. */
export class Harness {
  private constructor(
    readonly scope: TestScope,
    readonly issuer: TestIssuer,
    readonly env: Record<string, string>,
    readonly database: Database,
  ) {}

  /** Prepares stores; `overrides` change the environment of every app that is started. */
  static async create(name: string, overrides: Record<string, string> = {}): Promise<Harness> {
    const scope = testScope(name)
    const issuer = await TestIssuer.start()
    const url = await scope.database('core')
    const env = serviceEnvFor(scope, issuer, 'core-service', {
      DATABASE_URL: url,
      PSP_URL: 'http://127.0.0.1:1',
      PSP_API_KEY: 'psp-test-key',
      PSP_CALLBACK_SECRET: 'psp-test-callback-secret',
      ORDER_MAX_UNPAID: '1000', // one buyer stands for many
      ...overrides,
    })
    await prepareStores(readConfig(StoresConfig, { ...env, DATABASE_URL: url, DYNAMODB_ENDPOINT: scope.engines.dynamodbEndpoint }))
    const database = new Database({ url })
    scope.onClose(async () => {
      await database.onApplicationShutdown()
      await issuer.close()
    })
    return new Harness(scope, issuer, env, database)
  }

  /** Starts an app; more than one is more than one process to the stores. */
  async start(overrides: Record<string, string> = {}): Promise<{ service: Service; url: string }> {
    const service = await createApp(readConfig(Config, { ...this.env, ...overrides }))
    const { url } = await service.listen()
    let closing: Promise<void> | undefined
    const close = (): Promise<void> => (closing ??= service.close())
    this.scope.onClose(close)
    return { service: { ...service, close }, url }
  }

  /** A buyer with a token, and a function that calls as them. */
  async buyer(url: string, sub: UserId = newId('user')) {
    const token = await this.issuer.token({ sub, scopes: BUYER_SCOPES })
    return {
      id: sub,
      call: (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
        this.call(url, method, path, body, { authorization: `Bearer ${token}`, ...headers }),
    }
  }

  /** A call as the gateway makes it. */
  async call(url: string, method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(url + path, {
      method,
      headers: {
        'x-service-token': await this.issuer.serviceToken('api-gateway'),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
  }

  /** Puts a product up for sale. */
  async product(
    stock: number,
    {
      priceMinor = 1000,
      name = 'A thing',
      description = `${name}, made by hand.`,
      category = 'kitchen',
      currency = 'EUR',
    }: { priceMinor?: number; name?: string; description?: string; category?: string; currency?: string } = {},
  ): Promise<ProductId> {
    const id = newId('product')
    const seller = newId('seller')
    const insert = (text: string, values: unknown[]) => this.database.query({ name: '', text }, values)
    await insert('insert into seller (id, name, slug) values ($1, $2, $3)', [uuidOf(seller), 'A Seller', randomUUID()])
    await insert(
      'insert into product (id, seller_id, name, description, category, price_minor, currency) values ($1, $2, $3, $4, $5, $6, $7)',
      [uuidOf(id), uuidOf(seller), name, description, category, priceMinor, currency],
    )
    await insert('insert into stock (product_id, available, initial) values ($1, $2, $2)', [uuidOf(id), stock])
    return id
  }

  async stockOf(id: ProductId): Promise<{ available: number; held: number }> {
    const [row] = await this.database.query<{ available: number; held: number }>(
      { name: '', text: 'select available, held from stock where product_id = $1' },
      [uuidOf(id)],
    )
    if (row === undefined) throw new Error('no stock')
    return row
  }

  /** Waits until a statement waits for a lock. Looked at outside any transaction: inside one, PostgreSQL shows what it showed first. */
  async untilBlocked(): Promise<void> {
    const waiting = "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    await until(async () => (await this.database.query({ name: '', text: waiting })).length === 1, {
      message: 'a statement waits for a lock',
    })
  }

  /** What must always hold of the books (invariants I1 and I2); empty when it does. */
  async faults(): Promise<unknown[]> {
    return this.database.query({
      name: '',
      text: `select 'held is not what pending orders hold' as fault, s.product_id::text as id from stock s
        where s.held <> (select coalesce(sum(l.quantity), 0) from order_line l join orders o on o.id = l.order_id
          where l.product_id = s.product_id and o.status = 'pending_payment')
        union all
        select 'total is not the sum of its lines', o.id::text from orders o
        where o.total_minor <> (select sum(l.quantity * l.unit_price_minor + l.shipping_minor) from order_line l where l.order_id = o.id)
        union all
        select 'an order without its event or transition', o.id::text from orders o
        where not exists (select from order_transition t where t.order_id = o.id and t.version = o.version)`,
    })
  }

  /** The data of all events that lie on a topic. */
  async published(topic: Topic): Promise<unknown[]> {
    return (await this.messages(topic)).map(({ value }) => JSON.parse(String(value)))
  }

  /** The types and actors of all events that lie on a topic, in the order of a partition. */
  async actors(topic: Topic): Promise<(readonly [type: string, actor: string | undefined])[]> {
    return (await this.messages(topic)).map(({ headers }) => [String(headers?.['ce_type']), headers?.['ce_actor']?.toString()] as const)
  }

  private async messages(topic: Topic): Promise<KafkaMessage[]> {
    const { kafka: config, id } = this.scope
    const kafka = new Kafka({ brokers: config.brokers, logLevel: logLevel.NOTHING })
    const [admin, consumer] = [kafka.admin(), kafka.consumer({ groupId: `${id}.probe.${randomUUID()}` })]
    const found: KafkaMessage[] = []
    try {
      await Promise.all([admin.connect(), consumer.connect()])
      const size = (await admin.fetchTopicOffsets(config.topicPrefix + topic)).reduce((sum, { high }) => sum + Number(high), 0)
      await consumer.subscribe({ topics: [config.topicPrefix + topic], fromBeginning: true })
      await consumer.run({ eachMessage: async ({ message }) => void found.push(message) })
      await until(() => found.length >= size, { deadlineMs: 20_000, message: 'the topic is read' })
      return found
    } finally {
      await Promise.all([admin.disconnect(), consumer.disconnect()])
    }
  }

  close(): Promise<void> {
    return this.scope.close()
  }
}

/** An order of some lines, each with a fresh key. */
export const orderOf = (...lines: [ProductId, number][]) => ({
  lines: lines.map(([productId, quantity]) => ({ productId, quantity })),
  deliveryAddress: ADDRESS,
  paymentMethod: 'card_ok',
})
export const freshKey = (): Record<string, string> => ({ 'idempotency-key': randomUUID() })
