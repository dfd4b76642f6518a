import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { newId, uuidOf, type ProductId } from '@catamaran/contracts'
import { until } from '@catamaran/testing'
import { freshKey, Harness, orderOf } from './harness.js'
import { LAMP, newPartner, prepareTopics, type TestPartner } from './partner.js'
import { Psp } from './psp.js'

let harness: Harness
let psp: Psp
let url: string
let otherUrl: string
let partner: TestPartner
let stranger: TestPartner

before(async () => {
  psp = await Psp.start(() => harness)
  harness = await Harness.create('products', { PSP_URL: psp.url, PAYMENT_POLL_MS: '20' })
  harness.scope.onClose(() => psp.close())
  await prepareTopics(harness)
  url = (await harness.start()).url
  otherUrl = (await harness.start()).url
  psp.core = url
  partner = await newPartner(harness, url)
  stranger = await newPartner(harness, url)
})
after(() => harness.close())

const page = (id: ProductId, at = url) => harness.call(at, 'GET', `/v1/products/${id}`)
const booksOf = async (id: ProductId) =>
  (
    await harness.database.query({ name: '', text: 'select available, held, sold, initial, restocked from stock where product_id = $1' }, [
      uuidOf(id),
    ])
  )[0]
const tag = (value: string) => ({ 'if-match': value })

test('a product that a partner makes is for sale at once, with its stock, and once for its key', async () => {
  const key = freshKey()
  const body = { ...LAMP, sku: 'LAMP-1', taxBasisPoints: 900, available: 7 }
  const [made, same] = await Promise.all([partner.call('POST', '/products', body, key), partner.call('POST', '/products', body, key)])
  assert.deepEqual([made.status, same.status], [201, 201])
  assert.deepEqual(made.body, same.body)
  assert.deepEqual(new Set([made, same].map(({ headers }) => headers.get('idempotency-replayed'))), new Set([null, 'true']))
  const { id, sellerId, createdAt, updatedAt, ...rest } = made.body
  assert.equal(createdAt, updatedAt)
  assert.match(sellerId, /^sel_/)
  const { priceMinor, currency, ...text } = LAMP
  assert.deepEqual(rest, {
    ...text,
    ...{ sku: 'LAMP-1', price: { amountMinor: priceMinor, currency }, taxBasisPoints: 900, status: 'active', version: 1 },
  })
  assert.equal(made.headers.get('etag'), '"1"')
  assert.deepEqual((await partner.call('GET', `/products/${id}`)).body, made.body)
  assert.equal((await page(id)).body.availability, 'in_stock')
  assert.deepEqual(await booksOf(id), { available: 7, held: 0, sold: 0, initial: 7, restocked: 0 })
  const other = await partner.call('POST', '/products', { ...body, name: 'Other' }, key)
  assert.deepEqual([other.status, other.body.code], [422, 'request.idempotency-key-reused'])
  const taken = await partner.call('POST', '/products', body, freshKey())
  assert.deepEqual([taken.status, taken.body.code], [409, 'catalogue.sku-taken'])
  assert.equal((await stranger.call('POST', '/products', body, key)).status, 201, 'keys and SKUs are each partner’s own')
})

test('a product that is not well described is refused with every fault', async () => {
  const faults = async (body: object): Promise<string[]> =>
    (await partner.call('POST', '/products', body)).body.errors.map(({ pointer }: { pointer: string }) => pointer)
  assert.deepEqual(await faults({ ...LAMP, name: ' ', priceMinor: 0, currency: 'BTC', category: 'No', more: 1, sku: '' }), [
    ...['/sku', '/name', '/category', '/priceMinor', '/currency', '/more'],
  ])
  assert.deepEqual(await faults({ ...LAMP, available: -1, taxBasisPoints: 10_001 }), ['/taxBasisPoints', '/available'])
})

