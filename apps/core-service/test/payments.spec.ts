import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { newId, uuidOf, type PartnerId, type ProductId } from '@catamaran/contracts'
import { startTelemetry } from '@catamaran/platform'
import { figureOf, spawnService, until } from '@catamaran/testing'
import { freshKey, Harness, orderOf } from './harness.js'
import { Psp, PSP_SECRETS, type PspPayment } from './psp.js'

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url))

const scrape = startTelemetry('core-service')
let harness: Harness
let psp: Psp
let url: string
let buyer: Awaited<ReturnType<Harness['buyer']>>

before(async () => {
  psp = await Psp.start(() => harness)
  harness = await Harness.create('payments', {
    HOLD_SWEEP_MS: '20',
    PAYMENT_POLL_MS: '20',
    PAYMENT_RETRY_MS: '20',
    PSP_DEADLINE_MS: '400',
    PSP_URL: psp.url,
    RETURN_URL_ORIGINS: 'https://shop.example,http://localhost',
  })
  harness.scope.onClose(() => psp.close())
  url = (await harness.start()).url
  psp.core = url
  buyer = await harness.buyer(url)
})
after(() => harness.close())

const place = async (paymentMethod: string, ...lines: [ProductId, number][]): Promise<string> => {
  const { status, body } = await buyer.call('POST', '/v1/orders', { ...orderOf(...lines), paymentMethod }, freshKey())
  assert.equal(status, 201, JSON.stringify(body))
  return body.id
}
const order = async (id: string) => (await buyer.call('GET', `/v1/orders/${id}`)).body
const reaches = (id: string, status: string) =>
  until(
    async () => {
      const found = await order(id)
      return found.status === status && found
    },
    { message: `${id} is ${status}`, deadlineMs: 60_000 },
  )
/** Waits until core knows the outcome of everything it has asked of the provider for an order. */
const settled = async (id: string): Promise<PspPayment[]> => {
  const open = { name: '', text: 'select from payment_operation where order_id = $1 and finished_at is null' }
  await until(async () => (await harness.database.query(open, [uuidOf(id as never)])).length === 0, {
    message: 'all its money has moved',
    deadlineMs: 60_000,
  })
  return psp.paymentsOf(id)
}
const sums = (payments: PspPayment[]) => {
  const sum = (field: 'authorisedMinor' | 'capturedMinor' | 'voidedMinor' | 'expiredMinor' | 'refundedMinor' | 'openMinor') =>
    payments.reduce((total, payment) => total + payment[field], 0)
  return {
    authorised: sum('authorisedMinor'),
    captured: sum('capturedMinor'),
    released: sum('voidedMinor') + sum('expiredMinor'),
    refunded: sum('refundedMinor'),
    open: sum('openMinor'),
  }
}
const partner = async (...products: ProductId[]) => {
  const id = newId('partner') as PartnerId
  const text = 'update seller set partner_id = $1, shipping_minor = 500 where id in (select seller_id from product where id = any($2))'
  await harness.database.query({ name: '', text }, [uuidOf(id), products.map((product) => uuidOf(product))])
  const token = await harness.issuer.token({ sub: id as never, scopes: ['orders'] })
  return {
    id,
    call: (method: string, path: string, body?: unknown) => harness.call(url, method, path, body, { authorization: `Bearer ${token}` }),
  }
}
const books = async () => assert.deepEqual(await harness.faults(), [])

