import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ACR, newId, uuidOf, type OrderId, type PartnerId } from '@catamaran/contracts'
import { until } from '@catamaran/testing'
import { freshKey, Harness, orderOf, type Answer } from './harness.js'
import { Psp } from './psp.js'

let harness: Harness
let psp: Psp
let url: string
let buyer: Awaited<ReturnType<Harness['buyer']>>
let operator: string

/** What is put off stays so: nothing but an operator makes it due within the time of a test. */
const NEVER = '60000'

before(async () => {
  psp = await Psp.start(() => harness)
  harness = await Harness.create('ops_payments', { PAYMENT_POLL_MS: '20', PAYMENT_RETRY_MS: NEVER, PSP_URL: psp.url })
  harness.scope.onClose(() => psp.close())
  url = (await harness.start()).url
  psp.core = url
  buyer = await harness.buyer(url)
  operator = await harness.issuer.token({ scopes: ['ops'], acr: ACR.multi })
})
after(() => harness.close())

const ask = (method: string, path: string, token = operator): Promise<Answer> =>
  harness.call(url, method, `/v1/ops/payments${path}`, undefined, { authorization: `Bearer ${token}` })
const query = <Row extends object>(text: string, values: unknown[]): Promise<Row[]> =>
  harness.database.query<Row>({ name: '', text }, values)
const retry = (id: string): Promise<Answer> => ask('POST', `/${id}/retry`)

const place = async (): Promise<OrderId> => {
  const { status, body } = await buyer.call('POST', '/v1/orders', orderOf([await harness.product(5), 1]), freshKey())
  assert.equal(status, 201, JSON.stringify(body))
  return body.id
}
const operationsOf = (order: OrderId) =>
  query<{ id: string; kind: string; status: string; attempts: number }>(
    'select id, kind, status, attempts from payment_operation where order_id = $1 order by seq, id',
    [uuidOf(order)],
  )
const reaches = (order: OrderId, kind: string, status: string) =>
  until(async () => (await operationsOf(order)).find((each) => each.kind === kind && each.status === status), {
    message: `the ${kind} of ${order} is ${status}`,
  })
const entry = async (order: OrderId, status: string) => {
  const { body } = await ask('GET', `?status=${status}&limit=100`)
  return body.items.find(({ orderId }: { orderId: string }) => orderId === order)
}

/** A shipped order whose capture the provider has refused, because we named a payment that it doesn't know. */
const refusedCapture = async () => {
  const order = await place()
  await reaches(order, 'authorise', 'succeeded')
  const [authorised] = await query<{ payment_ref: string }>('select payment_ref from payment_operation where order_id = $1', [
    uuidOf(order),
  ])
  const name = (ref: string) =>
    query("update payment_operation set payment_ref = $2 where order_id = $1 and kind = 'authorise'", [uuidOf(order), ref])
  await name('pay_unknown')
  const partner = newId('partner') as PartnerId
  const [part] = await query<{ id: string }>(
    `update seller s set partner_id = $2 from fulfilment f where f.order_id = $1 and s.id = f.seller_id returning f.id`,
    [uuidOf(order), uuidOf(partner)],
  )
  const token = await harness.issuer.token({ sub: partner as never, scopes: ['orders'] })
  const path = `/v1/partner/fulfilments/${(await harness.call(url, 'GET', '/v1/partner/fulfilments', undefined, { authorization: `Bearer ${token}` })).body.items[0].id}/ship`
  assert.ok(part)
  const shipped = await harness.call(url, 'POST', path, { carrier: 'PostNL' }, { authorization: `Bearer ${token}` })
  assert.equal(shipped.status, 200, JSON.stringify(shipped.body))
  await reaches(order, 'capture', 'refused')
  return { order, mend: () => name(authorised?.payment_ref as string) }
}

