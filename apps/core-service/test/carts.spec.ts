import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { newId, uuidOf } from '@catamaran/contracts'
import { ADDRESS, freshKey, Harness } from './harness.js'

let harness: Harness
let url: string
let otherUrl: string

before(async () => {
  harness = await Harness.create('carts')
  url = (await harness.start()).url
  otherUrl = (await harness.start()).url
})
after(() => harness.close())

test('the same key posted 50 times at once through two processes makes one cart line', async () => {
  const product = await harness.product(10)
  const id = newId('user')
  const buyers = await Promise.all([harness.buyer(url, id), harness.buyer(otherUrl, id)])
  const key = freshKey()
  const line = { productId: product, quantity: 2 }
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => (buyers[index % 2] as (typeof buyers)[0]).call('POST', '/v1/cart/lines', line, key)),
  )
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
  assert.equal(answers.filter(({ headers }) => headers.get('idempotency-replayed') === 'true').length, 49)
  const { body } = await buyers[0].call('GET', '/v1/cart')
  const money = (amountMinor: number) => ({ amountMinor, currency: 'EUR' })
  assert.deepEqual(body, {
    version: 1,
    total: { items: money(2000), shipping: money(0), tax: money(347), total: money(2000) },
    lines: [{ ...line, product: { name: 'A thing', price: { amountMinor: 1000, currency: 'EUR' }, availability: 'in_stock' } }],
  })
})

test('different keys add up, and none is lost when they come at once', async () => {
  const product = await harness.product(10)
  const buyer = await harness.buyer(url)
  await Promise.all(Array.from({ length: 20 }, () => buyer.call('POST', '/v1/cart/lines', { productId: product, quantity: 1 }, freshKey())))
  assert.equal((await buyer.call('GET', '/v1/cart')).body.lines[0].quantity, 20)
})

test('a key may have the name of something that every object has', async () => {
  const product = await harness.product(10)
  for (const name of ['__proto__', 'constructor']) {
    const buyer = await harness.buyer(url)
    const add = (quantity: number) => buyer.call('POST', '/v1/cart/lines', { productId: product, quantity }, { 'idempotency-key': name })
    await buyer.call('PUT', `/v1/cart/lines/${product}`, { quantity: 998 })
    assert.equal((await add(2)).body.code, 'cart.line-limit')
    assert.deepEqual([(await add(1)).status, (await add(1)).headers.get('idempotency-replayed')], [200, 'true'])
    assert.equal((await buyer.call('DELETE', `/v1/cart/lines/${newId('product')}`)).status, 200)
  }
})

test('a key used for another line is refused', async () => {
  const product = await harness.product(10)
  const buyer = await harness.buyer(url)
  const key = freshKey()
  await buyer.call('POST', '/v1/cart/lines', { productId: product, quantity: 1 }, key)
  const other = await buyer.call('POST', '/v1/cart/lines', { productId: product, quantity: 2 }, key)
  assert.deepEqual([other.status, other.body.code], [422, 'request.idempotency-key-reused'])
})

test('a line is set, set again, and taken out', async () => {
  const product = await harness.product(10)
  const buyer = await harness.buyer(url)
  const set = (quantity: number) => buyer.call('PUT', `/v1/cart/lines/${product}`, { quantity })
  assert.equal((await set(5)).body.lines[0].quantity, 5)
  assert.equal((await set(3)).body.lines[0].quantity, 3)
  assert.deepEqual((await buyer.call('DELETE', `/v1/cart/lines/${product}`)).body.lines, [])
  assert.deepEqual((await buyer.call('DELETE', `/v1/cart/lines/${product}`)).body.lines, [])
})

test('a cart takes 999 pieces of a product and 100 lines, and no more', async () => {
  const buyer = await harness.buyer(url)
  const products = await Promise.all(Array.from({ length: 101 }, () => harness.product(1)))
  const [first, ...others] = products
  await buyer.call('PUT', `/v1/cart/lines/${first}`, { quantity: 999 })
  assert.equal((await buyer.call('POST', '/v1/cart/lines', { productId: first, quantity: 1 })).body.code, 'cart.line-limit')
  const answers = []
  for (const productId of others) answers.push(await buyer.call('POST', '/v1/cart/lines', { productId, quantity: 1 }))
  assert.equal(answers.filter(({ status }) => status === 200).length, 99)
  assert.equal(answers.at(-1)?.body.code, 'cart.line-limit')
})

test('a long-lived cart keeps few keys', async () => {
  const buyer = await harness.buyer(url)
  const product = await harness.product(1)
  for (let index = 0; index < 130; index++)
    assert.equal(
      (await buyer.call('POST', '/v1/cart/lines', { productId: product, quantity: 1 }, { 'idempotency-key': `k${index}` })).status,
      200,
    )
  assert.equal(
    (await buyer.call('POST', '/v1/cart/lines', { productId: product, quantity: 1 }, { 'idempotency-key': 'k129' })).headers.get(
      'idempotency-replayed',
    ),
    'true',
  )
  assert.equal((await buyer.call('GET', '/v1/cart')).body.lines[0].quantity, 130)
})

test('an unknown product does not get into a cart, and nobody sees another cart', async () => {
  const buyer = await harness.buyer(url)
  assert.equal(
    (await buyer.call('POST', '/v1/cart/lines', { productId: newId('product'), quantity: 1 })).body.code,
    'catalogue.product-not-found',
  )
  await buyer.call('POST', '/v1/cart/lines', { productId: await harness.product(1), quantity: 1 }, { 'idempotency-key': randomUUID() })
  assert.deepEqual((await (await harness.buyer(url)).call('GET', '/v1/cart')).body, { version: 0, lines: [], total: null })
})

test('a cart tells what ordering it costs, which is what the order then costs, and nothing where that can’t be told', async () => {
  const [one, two] = [await harness.product(5), await harness.product(5, { priceMinor: 2050 })]
  const shipping = 'update seller set shipping_minor = 450 where id in (select seller_id from product where id = any($1))'
  await harness.database.query({ name: '', text: shipping }, [[uuidOf(one), uuidOf(two)]])
  const buyer = await harness.buyer(url)
  await buyer.call('POST', '/v1/cart/lines', { productId: one, quantity: 2 })
  const { body: cart } = await buyer.call('POST', '/v1/cart/lines', { productId: two, quantity: 1 })
  assert.deepEqual(
    Object.values(cart.total as Record<string, { amountMinor: number }>).map(({ amountMinor }) => amountMinor),
    [4050, 900, 347 + 356 + 78 + 78, 4950],
  )
  const order = {
    cart: { version: cart.version },
    deliveryAddress: ADDRESS,
    paymentMethod: 'card_ok',
    expectedTotalMinor: cart.total.total.amountMinor,
  }
  const { status, body } = await buyer.call('POST', '/v1/orders', order, freshKey())
  assert.deepEqual([status, body.total, body.shipping, body.tax], [201, cart.total.total, cart.total.shipping, cart.total.tax])
  const dollars = await harness.product(5, { currency: 'USD' })
  await buyer.call('POST', '/v1/cart/lines', { productId: one, quantity: 1 })
  assert.equal((await buyer.call('POST', '/v1/cart/lines', { productId: dollars, quantity: 1 })).body.total, null)
})