test('a paid order is confirmed, its parts are shipped and captured one by one, and what is left of the money is nothing', async () => {
  const [one, two] = [await harness.product(5), await harness.product(5, { priceMinor: 2000 })]
  const [first, second] = [await partner(one), await partner(two)]
  const id = await place('card_ok', [one, 2], [two, 1])
  const confirmed = await reaches(id, 'confirmed')
  assert.deepEqual([confirmed.total.amountMinor, confirmed.shipping.amountMinor, confirmed.payment.status], [5000, 1000, 'authorised'])
  assert.equal(confirmed.tax.amountMinor, 347 + 347 + 2 * 87, 'the tax in each line and each shipping')
  assert.equal(confirmed.fulfilments.length, 2)
  assert.deepEqual(await harness.stockOf(one), { available: 3, held: 0 })
  const open = (await first.call('GET', '/v1/partner/fulfilments?status=open')).body.items
  assert.deepEqual([open.length, open[0].items.amountMinor, open[0].deliveryAddress.city, open[0].lines.length], [1, 2000, 'Rotterdam', 1])
  const shipped = await first.call('POST', `/v1/partner/fulfilments/${open[0].id}/ship`, { carrier: 'PostNL', trackingNumber: '3S1' })
  assert.deepEqual([shipped.status, shipped.body.status], [200, 'shipped'])
  assert.equal((await order(id)).status, 'partially_shipped')
  assert.deepEqual(sums(await settled(id)), { authorised: 5000, captured: 2500, released: 0, refunded: 0, open: 2500 })
  const [rest] = (await second.call('GET', '/v1/partner/fulfilments')).body.items
  await second.call('POST', `/v1/partner/fulfilments/${rest.id}/ship`, { carrier: 'DHL' })
  assert.equal((await order(id)).status, 'shipped')
  assert.deepEqual(sums(await settled(id)), { authorised: 5000, captured: 5000, released: 0, refunded: 0, open: 0 })
  await harness.database.query({ name: '', text: "update orders set returnable_until = now() - interval '1 s' where id = $1" }, [
    uuidOf(id as never),
  ])
  await reaches(id, 'completed')
  await books()
})

test("a stranger's fulfilment is not found, for reading, shipping and cancelling", async () => {
  const product = await harness.product(1)
  const [owner, stranger] = [await partner(product), await partner(await harness.product(1))]
  await reaches(await place('card_ok', [product, 1]), 'confirmed')
  const [part] = (await owner.call('GET', '/v1/partner/fulfilments')).body.items
  const path = `/v1/partner/fulfilments/${part.id}`
  for (const answer of [
    await stranger.call('GET', path),
    await stranger.call('POST', `${path}/ship`, { carrier: 'X' }),
    await stranger.call('POST', `${path}/cancel`),
  ])
    assert.deepEqual([answer.status, answer.body.code], [404, 'fulfilments.not-found'])
  assert.deepEqual((await stranger.call('GET', '/v1/partner/fulfilments')).body.items, [])
})

test('a declined card cancels the order, frees its stock, and is counted as declined', async () => {
  const declined = async () => figureOf(await scrape('text'), 'payments_operations_total{kind="authorise",outcome="declined"}')
  const before_ = await declined()
  for (const card of ['card_declined', 'card_insufficient_funds']) {
    const product = await harness.product(3)
    const cancelled = await reaches(await place(card, [product, 3]), 'cancelled')
    assert.deepEqual([cancelled.cancelReason, cancelled.payment.status], ['payment_declined', 'declined'])
    assert.deepEqual(await harness.stockOf(product), { available: 3, held: 0 })
  }
  await until(async () => (await declined()) === before_ + 2, { message: 'both were counted' })
  await books()
})

test('a payment that the buyer has to confirm waits for it, and goes on at once when the provider calls back', async () => {
  const product = await harness.product(5)
  const id = await place('card_3ds', [product, 1])
  const waiting = await until(async () => {
    const found = await order(id)
    return found.payment.status === 'action_required' && found
  })
  assert.equal(waiting.status, 'pending_payment')
  assert.match(waiting.payment.actionUrl, /^http/)
  const [payment] = await psp.paymentsOf(id)
  await psp.call('POST', `/control/payments/${payment?.id}/confirm`)
  assert.equal((await reaches(id, 'confirmed')).payment.actionUrl, null)
  const refused = await place('card_3ds_declined', [product, 1])
  await until(async () => (await order(refused)).payment.status === 'action_required')
  await psp.call('POST', `/control/payments/${(await psp.paymentsOf(refused))[0]?.id}/refuse`)
  assert.equal((await reaches(refused, 'cancelled')).cancelReason, 'payment_declined')
})

