import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { newId, uuidOf, type ProductId } from '@catamaran/contracts'
import { OrdersRepository } from '../src/orders/orders.repository.js'
import { ADDRESS, freshKey, Harness, orderOf, type Answer } from './harness.js'

const MOST_UNPAID = 3

let harness: Harness
let url: string
let otherUrl: string
let repository: OrdersRepository

before(async () => {
  harness = await Harness.create('refusals', { ORDER_MAX_UNPAID: String(MOST_UNPAID) })
  const started = await harness.start()
  url = started.url
  repository = started.service.app.get(OrdersRepository)
  otherUrl = (await harness.start()).url
})
after(() => harness.close())

const isReplay = ({ headers }: Answer): boolean => headers.get('idempotency-replayed') === 'true'
const outcomeOf = ({ status, body }: Answer): string => (status === 201 ? body.id : body.code)
const putBack = (product: ProductId) =>
  harness.database.query(
    { name: '', text: 'update stock set available = available + 1, restocked = restocked + 1 where product_id = $1' },
    [uuidOf(product)],
  )

/** One buyer's clicks, in turns through both processes. */
const clicker = async () => {
  const id = newId('user')
  const [one, two] = await Promise.all([harness.buyer(url, id), harness.buyer(otherUrl, id)])
  return {
    id,
    click: (index: number, body: object, key: Record<string, string>) =>
      (index % 2 === 0 ? one : two).call('POST', '/v1/orders', body, key),
  }
}

test('a refusal is the answer of its key, also once the piece is back; a fresh key gets the piece', async () => {
  const product = await harness.product(0)
  const { click } = await clicker()
  const key = freshKey()
  const first = await click(0, orderOf([product, 1]), key)
  assert.deepEqual([first.status, first.body.code, isReplay(first)], [409, 'orders.out-of-stock', false])
  await putBack(product)
  const again = await click(1, orderOf([product, 1]), key)
  assert.deepEqual([again.status, again.body.code, again.body.productIds, isReplay(again)], [409, 'orders.out-of-stock', [product], true])
  const other = await click(0, orderOf([product, 2]), key)
  assert.deepEqual([other.status, other.body.code], [422, 'request.idempotency-key-reused'])
  assert.equal((await click(1, orderOf([product, 1]), freshKey())).status, 201)
  assert.equal(
    (await harness.buyer(url).then((stranger) => stranger.call('POST', '/v1/orders', orderOf([product, 1]), key))).body.code,
    'orders.out-of-stock',
  )
})

test('every refusal is remembered: price, product, currency, cart', async () => {
  const { id, click } = await clicker()
  const [euro, dollar] = await Promise.all([harness.product(9), harness.product(9, { currency: 'USD' })])
  const cart = { cart: { version: 7 }, deliveryAddress: ADDRESS, paymentMethod: 'card_ok' }
  for (const [code, body] of [
    ['orders.total-changed', { ...orderOf([euro, 1]), expectedTotalMinor: 1 }],
    ['orders.product-not-found', orderOf([newId('product'), 1])],
    ['orders.mixed-currencies', orderOf([euro, 1], [dollar, 1])],
    ['orders.cart-empty', cart],
  ] as const) {
    const key = freshKey()
    const answers = [await click(0, body, key), await click(1, body, key)]
    assert.deepEqual(answers.map(outcomeOf), [code, code])
    assert.deepEqual(answers.map(isReplay), [false, true])
  }
  assert.deepEqual(await harness.faults(), [])
  const [stored] = await harness.database.query<{ count: number }>(
    { name: '', text: 'select count(*) as count from order_refusal where buyer_id = $1' },
    [uuidOf(id)],
  )
  assert.equal(stored?.count, 4)
})

/** Four clicks at once on a piece that comes back meanwhile, and one more afterwards: before, between or after the answers, as `isLate` says. */
const race = async (isLate: boolean): Promise<string[]> => {
  const product = await harness.product(0)
  const { click } = await clicker()
  const key = freshKey()
  const clicks = Array.from({ length: 4 }, (_, index) => click(index, orderOf([product, 1]), key))
  if (isLate) await Promise.race(clicks)
  await putBack(product)
  const answers = await Promise.all(clicks)
  return [...new Set([...answers, await click(0, orderOf([product, 1]), key)].map(outcomeOf))]
}

test('clicks at once through two processes get one outcome, while the piece comes back between them', async () => {
  const outcomes: string[] = []
  for (let wave = 0; wave < 10; wave++) {
    for (const seen of await Promise.all([race(false), race(true), race(false), race(true)])) {
      assert.equal(seen.length, 1, `one key was answered with ${seen.join(' and ')}`)
      outcomes.push(...seen)
    }
  }
  assert.deepEqual(await harness.faults(), [])
  assert.ok(outcomes.includes('orders.out-of-stock'), 'some were refused')
})