test('a refused capture is listed, and retried twice at once after the cause is gone it is done once, under a fresh id', async () => {
  const { order, mend } = await refusedCapture()
  const stuck = await entry(order, 'stuck')
  assert.deepEqual(
    [stuck.kind, stuck.status, stuck.amount, stuck.attempts, typeof stuck.lastError, stuck.orderStatus],
    ['capture', 'refused', { amountMinor: 1000, currency: 'EUR' }, 1, 'string', 'shipped'],
  )
  assert.deepEqual([(await entry(order, 'refused')).id, (await entry(order, 'open')).id], [stuck.id, stuck.id])
  await mend()
  const [one, two] = await Promise.all([retry(stuck.id), retry(stuck.id)])
  assert.deepEqual([one.status, two.status, one.body.id], [200, 200, two.body.id])
  assert.notEqual(one.body.id, stuck.id)
  await reaches(order, 'capture', 'succeeded')
  assert.equal((await retry(stuck.id)).body.id, one.body.id)
  assert.deepEqual(
    (await operationsOf(order)).map(({ kind, status }) => [kind, status]),
    [
      ['authorise', 'succeeded'],
      ['capture', 'replaced'],
      ['capture', 'succeeded'],
    ],
  )
  const [payment] = await psp.paymentsOf(order)
  assert.deepEqual([payment?.capturedMinor, payment?.openMinor], [1000, 0])
  assert.equal(await entry(order, 'open'), undefined)
})

test('a refused capture whose cause stays is refused again, and the old one leads to the new one without trying it', async () => {
  const { order } = await refusedCapture()
  const old = await entry(order, 'stuck')
  const fresh = (await retry(old.id)).body.id
  await until(async () => (await entry(order, 'refused'))?.id === fresh, { message: 'the new one is refused' })
  assert.equal((await retry(old.id)).body.id, fresh)
  assert.deepEqual((await operationsOf(order)).length, 3)
})

test('an operation that is put off is tried at once under its own id', async () => {
  await psp.call('PUT', '/control/faults', { seed: 1, errorPercent: 100 })
  const order = await place()
  await until(async () => (await entry(order, 'open'))?.lastError !== null && (await entry(order, 'open')), { message: 'it was put off' })
  assert.equal(await entry(order, 'stuck'), undefined)
  await query('update payment_operation set attempts = 6 where order_id = $1', [uuidOf(order)])
  const stuck = await entry(order, 'stuck')
  assert.deepEqual([stuck.kind, stuck.status, stuck.attempts], ['authorise', 'due', 6])
  await psp.call('DELETE', '/control/faults')
  const [one, two] = await Promise.all([retry(stuck.id), retry(stuck.id)])
  assert.deepEqual([one.status, two.status, one.body.id, two.body.id], [200, 200, stuck.id, stuck.id])
  await reaches(order, 'authorise', 'succeeded')
  assert.equal((await psp.paymentsOf(order)).length, 1)
  const ended = await retry(stuck.id)
  assert.deepEqual([ended.status, ended.body.code], [409, 'payments.operation-not-stuck'])
})

test('what waits for more than an hour is stuck, the list is read page by page from the oldest, and its filters are strict', async () => {
  const orders: OrderId[] = []
  for (let n = 0; n < 3; n++) {
    const { body } = await buyer.call(
      'POST',
      '/v1/orders',
      { ...orderOf([await harness.product(5), 1]), paymentMethod: 'card_3ds' },
      freshKey(),
    )
    orders.push(body.id)
  }
  for (const order of orders) await reaches(order, 'authorise', 'action_required')
  await query("update payment_operation set created_at = now() - interval '2 hours' where order_id = any($1)", [
    orders.map((id) => uuidOf(id)),
  ])
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const { body }: Answer = await ask('GET', `?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
    seen.push(...body.items.map(({ orderId }: { orderId: string }) => orderId))
    cursor = body.nextCursor
  }
  assert.deepEqual(
    seen.filter((id) => orders.includes(id as OrderId)),
    orders,
  )
  assert.ok((await entry(orders[0] as OrderId, 'stuck')).ageSeconds >= 7200)
  assert.deepEqual((await ask('GET', '?cursor=rubbish')).body.code, 'request.invalid-cursor')
  assert.deepEqual((await ask('GET', '?status=refused&kind=void')).status, 400)
})

test('only an operator with two factors sees or retries them, and what is not there is 404', async () => {
  const one = await harness.issuer.token({ scopes: ['ops'], acr: ACR.single })
  const other = await harness.issuer.token({ scopes: ['orders:read', 'orders:write', 'orders'], acr: ACR.multi })
  const id = newId('paymentOperation')
  for (const [method, path] of [
    ['GET', ''],
    ['POST', `/${id}/retry`],
  ] as const) {
    assert.deepEqual([(await ask(method, path, other)).status, (await ask(method, path, one)).status], [403, 401])
  }
  const absent = await retry(id)
  assert.deepEqual([absent.status, absent.body.code], [404, 'payments.operation-not-found'])
})
