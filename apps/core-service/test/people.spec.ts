import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { newId, uuidOf, type OrderId, type UserId } from '@catamaran/contracts'
import { createTopics, Outbox } from '@catamaran/messaging'
import { OutageProxy, until } from '@catamaran/testing'
import { freshKey, Harness, orderOf } from './harness.js'

const SWIFT = { HOLD_SWEEP_MS: '50', ERASURE_SWEEP_MS: '50', ERASURE_SETTLE_MS: '0' }

interface OrderRow {
  id: string
  buyer: string
  address: string | null
  key: string
  status: string
}

let harness: Harness
let url: string
let dynamodb: OutageProxy
let outbox: Outbox

before(async () => {
  harness = await Harness.create('people', SWIFT)
  dynamodb = await OutageProxy.before(harness.scope.engines.dynamodbEndpoint)
  harness.scope.onClose(() => dynamodb.close())
  await createTopics(harness.scope.kafka, { topics: ['orders', 'catalogue', 'identity', 'erasure'], partitions: 2 })
  outbox = new Outbox(harness.database)
  url = (await harness.start({ DYNAMODB_ENDPOINT: dynamodb.url })).url
  await harness.start() // every process sweeps
})
after(() => harness.close())

const query = <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
  harness.database.query<Row>({ name: '', text }, values)
const rowsOf = (ids: readonly OrderId[]): Promise<OrderRow[]> =>
  query<OrderRow>(
    'select id, buyer_id as buyer, delivery_address::text as address, idempotency_key as key, status from orders where id = any($1) order by id',
    [ids.map((id) => uuidOf(id))],
  )
const close = async (userId: UserId): Promise<void> => {
  await outbox.insert(harness.database, [{ type: 'identity.user.closed.v1', subject: userId, sequence: 2, data: { userId } }])
}
const tombstoneOf = async (id: UserId) =>
  (
    await query<{ pseudonym: string | null; isErased: boolean }>(
      'select pseudonym, erased_at is not null as "isErased" from erased_person where user_id = $1',
      [uuidOf(id)],
    )
  )[0]
const erased = (id: UserId) =>
  until(async () => (await tombstoneOf(id))?.isErased, { deadlineMs: 20_000, message: 'core-service is done with the person' })
const expire = async (ids: readonly OrderId[]): Promise<void> => {
  await query('update orders set hold_expires_at = now() where id = any($1)', [ids.map((id) => uuidOf(id))])
  await until(async () => (await rowsOf(ids)).every(({ status }) => status === 'cancelled'), { message: 'the holds have ended' })
}
const toldOf = async (id: UserId): Promise<unknown[]> => {
  await until(async () => (await query('select from outbox')).length === 0, { message: 'all is published' })
  return (await harness.published('erasure')).filter((data) => (data as { userId: string }).userId === id)
}

test('ended orders lose their buyer at once, an open one when it ends, and only then it is told that nothing is left', async () => {
  const product = await harness.product(50)
  const [leaver, other] = [await harness.buyer(url), await harness.buyer(url)]
  const place = async (buyer: typeof leaver): Promise<OrderId> =>
    (await buyer.call('POST', '/v1/orders', orderOf([product, 1]), freshKey())).body.id as OrderId
  const [ended, endedOfOther] = [await place(leaver), await place(other)]
  await expire([ended, endedOfOther])
  const open = await place(leaver)
  await leaver.call('POST', '/v1/cart/lines', { productId: product, quantity: 1 }, freshKey())

  await close(leaver.id)
  await close(leaver.id)
  await until(async () => (await rowsOf([ended]))[0]?.address === null, { deadlineMs: 20_000, message: 'the ended order is freed' })
  const { pseudonym = null } = (await tombstoneOf(leaver.id)) ?? {}
  assert.deepEqual(await rowsOf([ended]), [{ id: uuidOf(ended), buyer: pseudonym, address: null, key: uuidOf(ended), status: 'cancelled' }])
  await until(async () => (await leaver.call('GET', '/v1/cart')).body.lines.length === 0, { message: 'the cart is gone' })
  const honoured = await leaver.call('GET', `/v1/orders/${open}`)
  assert.deepEqual([honoured.status, honoured.body.deliveryAddress.city], [200, 'Rotterdam'])
  assert.equal((await tombstoneOf(leaver.id))?.isErased, false)
  assert.deepEqual(await toldOf(leaver.id), [])

  await expire([open])
  await erased(leaver.id)
  const freed = await rowsOf([ended, open])
  assert.deepEqual(
    freed.map(({ buyer, address }) => [buyer, address]),
    [
      [pseudonym, null],
      [pseudonym, null],
    ],
  )
  assert.equal((await tombstoneOf(leaver.id))?.pseudonym, null)
  assert.deepEqual(await query('select from orders where buyer_id = $1', [uuidOf(leaver.id)]), [])
  assert.deepEqual(await toldOf(leaver.id), [{ userId: leaver.id, service: 'core-service' }])
  assert.equal((await other.call('GET', `/v1/orders/${endedOfOther}`)).body.deliveryAddress.city, 'Rotterdam')
  assert.deepEqual(await harness.faults(), [])
})

