import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { newId, uuidOf } from '@catamaran/contracts'
import { AppError } from '@catamaran/platform'
import { until } from '@catamaran/testing'
import { OrdersRepository } from '../src/orders/orders.repository.js'
import { ADDRESS, freshKey, Harness, orderOf, type Answer } from './harness.js'

let harness: Harness
let url: string
let otherUrl: string
let repository: OrdersRepository

before(async () => {
  harness = await Harness.create('orders', { HOLD_SWEEP_MS: '20' })
  const started = await harness.start()
  url = started.url
  repository = started.service.app.get(OrdersRepository)
  otherUrl = (await harness.start()).url
})
after(() => harness.close())

const codes = (answers: Answer[]): Record<string, number> =>
  answers.reduce<Record<string, number>>((counts, { status, body }) => {
    const code = status < 300 ? String(status) : body.code
    return { ...counts, [code]: (counts[code] ?? 0) + 1 }
  }, {})

test('200 buyers race for 10 pieces through two processes, and exactly 10 win', async () => {
  const product = await harness.product(10)
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const buyer = await harness.buyer(index % 2 === 0 ? url : otherUrl)
      return buyer.call('POST', '/v1/orders', orderOf([product, 1]), freshKey())
    }),
  )
  assert.deepEqual(codes(answers), { 201: 10, 'orders.out-of-stock': 190 })
  assert.deepEqual(await harness.stockOf(product), { available: 0, held: 10 })
  assert.deepEqual(await harness.faults(), [])
})

test('mixed orders racing for three products never break the books, and what would fit is not refused', async () => {
  const products = await Promise.all([harness.product(50), harness.product(50), harness.product(50)])
  const answers = await Promise.all(
    Array.from({ length: 120 }, async (_, index) => {
      const buyer = await harness.buyer(index % 2 === 0 ? url : otherUrl)
      const first = products[index % 3] as (typeof products)[number]
      const second = products[(index + 1) % 3] as (typeof products)[number]
      return buyer.call('POST', '/v1/orders', orderOf([first, 1 + (index % 2)], [second, 1]), freshKey())
    }),
  )
  const left = await Promise.all(products.map((product) => harness.stockOf(product)))
  assert.deepEqual(await harness.faults(), [])
  for (const { available, held } of left) assert.equal(available + held, 50)
  assert.ok(left.filter(({ available }) => available < 2).length >= 2, 'at least two products are sold out')
  assert.deepEqual(Object.keys(codes(answers)).sort(), ['201', 'orders.out-of-stock'])
})

test('one key sent 50 times at once through two processes places one order', async () => {
  const product = await harness.product(100)
  const id = newId('user')
  const buyers = await Promise.all([harness.buyer(url, id), harness.buyer(otherUrl, id)])
  const key = freshKey()
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      (buyers[index % 2] as (typeof buyers)[0]).call('POST', '/v1/orders', orderOf([product, 2]), key),
    ),
  )
  assert.deepEqual(codes(answers), { 201: 50 })
  assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1)
  assert.equal(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null).length, 1)
  assert.deepEqual(await harness.stockOf(product), { available: 98, held: 2 })
})

test('the same key with another body is refused, the same body is answered again, also when sold out', async () => {
  const product = await harness.product(1)
  const buyer = await harness.buyer(url)
  const key = freshKey()
  const first = await buyer.call('POST', '/v1/orders', orderOf([product, 1]), key)
  assert.equal(first.status, 201)
  assert.equal(first.headers.get('location'), `/v1/orders/${first.body.id}`)
  const again = await buyer.call('POST', '/v1/orders', orderOf([product, 1]), key)
  assert.deepEqual([again.status, again.headers.get('idempotency-replayed')], [201, 'true'])
  assert.deepEqual(again.body, first.body)
  const other = await buyer.call('POST', '/v1/orders', orderOf([product, 2]), key)
  assert.deepEqual([other.status, other.body.code], [422, 'request.idempotency-key-reused'])
})

test("a key is its buyer's own", async () => {
  const product = await harness.product(2)
  const key = freshKey()
  const answers = await Promise.all(
    [await harness.buyer(url), await harness.buyer(url)].map((buyer) => buyer.call('POST', '/v1/orders', orderOf([product, 1]), key)),
  )
  assert.deepEqual(codes(answers), { 201: 2 })
  assert.notEqual(answers[0]?.body.id, answers[1]?.body.id)
})