test('after 3-D Secure the provider sends the buyer back to where the order said, if that was agreed', async () => {
  const product = await harness.product(5)
  const ask = (returnUrl: string) =>
    buyer.call('POST', '/v1/orders', { ...orderOf([product, 1]), paymentMethod: 'card_3ds', returnUrl }, freshKey())
  for (const elsewhere of ['https://evil.example/', 'https://shop.example@evil.example/', 'http://shop.example/'])
    assert.deepEqual([(await ask(elsewhere)).status, (await ask(elsewhere)).body.code], [422, 'orders.return-url-refused'])
  assert.equal((await ask('javascript:alert(1)')).body.code, 'request.invalid')
  for (const [returnUrl, decision, status] of [
    ['https://shop.example/orders?step=paid#end', 'confirm', 'confirmed'],
    ['http://localhost:3999/cancelled', 'refuse', 'cancelled'],
  ] as const) {
    const { body: placed } = await ask(returnUrl)
    const { payment } = await until(async () => {
      const found = await order(placed.id)
      return found.payment.status === 'action_required' && found
    })
    const page = await fetch(payment.actionUrl, { signal: AbortSignal.timeout(5_000) })
    assert.match(await page.text(), /<form method="post"/)
    assert.ok(page.headers.get('content-security-policy')?.includes(new URL(returnUrl).origin), 'the form may lead there')
    const answered = await fetch(payment.actionUrl, {
      ...{ method: 'POST', redirect: 'manual', signal: AbortSignal.timeout(5_000) },
      body: new URLSearchParams({ decision }),
    })
    assert.deepEqual([answered.status, answered.headers.get('location')], [303, returnUrl])
    await reaches(placed.id, status)
  }
})

test('time-outs after success and errors are asked again with the same key: money is reserved once', async () => {
  for (const card of [
    'card_timeout_after_success',
    'card_error_then_success',
    'card_duplicate_callback',
    'card_callback_first',
    'card_callbacks_out_of_order',
  ]) {
    const product = await harness.product(2)
    const id = await place(card, [product, 1])
    await reaches(id, 'confirmed')
    assert.deepEqual(sums(await settled(id)), { authorised: 1000, captured: 0, released: 0, refunded: 0, open: 1000 }, card)
  }
  await books()
})

test('an authorisation that comes after the hold has ended is voided', async () => {
  const brief = await harness.start({ HOLD_MS: '30' })
  const product = await harness.product(2)
  const late = await harness.buyer(brief.url, buyer.id)
  await psp.call('PUT', '/control/faults', { seed: 1, slowPercent: 100, slowMs: 200 })
  const { body } = await late.call('POST', '/v1/orders', orderOf([product, 1]), freshKey())
  const cancelled = await reaches(body.id, 'cancelled')
  await psp.call('DELETE', '/control/faults')
  assert.equal(cancelled.cancelReason, 'hold_expired')
  assert.deepEqual(sums(await settled(body.id)), { authorised: 1000, captured: 0, released: 1000, refunded: 0, open: 0 })
  assert.equal((await order(body.id)).payment.status, 'released')
  assert.deepEqual(await harness.stockOf(product), { available: 2, held: 0 })
})

test('a buyer cancels before payment, after it, and what is left after a part was shipped; then no more', async () => {
  const [one, two] = [await harness.product(9), await harness.product(9)]
  const [first] = [await partner(one), await partner(two)]
  const waiting = await place('card_3ds', [one, 1])
  await until(async () => (await order(waiting)).payment.status === 'action_required')
  const cancelled = await buyer.call('POST', `/v1/orders/${waiting}/cancel`)
  assert.deepEqual([cancelled.status, cancelled.body.status, cancelled.body.cancelReason], [200, 'cancelled', 'buyer'])
  assert.equal((await buyer.call('POST', `/v1/orders/${waiting}/cancel`)).status, 200, 'told again it stays cancelled')
  const paid = await place('card_ok', [one, 1], [two, 1])
  await reaches(paid, 'confirmed')
  assert.equal((await buyer.call('POST', `/v1/orders/${paid}/cancel`)).body.status, 'cancelled')
  assert.deepEqual(sums(await settled(paid)), { authorised: 3000, captured: 0, released: 3000, refunded: 0, open: 0 })
  const part = await place('card_ok', [one, 1], [two, 1])
  await reaches(part, 'confirmed')
  const [open] = (await first.call('GET', '/v1/partner/fulfilments?status=open')).body.items
  await first.call('POST', `/v1/partner/fulfilments/${open.id}/ship`, { carrier: 'PostNL' })
  const rest = await buyer.call('POST', `/v1/orders/${part}/cancel`)
  assert.deepEqual(
    [rest.body.status, rest.body.fulfilments.map(({ status }: { status: string }) => status).toSorted()],
    ['shipped', ['cancelled', 'shipped']],
  )
  assert.deepEqual(sums(await settled(part)), { authorised: 3000, captured: 1500, released: 1500, refunded: 0, open: 0 })
  const again = await buyer.call('POST', `/v1/orders/${part}/cancel`)
  assert.deepEqual([again.status, again.body.code], [409, 'orders.not-cancellable'])
  const stranger = await harness.buyer(url)
  assert.deepEqual((await stranger.call('POST', `/v1/orders/${part}/cancel`)).status, 404)
  assert.deepEqual(
    [await harness.stockOf(one), await harness.stockOf(two)],
    [
      { available: 8, held: 0 },
      { available: 9, held: 0 },
    ],
  )
  await books()
})

