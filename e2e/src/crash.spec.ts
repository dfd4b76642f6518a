import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { startEngines, startSystem, type RunningEnginesOnly, type RunningSystem, type Started } from '@catamaran/stack'
import { OutageProxy, until } from '@catamaran/testing'
import pg from 'pg'
import { journey, type Journey } from './journey.js'

let engines: Started<RunningEnginesOnly>
let own: Started<RunningSystem>
let kafka: OutageProxy
let buyer: Journey

before(async () => {
  engines = await startEngines()
  const { databaseUrl, redisUrl, dynamodbEndpoint, kafkaBrokers } = engines.system.engines
  kafka = await OutageProxy.before(kafkaBrokers[0] ?? '')
  own = await startSystem({
    env: { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, DYNAMODB_ENDPOINT: dynamodbEndpoint, KAFKA_BROKERS: kafka.url },
  })
  buyer = await journey(own.system, () => undefined)
})
after(async () => {
  await own?.stop()
  await kafka?.close()
  await engines?.stop()
})

const call = async (method: string, path: string, body?: unknown) => {
  const response = await fetch(own.system.gateway + path, {
    method,
    headers: { authorization: `Bearer ${buyer.accessToken}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  })
  return { status: response.status, body: (await response.json()) as { items: { id: string; orderId: string }[]; id: string } }
}
const rowsOf = async (database: 'core' | 'aux', text: string): Promise<object[]> => {
  const client = new pg.Client({ connectionString: own.system.engines.databases[database] })
  await client.connect()
  try {
    return (await client.query<object>(text)).rows
  } finally {
    await client.end()
  }
}
const kill = (service: string): void => {
  process.kill(own.system.services[service]?.pid ?? 0, 'SIGKILL')
}

test('services are killed between commit and publish and between effect and commit, and every effect happens once', async () => {
  const { items } = (await call('GET', '/v1/products?limit=5')).body
  const deliveryAddress = { name: 'A', line1: 'B', city: 'C', postalCode: '1', country: 'NL' }
  const place = async (): Promise<string> => {
    for (const { id } of items) {
      const { status, body } = await call('POST', '/v1/orders', {
        lines: [{ productId: id, quantity: 1 }],
        deliveryAddress,
        paymentMethod: 'card_ok',
      })
      if (status === 201) return body.id
    }
    throw new Error('nothing could be ordered')
  }
  kafka.cut()
  const orders = [buyer.order.id]
  for (let index = 0; index < 10; index++) orders.push(await place())
  kill('core-service')
  kafka.restore()
  await until(async () => (await call('GET', '/v1/products?limit=1')).status === 200, {
    deadlineMs: 30_000,
    message: 'core-service is back',
  })
  for (let index = 0; index < 10; index++) orders.push(await place())
  kill('aux-service')

  const told = await until(
    async () => {
      const { body } = await call('GET', '/v1/notifications?limit=100')
      return body.items?.length >= orders.length && body.items
    },
    { deadlineMs: 40_000, message: 'every order is notified of' },
  )
  assert.deepEqual(told.map(({ orderId }) => orderId).toSorted(), orders.toSorted())
  const sold = `select l.seller_id, sum(l.quantity)::int as pieces, sum(l.quantity * l.unit_price_minor)::text as amount_minor
    from order_line l group by l.seller_id order by l.seller_id`
  const counted =
    'select seller_id, sum(pieces)::int as pieces, sum(amount_minor)::text as amount_minor from seller_day group by seller_id order by seller_id'
  await until(async () => JSON.stringify(await rowsOf('aux', counted)) === JSON.stringify(await rowsOf('core', sold)), {
    deadlineMs: 20_000,
    message: "the sellers' figures equal the orders",
  })
  assert.deepEqual(await rowsOf('core', 'select seq from outbox'), [])
})