test("a stranger's order is not found, and is in nobody else's list", async () => {
  const buyer = await harness.buyer(url)
  const stranger = await harness.buyer(url)
  const { body: order } = await buyer.call('POST', '/v1/orders', orderOf([await harness.product(1), 1]), freshKey())
  assert.deepEqual((await buyer.call('GET', `/v1/orders/${order.id}`)).body, order)
  const strange = await stranger.call('GET', `/v1/orders/${order.id}`)
  assert.deepEqual([strange.status, strange.body.code], [404, 'orders.not-found'])
  assert.deepEqual((await stranger.call('GET', '/v1/orders')).body, { items: [], nextCursor: null })
})

test('orders are listed newest first, page by page', async () => {
  const buyer = await harness.buyer(url)
  const product = await harness.product(10)
  const placed: string[] = []
  for (let index = 0; index < 5; index++)
    placed.unshift((await buyer.call('POST', '/v1/orders', orderOf([product, 1]), freshKey())).body.id)
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const { body }: Answer = await buyer.call('GET', `/v1/orders?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
    seen.push(...body.items.map(({ id }: { id: string }) => id))
    cursor = body.nextCursor
  }
  assert.deepEqual(seen, placed)
})

test('what stands against an order is told: unknown product, other total, other currency, too little stock', async () => {
  const buyer = await harness.buyer(url)
  const [euro, dollar, scarce] = await Promise.all([harness.product(5), harness.product(5, { currency: 'USD' }), harness.product(1)])
  const unknown = newId('product')
  const place = (body: object) => buyer.call('POST', '/v1/orders', body, freshKey())
  const missing = await place(orderOf([unknown, 1], [euro, 1]))
  assert.deepEqual([missing.status, missing.body.code, missing.body.productIds], [422, 'orders.product-not-found', [unknown]])
  const total = await place({ ...orderOf([euro, 2]), expectedTotalMinor: 1 })
  assert.deepEqual([total.status, total.body.code, total.body.totalMinor], [409, 'orders.total-changed', 2000])
  const mixed = await place(orderOf([euro, 1], [dollar, 1]))
  assert.deepEqual([mixed.status, mixed.body.code], [422, 'orders.mixed-currencies'])
  const short = await place(orderOf([euro, 1], [scarce, 2]))
  assert.deepEqual([short.status, short.body.code, short.body.productIds], [409, 'orders.out-of-stock', [scarce]])
  assert.equal((await place({ ...orderOf([euro, 2]), expectedTotalMinor: 2000 })).status, 201)
  assert.deepEqual(await harness.stockOf(scarce), { available: 1, held: 0 })
})

test('the same product on two lines is one line with the sum', async () => {
  const product = await harness.product(3)
  const buyer = await harness.buyer(url)
  const { body } = await buyer.call('POST', '/v1/orders', orderOf([product, 1], [product, 2]), freshKey())
  assert.deepEqual(
    body.lines.map(({ quantity }: { quantity: number }) => quantity),
    [3],
  )
  assert.equal((await buyer.call('POST', '/v1/orders', orderOf([product, 2], [product, 2]), freshKey())).body.code, 'orders.out-of-stock')
})

test('a hold that ends gives its stock back, cancels the order and tells of both', async () => {
  const brief = await harness.start({ HOLD_MS: '1' })
  const product = await harness.product(2)
  const buyer = await harness.buyer(brief.url)
  const { body: order } = await buyer.call('POST', '/v1/orders', orderOf([product, 2]), freshKey())
  const cancelled = await until(
    async () => {
      const { body } = await buyer.call('GET', `/v1/orders/${order.id}`)
      return body.status === 'cancelled' && body
    },
    { message: 'the order is cancelled' },
  )
  assert.equal(cancelled.cancelReason, 'hold_expired')
  assert.deepEqual(await harness.stockOf(product), { available: 2, held: 0 })
  assert.deepEqual(await harness.faults(), [])
  const replay = await buyer.call('POST', '/v1/orders', orderOf([product, 2]), freshKey())
  assert.equal(replay.status, 201, 'the pieces can be ordered again')
})

test('an order that the database cannot compute does not fail the orders in its company', async () => {
  const dear = await harness.product(10, { priceMinor: Number.MAX_SAFE_INTEGER })
  await harness.database.query({ name: '', text: 'update product set price_minor = 9000000000000000000 where price_minor = $1' }, [
    Number.MAX_SAFE_INTEGER,
  ])
  const product = await harness.product(100)
  const buyers = await Promise.all(Array.from({ length: 20 }, () => harness.buyer(url)))
  const answers = await Promise.all(
    buyers.map((buyer, index) => buyer.call('POST', '/v1/orders', index === 7 ? orderOf([dear, 2]) : orderOf([product, 1]), freshKey())),
  )
  assert.deepEqual(codes(answers), { 201: 19, internal: 1 })
})

test('an order whose connection was lost after the commit is found by its id', async (context) => {
  const product = await harness.product(5)
  const buyer = await harness.buyer(url)
  const place = repository.place.bind(repository)
  context.mock.method(repository, 'place', async (...args: Parameters<typeof place>) => {
    await place(...args)
    throw new AppError(
      'service.unavailable',
      {},
      { cause: Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' }) },
    )
  })
  const answer = await buyer.call('POST', '/v1/orders', orderOf([product, 1]), freshKey())
  assert.equal(answer.status, 201)
  assert.deepEqual(await harness.stockOf(product), { available: 4, held: 1 })
})

test('a duplicate of an order that is still being placed waits for it, at most its time, and is told so', async () => {
  const brief = await harness.start({ ORDER_JOIN_MS: '50' })
  const product = await harness.product(5)
  const buyer = await harness.buyer(brief.url)
  const key = freshKey()
  const client = harness.database.directClient()
  await client.connect()
  await client.query('begin')
  await client.query('select from stock where product_id = $1 for update', [uuidOf(product)])
  const first = buyer.call('POST', '/v1/orders', orderOf([product, 1]), key)
  await harness.untilBlocked()
  const second = await buyer.call('POST', '/v1/orders', orderOf([product, 1]), key)
  assert.deepEqual([second.status, second.body.code, second.headers.get('retry-after')], [409, 'request.idempotency-in-progress', '1'])
  await client.query('commit')
  await client.end()
  assert.equal((await first).status, 201)
  assert.equal((await buyer.call('POST', '/v1/orders', orderOf([product, 1]), key)).body.id, (await first).body.id)
})

test('a piece that comes back while an order waits for the stock is sold to it', async () => {
  const product = await harness.product(0)
  const buyer = await harness.buyer(url)
  const client = harness.database.directClient()
  await client.connect()
  await client.query('begin')
  await client.query('update stock set available = 1, restocked = 1 where product_id = $1', [uuidOf(product)])
  const order = buyer.call('POST', '/v1/orders', orderOf([product, 1]), freshKey())
  await harness.untilBlocked()
  await client.query('commit')
  await client.end()
  assert.equal((await order).status, 201)
  assert.deepEqual(await harness.stockOf(product), { available: 0, held: 1 })
})

test('an order from the cart names its version, empties it once, and can be sent again', async () => {
  const product = await harness.product(10)
  const buyer = await harness.buyer(url)
  const cart = (await buyer.call('POST', '/v1/cart/lines', { productId: product, quantity: 2 })).body
  const order = (version: number) => ({ cart: { version }, deliveryAddress: ADDRESS, paymentMethod: 'card_ok' })
  assert.equal((await buyer.call('POST', '/v1/orders', order(cart.version + 1), freshKey())).body.code, 'orders.cart-changed')
  const key = freshKey()
  const placed = await buyer.call('POST', '/v1/orders', order(cart.version), key)
  assert.equal(placed.status, 201)
  assert.deepEqual((await buyer.call('GET', '/v1/cart')).body.lines, [])
  const again = await buyer.call('POST', '/v1/orders', order(cart.version), key)
  assert.deepEqual([again.status, again.body], [201, placed.body])
  assert.equal((await buyer.call('POST', '/v1/orders', order(cart.version), freshKey())).body.code, 'orders.cart-empty')
})

test('a cart ordered twice at once through two processes is ordered once', async () => {
  const product = await harness.product(10)
  const id = newId('user')
  const [one, two] = await Promise.all([harness.buyer(url, id), harness.buyer(otherUrl, id)])
  const { version } = (await one.call('POST', '/v1/cart/lines', { productId: product, quantity: 1 })).body
  const body = { cart: { version }, deliveryAddress: ADDRESS, paymentMethod: 'card_ok' }
  const answers = await Promise.all([one.call('POST', '/v1/orders', body, freshKey()), two.call('POST', '/v1/orders', body, freshKey())])
  assert.equal(answers.filter(({ status }) => status === 201).length, 1)
  assert.deepEqual(await harness.stockOf(product), { available: 9, held: 1 })
})