test('a seller gives its part up, and the order with the last one', async () => {
  const [one, two] = [await harness.product(3), await harness.product(3)]
  const sellers = [await partner(one), await partner(two)]
  const id = await place('card_ok', [one, 1], [two, 1])
  await reaches(id, 'confirmed')
  for (const [index, seller] of sellers.entries()) {
    const [open] = (await seller.call('GET', '/v1/partner/fulfilments?status=open')).body.items
    const answer = await seller.call('POST', `/v1/partner/fulfilments/${open.id}/cancel`)
    assert.deepEqual([answer.status, answer.body.status], [200, 'cancelled'])
    assert.equal((await order(id)).status, index === 0 ? 'confirmed' : 'cancelled')
    assert.equal(
      (await seller.call('POST', `/v1/partner/fulfilments/${open.id}/ship`, { carrier: 'X' })).body.code,
      'fulfilments.wrong-status',
    )
  }
  assert.equal((await order(id)).cancelReason, 'seller')
  assert.deepEqual(sums(await settled(id)), { authorised: 3000, captured: 0, released: 3000, refunded: 0, open: 0 })
  assert.deepEqual(await harness.stockOf(one), { available: 3, held: 0 })
})

test('pieces that are returned are paid back, with the last one the shipping; each piece once, and restocked only if the seller says so', async () => {
  const product = await harness.product(5)
  const seller = await partner(product)
  const id = await place('card_ok', [product, 2])
  const [{ id: partId }] = (await reaches(id, 'confirmed')).fulfilments
  const ask = (quantity: number, key = {}) =>
    buyer.call(
      'POST',
      `/v1/orders/${id}/returns`,
      { fulfilmentId: partId, lines: [{ productId: product, quantity }], reason: 'too small' },
      key,
    )
  assert.equal((await ask(1)).body.code, 'returns.not-possible', 'not before it is shipped')
  await seller.call('POST', `/v1/partner/fulfilments/${partId}/ship`, { carrier: 'PostNL' })
  assert.equal((await ask(3)).body.code, 'returns.not-possible', 'not more than was shipped')
  const key = freshKey()
  const first = await ask(1, key)
  assert.deepEqual([first.status, first.body.status, first.body.refund.amountMinor], [201, 'requested', 1000])
  const again = await ask(1, key)
  assert.deepEqual([again.status, again.headers.get('idempotency-replayed'), again.body], [201, 'true', first.body])
  assert.equal((await ask(2, key)).body.code, 'request.idempotency-key-reused')
  const decide = async (verb: string, body?: object) => {
    const [asked] = (await seller.call('GET', '/v1/partner/returns?status=requested')).body.items
    return seller.call('POST', `/v1/partner/returns/${asked.id}/${verb}`, body)
  }
  const accepted = await decide('accept', { restock: false })
  assert.deepEqual([accepted.status, accepted.body.status, accepted.body.reason], [200, 'accepted', 'too small'])
  assert.equal((await ask(1)).status, 201)
  await decide('refuse')
  assert.equal((await ask(1)).status, 201, 'a refused one may be asked for again')
  await decide('accept', { restock: true })
  assert.equal((await ask(1)).body.code, 'returns.not-possible', 'each piece once')
  assert.deepEqual(sums(await settled(id)), { authorised: 2500, captured: 2500, released: 0, refunded: 2500, open: 0 })
  assert.deepEqual((await order(id)).payment.refunded.amountMinor, 2500)
  assert.deepEqual(await harness.stockOf(product), { available: 4, held: 0 })
  const [row] = await harness.database.query<{ sold: number }>({ name: '', text: 'select sold from stock where product_id = $1' }, [
    uuidOf(product),
  ])
  assert.equal(row?.sold, 1)
})