test('an order that waits for the stock is not placed once its key was refused meanwhile', async () => {
  const product = await harness.product(1)
  const { id, click } = await clicker()
  const body = orderOf([product, 1])
  const client = harness.database.directClient()
  await client.connect()
  await client.query('begin')
  await client.query('select from stock where product_id = $1 for update', [uuidOf(product)])
  const waiting = click(0, body, { 'idempotency-key': 'waits' })
  await harness.untilBlocked()
  const requestHash = createHash('sha256').update(JSON.stringify(body)).digest()
  await repository.refuse([
    { buyerId: id, key: 'waits', requestHash, refusal: { code: 'orders.out-of-stock', extra: { productIds: [product] } } },
  ])
  await client.query('commit')
  await client.end()
  const answer = await waiting
  assert.deepEqual([answer.body.code, isReplay(answer)], ['orders.out-of-stock', true])
  assert.deepEqual(await harness.stockOf(product), { available: 1, held: 0 })
})

test('an order is not placed while its key is being refused', async () => {
  const product = await harness.product(1)
  const { id, click } = await clicker()
  const body = orderOf([product, 1])
  const client = harness.database.directClient()
  await client.connect()
  await client.query('begin')
  await client.query('select refuse_order($1, $2, $3, $4)', [
    ...[uuidOf(id), 'refusing', createHash('sha256').update(JSON.stringify(body)).digest()],
    '{"code":"orders.cart-changed"}',
  ])
  const placing = click(0, body, { 'idempotency-key': 'refusing' })
  await harness.untilBlocked()
  await client.query('commit')
  await client.end()
  assert.equal((await placing).body.code, 'orders.cart-changed')
  assert.deepEqual(await harness.stockOf(product), { available: 1, held: 0 })
})

test('a key is not refused while its order is being placed', async () => {
  const { id, click } = await clicker()
  const { body: placed } = await click(0, orderOf([await harness.product(1), 1]), freshKey())
  const client = harness.database.directClient()
  await client.connect()
  await client.query('begin')
  await client.query('select pg_advisory_xact_lock(uuid_hash_extended($1, 11))', [uuidOf(id)])
  await client.query("update orders set idempotency_key = 'placed' where id = $1", [uuidOf(placed.id)])
  const refusing = repository.refuse([
    { buyerId: id, key: 'placed', requestHash: Buffer.alloc(32), refusal: { code: 'orders.cart-changed' } },
  ])
  await harness.untilBlocked()
  await client.query('commit')
  await client.end()
  assert.deepEqual(await refusing, [undefined])
})

test('a buyer has at most so many unpaid orders, however many are sent at once through two processes; nobody else is kept from ordering', async () => {
  const products = await Promise.all(Array.from({ length: 10 }, () => harness.product(9)))
  const { click } = await clicker()
  const sent = Array.from({ length: 40 }, (_, index) => ({ body: orderOf([products[index % 10] as ProductId, 1]), key: freshKey() }))
  const answers = await Promise.all(sent.map(({ body, key }, index) => click(index, body, key)))
  const placed = answers.flatMap(({ status, body }, index) => (status === 201 ? [{ id: body.id as string, ...sent[index] }] : []))
  assert.equal(placed.length, MOST_UNPAID)
  assert.deepEqual(
    [...new Set(answers.filter(({ status }) => status !== 201).map(({ status, body }) => `${status} ${body.code}`))],
    ['409 orders.too-many-unpaid'],
  )
  const stranger = await clicker()
  assert.equal((await stranger.click(0, orderOf([products[0] as ProductId, 1]), freshKey())).status, 201)

  const [first] = placed
  const replay = await click(1, first?.body ?? {}, first?.key ?? {})
  assert.deepEqual([replay.status, replay.body.id, isReplay(replay)], [201, first?.id, true])
  assert.deepEqual(await harness.faults(), [])
})

test('an unpaid order that ends makes room for another, under a fresh key', async () => {
  const product = await harness.product(20)
  const buyer = await harness.buyer(url)
  const place = (key = freshKey()) => buyer.call('POST', '/v1/orders', orderOf([product, 1]), key)
  const orders: Answer[] = []
  for (let index = 0; index < MOST_UNPAID; index++) orders.push(await place())
  assert.deepEqual(
    orders.map(({ status }) => status),
    [201, 201, 201],
  )
  const refused = freshKey()
  assert.equal((await place(refused)).body.code, 'orders.too-many-unpaid')
  assert.equal((await buyer.call('POST', `/v1/orders/${orders[0]?.body.id}/cancel`)).status, 200)
  assert.equal((await place()).status, 201)
  assert.equal((await place(refused)).body.code, 'orders.too-many-unpaid')
})