test('an order placed after the end of the account is freed when it ends, also with an Idempotency-Key that was used before', async () => {
  const product = await harness.product(50)
  const leaver = await harness.buyer(url)
  const key = { 'idempotency-key': randomUUID() }
  const place = async (headers: Record<string, string>): Promise<OrderId> =>
    (await leaver.call('POST', '/v1/orders', orderOf([product, 1]), headers)).body.id as OrderId
  const first = await place(key)
  await expire([first])
  const open = await place(freshKey())
  await close(leaver.id)
  await until(async () => (await rowsOf([first]))[0]?.address === null, { deadlineMs: 20_000, message: 'the ended order is freed' })
  const late = await place(key)
  assert.notEqual(late, first)
  await expire([open, late])
  await erased(leaver.id)
  const rows = await rowsOf([first, open, late])
  assert.deepEqual(new Set(rows.map(({ buyer }) => buyer)).size, 1)
  assert.ok(rows.every(({ buyer, address }) => buyer !== uuidOf(leaver.id) && address === null))
})

test('an erasure is not told of before every token of the person has expired', async () => {
  const own = await Harness.create('people_settle', { ...SWIFT, ERASURE_SETTLE_MS: '700' })
  try {
    await createTopics(own.scope.kafka, { topics: ['identity', 'erasure'], partitions: 1 })
    await own.start()
    const id = newId('user')
    await new Outbox(own.database).insert(own.database, [
      { type: 'identity.user.closed.v1', subject: id, sequence: 2, data: { userId: id } },
    ])
    const waited = await until(
      async () =>
        (
          await own.database.query<{ ms: number }>({
            name: '',
            text: 'select extract(epoch from erased_at - closed_at)::float8 * 1000 as ms from erased_person where erased_at is not null',
          })
        )[0]?.ms,
      { deadlineMs: 20_000, message: 'the person is erased' },
    )
    assert.ok(waited >= 700, `${waited} ms`)
  } finally {
    await own.close()
  }
})

test('DynamoDB gone: the cart goes when it is back, and the erasure is told of after that', async () => {
  const own = await Harness.create('people_outage', SWIFT)
  const proxy = await OutageProxy.before(own.scope.engines.dynamodbEndpoint)
  own.scope.onClose(() => proxy.close())
  try {
    await createTopics(own.scope.kafka, { topics: ['identity', 'erasure'], partitions: 1 })
    const { url: ownUrl } = await own.start({ DYNAMODB_ENDPOINT: proxy.url })
    const product = await own.product(5)
    const leaver = await own.buyer(ownUrl)
    await leaver.call('POST', '/v1/cart/lines', { productId: product, quantity: 1 }, freshKey())
    proxy.cut()
    await new Outbox(own.database).insert(own.database, [
      { type: 'identity.user.closed.v1', subject: leaver.id, sequence: 2, data: { userId: leaver.id } },
    ])
    const erasedAt = async (): Promise<{ at: Date | null } | undefined> =>
      (await own.database.query<{ at: Date | null }>({ name: '', text: 'select erased_at as at from erased_person' }))[0]
    await until(erasedAt, { deadlineMs: 20_000, message: 'core-service knows of it' })
    assert.equal((await erasedAt())?.at, null)
    proxy.restore()
    await until(async () => (await erasedAt())?.at, { deadlineMs: 20_000, message: 'the person is erased' })
    assert.deepEqual((await leaver.call('GET', '/v1/cart')).body, { version: 0, lines: [], total: null })
  } finally {
    await own.close()
  }
})

test("a person's orders, cart and notifications are read page by page, by auth-service alone", async () => {
  const asked: string[] = []
  const aux = createServer((request, response) => {
    asked.push(request.url ?? '')
    const isFirst = !request.url?.includes('cursor')
    const page = { part: 'notifications', items: [{ id: isFirst ? 'first' : 'second' }], nextCursor: isFirst ? 'more' : null }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(page))
  })
  await new Promise<void>((resolve) => aux.listen(0, '127.0.0.1', resolve))
  try {
    const { url: ownUrl } = await harness.start({ AUX_URL: `http://127.0.0.1:${(aux.address() as AddressInfo).port}` })
    const product = await harness.product(50)
    const buyer = await harness.buyer(ownUrl)
    const orders: string[] = []
    for (let index = 0; index < 3; index++)
      orders.unshift((await buyer.call('POST', '/v1/orders', orderOf([product, 1]), freshKey())).body.id)
    await buyer.call('POST', '/v1/cart/lines', { productId: product, quantity: 2 }, freshKey())
    const as = async (service: 'auth-service' | 'api-gateway', path: string) =>
      harness.call(ownUrl, 'GET', path, undefined, { 'x-service-token': await harness.issuer.serviceToken(service) })
    const pages: [string, unknown[]][] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const more: string = cursor === '' ? '' : `&cursor=${cursor}`
      const { status, body } = await as('auth-service', `/internal/people/${buyer.id}?limit=2${more}`)
      assert.equal(status, 200)
      pages.push([body.part, body.items.map((item: { id?: string; lines: { quantity: number }[] }) => item.id ?? item.lines[0]?.quantity)])
      cursor = body.nextCursor
    }
    assert.deepEqual(pages, [
      ['orders', orders.slice(0, 2)],
      ['orders', orders.slice(2)],
      ['cart', [2]],
      ['notifications', ['first']],
      ['notifications', ['second']],
    ])
    assert.equal(asked[0], `/internal/people/${buyer.id}?limit=2`)
    const [order] = (await as('auth-service', `/internal/people/${buyer.id}`)).body.items
    assert.equal(order.deliveryAddress.city, 'Rotterdam')
    const refused = await as('api-gateway', `/internal/people/${buyer.id}`)
    assert.deepEqual([refused.status, refused.body.code], [403, 'auth.caller-not-allowed'])
    const wrong = await as('auth-service', `/internal/people/${buyer.id}?cursor=x`)
    assert.deepEqual([wrong.status, wrong.body.code], [400, 'request.invalid-cursor'])
  } finally {
    aux.closeAllConnections()
    aux.close()
  }
})