test('an authorisation that has expired at the provider is renewed when its part is shipped', async () => {
  const [one, two] = [await harness.product(3), await harness.product(3)]
  const [first, second] = [await partner(one), await partner(two)]
  const id = await place('card_ok', [one, 1], [two, 1])
  await reaches(id, 'confirmed')
  await psp.call('POST', `/control/payments/${(await psp.paymentsOf(id))[0]?.id}/expire`)
  const [cancelled] = (await second.call('GET', '/v1/partner/fulfilments')).body.items
  await second.call('POST', `/v1/partner/fulfilments/${cancelled.id}/cancel`)
  const [part] = (await first.call('GET', '/v1/partner/fulfilments')).body.items
  await first.call('POST', `/v1/partner/fulfilments/${part.id}/ship`, { carrier: 'PostNL' })
  assert.deepEqual(sums(await settled(id)), { authorised: 4500, captured: 1500, released: 3000, refunded: 0, open: 0 })
})

test('a price that changes and a product that is withdrawn after placing change nothing for the order', async () => {
  const product = await harness.product(2)
  const id = await place('card_3ds', [product, 1])
  await until(async () => (await order(id)).payment.status === 'action_required')
  await harness.database.query({ name: '', text: "update product set price_minor = 9, status = 'withdrawn' where id = $1" }, [
    uuidOf(product),
  ])
  await psp.call('POST', `/control/payments/${(await psp.paymentsOf(id))[0]?.id}/confirm`)
  const confirmed = await reaches(id, 'confirmed')
  assert.deepEqual([confirmed.total.amountMinor, confirmed.lines[0].unitPrice.amountMinor], [1000, 1000])
  await books()
})

test('a callback with a wrong, old or missing signature is refused; a right one is taken, also when it is about nothing of ours', async () => {
  const body = JSON.stringify({ payment: { reference: newId('order') } })
  const now = Math.floor(Date.now() / 1000)
  const sign = (time: number, secret = PSP_SECRETS.PSP_CALLBACK_SECRET) =>
    `t=${time},v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`
  const send = (signature: string) => harness.call(url, 'POST', '/v1/payments/callbacks', body, { 'psp-signature': signature })
  for (const signature of ['', 'rubbish', sign(now, 'another secret'), sign(now - 3600), sign(now).replace(/..$/, '00')]) {
    const answer = await send(signature)
    assert.deepEqual([answer.status, answer.body?.code], [401, 'payments.signature-invalid'], signature)
  }
  assert.equal((await send(sign(now))).status, 204)
})

test('core and the provider are killed in the midst of payments, and all money moves once', async () => {
  const mains = { ...harness.env, PORT: '0', ADMIN_PORT: '0' }
  let core = await spawnService(MAIN, mains)
  const shopper = await harness.buyer(core.url, buyer.id)
  const product = await harness.product(100)
  await psp.call('PUT', '/control/faults', { seed: 7, slowPercent: 100, slowMs: 50, timeoutAfterSuccessPercent: 30, errorPercent: 20 })
  const placed = await Promise.all(
    Array.from({ length: 30 }, async () => (await shopper.call('POST', '/v1/orders', orderOf([product, 1]), freshKey())).body.id as string),
  )
  await core.kill()
  await psp.restart()
  core = await spawnService(MAIN, mains)
  harness.scope.onClose(async () => void (await core.kill()))
  await psp.call('DELETE', '/control/faults')
  for (const id of placed) {
    await reaches(id, 'confirmed')
    assert.deepEqual(sums(await settled(id)), { authorised: 1000, captured: 0, released: 0, refunded: 0, open: 1000 })
  }
  await books()
})