test('a change needs the ETag of what it changes, and every process shows it within a second', async () => {
  const { id } = await partner.sell()
  for (const at of [url, otherUrl]) assert.equal((await page(id, at)).body.price.amountMinor, 4900)
  const change = { priceMinor: 4500, name: 'Fine oak lamp' }
  assert.deepEqual((await partner.call('PATCH', `/products/${id}`, change)).body.code, 'request.precondition-required')
  for (const wrong of ['"2"', 'W/"1"', '1']) {
    const refused = await partner.call('PATCH', `/products/${id}`, change, tag(wrong))
    assert.deepEqual([refused.status, refused.body.code], [412, 'request.precondition-failed'], wrong)
  }
  const changed = await partner.call('PATCH', `/products/${id}`, change, tag('"1"'))
  assert.deepEqual([changed.status, changed.headers.get('etag'), changed.body.version], [200, '"2"', 2])
  assert.deepEqual([changed.body.name, changed.body.price.amountMinor, changed.body.description], ['Fine oak lamp', 4500, LAMP.description])
  for (const at of [url, otherUrl]) {
    await until(async () => (await page(id, at)).body.price.amountMinor === 4500, { deadlineMs: 1_000, message: `${at} shows the price` })
  }
  const same = await partner.call('PATCH', `/products/${id}`, change, tag('"2"'))
  assert.deepEqual([same.status, same.body.version], [200, 2], 'what changes nothing makes no version')
  assert.equal((await partner.call('PATCH', `/products/${id}`, { currency: 'USD' }, tag('"2"'))).body.code, 'request.invalid')
  assert.equal((await partner.call('PATCH', `/products/${id}`, {}, tag('"2"'))).body.code, 'request.invalid')
  await until(
    async () => (await harness.published('catalogue')).filter((data) => (data as { productId: string }).productId === id).length === 2,
    {
      deadlineMs: 10_000,
      message: 'an event for each version',
    },
  )
})

test('of two changes of the same version one is refused', async () => {
  const { id } = await partner.sell()
  const answers = await Promise.all([1, 2].map((priceMinor) => partner.call('PATCH', `/products/${id}`, { priceMinor }, tag('"1"'))))
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 412],
  )
})

test('an SKU is given to another product only once it is free', async () => {
  const [one, two] = [await partner.sell({ sku: 'FREE-1' }), await partner.sell({ sku: 'FREE-2' })]
  const take = () => partner.call('PATCH', `/products/${two.id}`, { sku: 'FREE-1' }, tag('*'))
  assert.equal((await take()).body.code, 'catalogue.sku-taken')
  assert.equal((await partner.call('PATCH', `/products/${one.id}`, { sku: null }, tag('*'))).body.sku, null)
  assert.equal((await take()).body.sku, 'FREE-1')
})

test('a withdrawn product is neither seen nor ordered until it is back, and is listed by its status', async () => {
  const seller = await newPartner(harness, url)
  const made: ProductId[] = []
  for (let index = 0; index < 3; index++) made.unshift((await seller.sell({ name: `Number ${index}`, available: 1 })).id)
  const [id] = made as [ProductId]
  assert.equal((await seller.call('POST', `/products/${id}/withdraw`)).body.status, 'withdrawn')
  assert.equal((await seller.call('POST', `/products/${id}/withdraw`)).body.version, 2, 'again changes nothing')
  for (const at of [url, otherUrl])
    await until(async () => (await page(id, at)).status === 404, { deadlineMs: 1_000, message: 'it is gone' })
  const buyer = await harness.buyer(url)
  assert.equal((await buyer.call('POST', '/v1/orders', orderOf([id, 1]), freshKey())).body.code, 'orders.product-not-found')
  const idsOf = async (search: string) =>
    (await seller.call('GET', `/products?${search}`)).body.items.map((item: { id: string }) => item.id)
  assert.deepEqual(await idsOf('status=withdrawn'), [id])
  assert.deepEqual(await idsOf('status=active'), made.slice(1))
  const first = (await seller.call('GET', '/products?limit=2')).body
  assert.deepEqual([...first.items.map((item: { id: string }) => item.id), ...(await idsOf(`limit=2&cursor=${first.nextCursor}`))], made)
  assert.equal((await seller.call('GET', '/products?cursor=x')).body.code, 'request.invalid-cursor')
  assert.equal((await seller.call('POST', `/products/${id}/relist`)).body.status, 'active')
  assert.equal((await buyer.call('POST', '/v1/orders', orderOf([id, 1]), freshKey())).status, 201)
})

test('an order keeps its price and its pieces when the price changes and the product is withdrawn', async () => {
  const { id } = await partner.sell({ available: 3 })
  const buyer = await harness.buyer(url)
  const placed = await buyer.call('POST', '/v1/orders', { ...orderOf([id, 2]), paymentMethod: 'card_3ds' }, freshKey())
  assert.equal(placed.status, 201)
  await partner.call('PATCH', `/products/${id}`, { priceMinor: 9900 }, tag('*'))
  await partner.call('POST', `/products/${id}/withdraw`)
  assert.deepEqual(await booksOf(id), { available: 1, held: 2, sold: 0, initial: 3, restocked: 0 })
  const read = async () => (await buyer.call('GET', `/v1/orders/${placed.body.id}`)).body
  await until(async () => (await read()).payment.status === 'action_required', { message: 'it waits for 3-D Secure' })
  const [payment] = await psp.paymentsOf(placed.body.id)
  await psp.call('POST', `/control/payments/${payment?.id}/confirm`)
  const confirmed = await until(async () => (await read()).status === 'confirmed' && (await read()), {
    deadlineMs: 10_000,
    message: 'it is paid',
  })
  assert.equal(confirmed.total.amountMinor, 2 * 4900)
  assert.deepEqual(await booksOf(id), { available: 1, held: 0, sold: 2, initial: 3, restocked: 0 })
})

