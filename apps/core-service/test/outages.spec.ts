import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { after, before, beforeEach, test } from 'node:test'
import { createTopics } from '@catamaran/messaging'
import { OutageProxy, spawnService, until } from '@catamaran/testing'
import { Kafka, logLevel } from 'kafkajs'
import { freshKey, Harness, orderOf } from './harness.js'

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url))

let harness: Harness
let url: string
let proxies: Record<'postgres' | 'redis' | 'dynamodb' | 'kafka', OutageProxy>

before(async () => {
  harness = await Harness.create('outages')
  const { engines, kafka } = harness.scope
  proxies = {
    postgres: await OutageProxy.before(harness.env['DATABASE_URL'] ?? ''),
    redis: await OutageProxy.before(engines.redisUrl),
    dynamodb: await OutageProxy.before(engines.dynamodbEndpoint),
    kafka: await OutageProxy.before(engines.kafkaBrokers[0] ?? ''),
  }
  harness.scope.onClose(async () => {
    await Promise.all(Object.values(proxies).map((proxy) => proxy.close()))
  })
  await createTopics(kafka, { topics: ['orders', 'catalogue'] })
  url = (await harness.start(env())).url
})
beforeEach(() => Object.values(proxies).forEach((proxy) => proxy.restore()))
after(() => harness.close())

const env = (): Record<string, string> => ({
  DATABASE_URL: proxies.postgres.url,
  REDIS_URL: proxies.redis.url,
  DYNAMODB_ENDPOINT: proxies.dynamodb.url,
  KAFKA_BROKERS: proxies.kafka.url,
})
const outboxSize = async (): Promise<number> =>
  (await harness.database.query<{ n: number }>({ name: '', text: 'select count(*) as n from outbox' }))[0]?.n ?? 0

/** The ids of the orders whose `placed` event stands in Kafka, each as often as it stands there. */
const publishedOrders = async (expected: readonly string[]): Promise<string[]> => {
  const { kafka, id } = harness.scope
  const consumer = new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING }).consumer({ groupId: `${id}.probe.${Math.random()}` })
  const seen: string[] = []
  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [`${kafka.topicPrefix}orders`], fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => {
        if (message.headers?.['ce_type']?.toString() === 'orders.order.placed.v1') seen.push(String(message.key))
      },
    })
    await until(() => expected.every((orderId) => seen.includes(orderId)), { deadlineMs: 20_000, message: 'every order is in Kafka' })
    return seen
  } finally {
    await consumer.disconnect()
  }
}

test('Redis gone: products are read, carts filled and orders placed', async () => {
  const product = await harness.product(10)
  const buyer = await harness.buyer(url)
  proxies.redis.cut()
  assert.equal((await buyer.call('GET', `/v1/products/${product}`)).status, 200)
  assert.equal((await buyer.call('GET', '/v1/products?limit=1')).status, 200)
  assert.equal((await buyer.call('POST', '/v1/cart/lines', { productId: product, quantity: 1 })).status, 200)
  assert.equal((await buyer.call('POST', '/v1/orders', orderOf([product, 6]), freshKey())).status, 201)
  await until(async () => (await buyer.call('GET', `/v1/products/${product}`)).body.availability === 'low_stock', {
    message: 'the page follows without Redis',
  })
})

test('Kafka gone: orders are accepted, and their events arrive once it is back', async () => {
  const product = await harness.product(100)
  const buyer = await harness.buyer(url)
  proxies.kafka.cut()
  const orders: string[] = []
  for (let index = 0; index < 5; index++) {
    const { status, body } = await buyer.call('POST', '/v1/orders', orderOf([product, 1]), freshKey())
    assert.equal(status, 201)
    orders.push(body.id)
  }
  assert.ok((await outboxSize()) >= 5)
  proxies.kafka.restore()
  await until(async () => (await outboxSize()) === 0, { deadlineMs: 20_000, message: 'the outbox is empty' })
  await publishedOrders(orders)
})

test('DynamoDB gone: the cart answers 503 with Retry-After, orders by lines and products go on', async () => {
  const product = await harness.product(10)
  const buyer = await harness.buyer(url)
  proxies.dynamodb.cut()
  const cart = await buyer.call('GET', '/v1/cart')
  assert.deepEqual([cart.status, cart.body.code, cart.headers.get('retry-after')], [503, 'service.unavailable', '1'])
  assert.equal((await buyer.call('POST', '/v1/orders', orderOf([product, 1]), freshKey())).status, 201)
  assert.equal((await buyer.call('GET', `/v1/products/${product}`)).status, 200)
  proxies.dynamodb.restore()
  await until(async () => (await buyer.call('GET', '/v1/cart')).status === 200, { message: 'the cart is back' })
})

test('PostgreSQL gone: a known product is served stale and says so, the rest is 503 at once, and all is well by itself afterwards', async () => {
  const product = await harness.product(10)
  const buyer = await harness.buyer(url)
  assert.equal((await buyer.call('GET', `/v1/products/${product}`)).headers.get('cache-status'), null)
  proxies.postgres.cut()
  const startedAt = performance.now()
  const order = await buyer.call('POST', '/v1/orders', orderOf([product, 1]), freshKey())
  assert.deepEqual([order.status, order.body.code, order.headers.get('retry-after')], [503, 'service.unavailable', '1'])
  assert.ok(performance.now() - startedAt < 1_500, 'at once')
  proxies.redis.cut() // with its shared copy, which is fresh for a minute
  const stale = await until(
    async () => {
      const answer = await buyer.call('GET', `/v1/products/${product}`)
      return answer.headers.get('cache-status') !== null && answer
    },
    { everyMs: 50, message: 'the page is stale' },
  )
  assert.deepEqual([stale.status, stale.body.id], [200, product])
  proxies.postgres.restore()
  await until(async () => (await buyer.call('POST', '/v1/orders', orderOf([product, 1]), freshKey())).status === 201, {
    message: 'orders are taken again',
  })
})

test('killed between commit and publish: the event arrives after a restart', async () => {
  const product = await harness.product(10)
  const first = await spawnService(MAIN, { ...harness.env, ...env() })
  proxies.kafka.cut()
  const buyer = await harness.buyer(first.url)
  const { status, body: order } = await buyer.call('POST', '/v1/orders', orderOf([product, 1]), freshKey())
  assert.equal(status, 201)
  assert.ok((await outboxSize()) > 0, 'committed, not published')
  assert.equal(await first.kill('SIGKILL'), 'SIGKILL')
  proxies.kafka.restore()
  const second = await spawnService(MAIN, { ...harness.env, ...env() })
  try {
    await until(async () => (await outboxSize()) === 0, { deadlineMs: 20_000, message: 'the outbox is empty' })
    const published = await publishedOrders([order.id])
    assert.equal(published.filter((id) => id === order.id).length, 1)
    assert.deepEqual(await harness.faults(), [])
  } finally {
    assert.equal(await second.kill('SIGTERM'), 0, 'it drains and ends with 0')
  }
})
