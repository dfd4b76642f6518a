import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { uuidOf, type OrderId, type UserId } from '@catamaran/contracts'
import { startEngines, startSystem, type RunningEnginesOnly, type RunningSystem, type Started } from '@catamaran/stack'
import { Browser, OutageProxy, residueIn, residueInDynamo, until } from '@catamaran/testing'
import pg from 'pg'
import { journey, type Journey } from './journey.js'

type Store = 'auth' | 'core' | 'aux'
const ADDRESS = { name: `Person ${randomUUID()}`, line1: `Kade ${randomUUID()}`, city: 'Rotterdam', postalCode: '3011 AA', country: 'NL' }

let engines: Started<RunningEnginesOnly>
let own: Started<RunningSystem>
let kafka: OutageProxy
let leaver: Journey
let other: Journey
let userId: UserId

before(async () => {
  engines = await startEngines()
  const { databaseUrl, redisUrl, dynamodbEndpoint, kafkaBrokers } = engines.system.engines
  kafka = await OutageProxy.before(kafkaBrokers[0] ?? '')
  own = await startSystem({
    env: {
      ...{ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, DYNAMODB_ENDPOINT: dynamodbEndpoint, KAFKA_BROKERS: kafka.url },
      ...{ ERASURE_SETTLE_MS: '1000', ERASURE_SWEEP_MS: '100' },
    },
  })
  leaver = await journey(own.system, () => undefined)
  other = await journey(own.system, () => undefined)
  const [, claims = ''] = leaver.accessToken.split('.')
  userId = (JSON.parse(Buffer.from(claims, 'base64url').toString()) as { sub: UserId }).sub
})
after(async () => {
  await own?.stop()
  await kafka?.close()
  await engines?.stop()
})