test('stock is set against its ETag, and the books balance below what there was at first', async () => {
  const { id } = await partner.sell({ available: 10 })
  const buyer = await harness.buyer(url)
  const read = await partner.call('GET', `/products/${id}/stock`)
  assert.deepEqual(read.body, { available: 10, held: 0, sold: 0 })
  await buyer.call('POST', '/v1/orders', { ...orderOf([id, 3]), paymentMethod: 'card_3ds' }, freshKey())
  const set = (available: number, headers = {}) => partner.call('PUT', `/products/${id}/stock`, { available }, headers)
  assert.equal((await set(4)).body.code, 'request.precondition-required')
  assert.equal((await set(4, tag(read.headers.get('etag') ?? ''))).body.code, 'request.precondition-failed', 'an order came between')
  const etag = (await partner.call('GET', `/products/${id}/stock`)).headers.get('etag') ?? ''
  const put = await set(2, tag(etag))
  assert.deepEqual([put.status, put.body], [200, { available: 2, held: 3, sold: 0 }])
  assert.deepEqual(await booksOf(id), { available: 2, held: 3, sold: 0, initial: 10, restocked: -5 })
  assert.equal((await set(-1, tag('*'))).body.code, 'request.invalid')
  for (const at of [url, otherUrl])
    await until(async () => (await page(id, at)).body.availability === 'low_stock', { deadlineMs: 1_000, message: `${at} shows it` })
  assert.deepEqual(await harness.faults(), [])
})

test('an adjustment adds once for its key, however many come at once, and never below nothing', async () => {
  const { id } = await partner.sell({ available: 10 })
  const adjust = (by: number, headers = freshKey()) => partner.call('POST', `/products/${id}/stock/adjust`, { by }, headers)
  const key = freshKey()
  const answers = await Promise.all([adjust(20, key), adjust(20, key), adjust(-3), adjust(-3)])
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 200],
  )
  assert.deepEqual(await booksOf(id), { available: 24, held: 0, sold: 0, initial: 10, restocked: 14 })
  assert.equal((await adjust(21, key)).body.code, 'request.idempotency-key-reused')
  const refused = await adjust(-25)
  assert.deepEqual([refused.status, refused.body.code], [409, 'catalogue.stock-out-of-range'])
  assert.equal((await adjust(0)).body.code, 'request.invalid')
  assert.equal(((await booksOf(id)) as { available: number }).available, 24)
})

test('orders and adjustments of the same product come one after another, and no piece is lost', async () => {
  const { id } = await partner.sell({ available: 8 }) // enough for any order of them
  const buyer = await harness.buyer(url)
  const order = () => buyer.call('POST', '/v1/orders', { ...orderOf([id, 1]), paymentMethod: 'card_3ds' }, freshKey())
  const adjust = (by: number) => partner.call('POST', `/products/${id}/stock/adjust`, { by }, freshKey())
  const answers = await Promise.all([order(), adjust(3), order(), adjust(-1), order(), adjust(2), order(), adjust(-1)])
  assert.ok(
    answers.every(({ status }) => status < 300),
    JSON.stringify(answers.map(({ body }) => body.code)),
  )
  assert.deepEqual(await booksOf(id), { available: 7, held: 4, sold: 0, initial: 8, restocked: 3 })
})

test('another partner’s product is as one that is not there', async () => {
  const { id } = await partner.sell()
  for (const [method, path, body] of [
    ['GET', '', undefined],
    ['PATCH', '', { priceMinor: 1 }],
    ['POST', '/withdraw', undefined],
    ['POST', '/relist', undefined],
    ['GET', '/stock', undefined],
    ['PUT', '/stock', { available: 1 }],
    ['POST', '/stock/adjust', { by: 1 }],
  ] as const) {
    for (const product of [id, newId('product')]) {
      const answer = await stranger.call(method, `/products/${product}${path}`, body)
      assert.deepEqual([answer.status, answer.body.code], [404, 'catalogue.product-not-found'], `${method} ${path}`)
    }
  }
  const { items } = (await stranger.call('GET', '/products?limit=100')).body
  assert.ok(items.every((item: { id: string }) => item.id !== id))
})