const call = async (method: string, path: string, { accessToken }: Journey, body?: unknown) => {
  const response = await fetch(own.system.gateway + path, {
    method,
    headers: {
      ...{ authorization: `Bearer ${accessToken}`, 'idempotency-key': randomUUID() },
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  })
  return { status: response.status, body: (await response.json()) as { id: string; items: { id: string; orderId: string }[] } }
}
const rowsOf = async <Row extends object>(store: Store, text: string, values: unknown[] = []): Promise<Row[]> => {
  const client = new pg.Client({ connectionString: own.system.engines.databases[store] })
  await client.connect()
  try {
    return (await client.query<Row>(text, values)).rows
  } finally {
    await client.end()
  }
}
const kill = (service: string): void => {
  process.kill(own.system.services[service]?.pid ?? 0, 'SIGKILL')
}
const place = async (buyer: Journey, deliveryAddress = ADDRESS, paymentMethod = 'card_ok'): Promise<OrderId> => {
  for (const { id } of (await call('GET', '/v1/products?limit=20', buyer)).body.items) {
    const { status, body } = await call('POST', '/v1/orders', buyer, {
      lines: [{ productId: id, quantity: 1 }],
      deliveryAddress,
      paymentMethod,
    })
    if (status === 201) return body.id as OrderId
  }
  throw new Error('nothing could be ordered')
}
const orderOf = async (id: string) =>
  (
    await rowsOf<{ buyer: string; address: string | null; status: string }>(
      'core',
      'select buyer_id as buyer, delivery_address::text as address, status from orders where id = $1',
      [uuidOf(id as OrderId)],
    )
  )[0]
const expire = async (id: OrderId): Promise<void> => {
  await rowsOf('core', 'update orders set hold_expires_at = now() where id = $1', [uuidOf(id)])
  await until(async () => (await orderOf(id))?.status === 'cancelled', { deadlineMs: 20_000, message: 'the hold has ended' })
}
const exists = (store: Store, text: string): Promise<true> =>
  until(async () => (await rowsOf(store, text, [uuidOf(userId)])).length > 0, {
    deadlineMs: 60_000,
    message: `${store}: ${text}`,
    everyMs: 20,
  })
const dynamoResidue = (): Promise<string[]> =>
  residueInDynamo(own.system.engines.dynamodbEndpoint, [userId, uuidOf(userId), leaver.email, ADDRESS.line1])
const databaseResidue = (store: Store): Promise<string[]> =>
  residueIn(own.system.engines.databases[store], [userId, uuidOf(userId), leaver.email, ADDRESS.name, ADDRESS.line1])

test("an export holds what auth, core and aux have of the person, and nobody else's", async () => {
  assert.equal((await call('POST', '/v1/me/export', leaver)).status, 202)
  const link = await until(
    async () => {
      const inbox = `${own.system.sandbox.mail.url}/api/messages?to=${encodeURIComponent(leaver.email)}`
      const mails = (await (await fetch(inbox, { signal: AbortSignal.timeout(10_000) })).json()) as { links: string[] }[]
      return mails.flatMap(({ links }) => links).find((url) => url.includes('/account/export?'))
    },
    { deadlineMs: 30_000, message: 'the mail comes', everyMs: 100 },
  )
  const browser = new Browser()
  const { status, html } = await browser.submit(await browser.open(link))
  assert.equal(status, 200)
  const content = JSON.parse(html) as { account: { email: string }; orders: { id: string }[]; notifications: { orderId: string }[] }
  assert.equal(content.account.email, leaver.email)
  assert.deepEqual(
    content.orders.map(({ id }) => id),
    [leaver.order.id],
  )
  assert.deepEqual([...new Set(content.notifications.map(({ orderId }) => orderId))], [leaver.order.id])
  assert.ok(!html.includes(other.email) && !html.includes(other.order.id))
})

test('no inner route is reached through the gateway', async () => {
  assert.equal((await call('GET', `/internal/people/${userId}`, leaver)).status, 404)
  assert.equal((await call('GET', '/internal/gateway/state', leaver)).status, 404)
})

test('an erasure goes through whatever is killed on its way, and leaves tombstones only', async () => {
  // One that is cancelled, and one that waits for its buyer at the bank until its hold ends.
  const [ended, open] = [await place(leaver), await place(leaver, ADDRESS, 'card_3ds')]
  for (const id of [ended, leaver.order.id]) assert.equal((await call('POST', `/v1/orders/${id}/cancel`, leaver)).status, 200)
  const product = (await call('GET', '/v1/products?limit=1', leaver)).body.items[0]
  assert.equal((await call('POST', '/v1/cart/lines', leaver, { productId: product?.id, quantity: 1 })).status, 200)

  // The account is closed, and auth-service dies before its event is out.
  kafka.cut()
  assert.equal((await call('DELETE', '/v1/me', leaver)).status, 202)
  kill('auth-service')
  kafka.restore()

  // aux-service dies as soon as it has heard of it.
  await exists('aux', 'select from erased_person where user_id = $1')
  kill('aux-service')

  // What has ended is freed of its buyer; what is open is honoured.
  await until(async () => (await orderOf(ended))?.address === null, { deadlineMs: 60_000, message: 'the ended order is freed' })
  const honoured = await orderOf(open)
  assert.deepEqual([honoured?.buyer, honoured?.status], [uuidOf(userId), 'pending_payment'])
  assert.ok(honoured?.address?.includes(ADDRESS.line1))

  // The last order ends; core-service frees it and dies before its events are out, a late one of the order among them.
  kafka.cut()
  await expire(open)
  await exists('core', 'select from erased_person where user_id = $1 and erased_at is not null')
  const [late] = await rowsOf<{ id: string }>('core', "select id from outbox where type = 'orders.order.cancelled.v1' and subject = $1", [
    uuidOf(open),
  ])
  kill('core-service')
  kafka.restore()

  await exists('auth', 'select from erasure where user_id = $1 and core_erased_at is not null and aux_erased_at is not null')
  await exists('auth', 'select from erasure where user_id = $1 and finished_at is not null')
  await until(
    async () => (await rowsOf('aux', "select from inbox where consumer = 'aux.mails' and event_id = $1", [late?.id])).length === 1,
    { deadlineMs: 60_000, message: 'the late event has come' },
  )
  const following = await place(other, { ...ADDRESS, name: 'Somebody', line1: 'Elsewhere 1' })
  await until(
    async () => (await call('GET', '/v1/notifications?limit=100', other)).body.items.some(({ orderId }) => orderId === following),
    { deadlineMs: 60_000, message: 'notifications go on', everyMs: 50 },
  )
  await until(async () => (await dynamoResidue()).length === 0, { deadlineMs: 20_000, message: 'DynamoDB names the person no more' })
  for (const store of ['auth', 'core', 'aux'] as const)
    await until(async () => (await rowsOf(store, 'select from outbox')).length === 0, { message: `all of ${store} is published` })
  assert.deepEqual(await databaseResidue('auth'), ['erasure', 'revocation'])
  assert.deepEqual(await databaseResidue('core'), ['erased_person'])
  assert.deepEqual(await databaseResidue('aux'), ['erased_person'])
  assert.deepEqual(await rowsOf('core', 'select from erased_person where pseudonym is not null'), [])
  const freed = new Set((await Promise.all([ended, open, leaver.order.id].map(orderOf))).map((order) => order?.buyer))
  assert.equal(freed.size, 1)
  assert.equal((await call('GET', `/v1/orders/${other.order.id}`, other)).status, 200)
})
