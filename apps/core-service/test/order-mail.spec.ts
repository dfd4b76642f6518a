import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { newId, OrdersForMail, uuidOf, type OrderForMail } from '@catamaran/contracts'
import { ADDRESS, freshKey, Harness, orderOf } from './harness.js'

let harness: Harness
let url: string
const asked: { method: string | undefined; path: string | undefined }[] = []
// aux-service's side has its own tests (apps/aux-service/test/mails.spec.ts): here it is what answers.
const aux = createServer((request, response) => {
  asked.push({ method: request.method, path: request.url })
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"mail":false}')
})

before(async () => {
  await new Promise<void>((resolve) => aux.listen(0, '127.0.0.1', resolve))
  harness = await Harness.create('core_order_mail', { AUX_URL: `http://127.0.0.1:${(aux.address() as AddressInfo).port}` })
  url = (await harness.start()).url
})
after(async () => {
  await harness.close()
  aux.close()
  aux.closeAllConnections()
})

const run = (text: string, values: unknown[]) => harness.database.query({ name: '', text }, values)
const place = async (address: object) => {
  const buyer = await harness.buyer(url)
  const body = { ...orderOf([await harness.product(5, { name: 'Oak lamp' }), 2]), deliveryAddress: address }
  return { buyer, answer: await buyer.call('POST', '/v1/orders', body, freshKey()) }
}
const readAs = async (service: 'aux-service' | 'api-gateway', ...ids: string[]) =>
  harness.call(url, 'GET', `/internal/orders?ids=${ids.join()}`, undefined, {
    'x-service-token': await harness.issuer.serviceToken(service),
  })

test('aux-service reads of an order what a mail tells, with the address and language that its buyer gave', async () => {
  const address = { ...ADDRESS, email: 'ada@example.org', language: 'de' }
  const { buyer, answer } = await place(address)
  assert.equal(answer.status, 201)
  assert.deepEqual(answer.body.deliveryAddress, address)
  const { status, body } = await readAs('aux-service', answer.body.id)
  assert.equal(status, 200)
  const [order] = OrdersForMail.parse(body) as [OrderForMail]
  assert.deepEqual([order.buyerId, order.email, order.language], [buyer.id, 'ada@example.org', 'de'])
  assert.deepEqual(order.lines, [{ name: 'Oak lamp', quantity: 2, unitPrice: { amountMinor: 1000, currency: 'EUR' } }])
  await run('update orders set delivery_address = null, buyer_id = gen_random_uuid() where id = $1', [uuidOf(answer.body.id)])
  const erased = (OrdersForMail.parse((await readAs('aux-service', answer.body.id)).body) as [OrderForMail])[0]
  assert.deepEqual([erased.email, erased.language], [null, 'en'])
  assert.notEqual(erased.buyerId, buyer.id)
})

test('an order without an email has none, one that is not there is left out, and nobody else may ask', async () => {
  const { answer } = await place(ADDRESS)
  const { body } = await readAs('aux-service', newId('order'), answer.body.id)
  assert.deepEqual(
    OrdersForMail.parse(body).map(({ id, email }) => [id, email]),
    [[answer.body.id, null]],
  )
  for (const ids of [[], ['ord_1'], Array.from({ length: 51 }, () => newId('order'))])
    assert.equal((await readAs('aux-service', ...ids)).status, 400)
  const refused = await readAs('api-gateway', answer.body.id)
  assert.deepEqual([refused.status, refused.body.code], [403, 'auth.caller-not-allowed'])
  for (const wrong of [{ email: 'ada' }, { email: 'ada@example.org', language: 'fr' }])
    assert.equal((await place({ ...ADDRESS, ...wrong })).answer.status, 400)
})

test("a seller is told where a parcel goes, and not its buyer's email or language", async () => {
  const { answer } = await place({ ...ADDRESS, email: 'ada@example.org', language: 'de' })
  const [id, partner] = [newId('fulfilment'), newId('partner')]
  await run('update seller set partner_id = $1 where id = (select seller_id from order_line where order_id = $2)', [
    uuidOf(partner),
    uuidOf(answer.body.id),
  ])
  await run(
    `insert into fulfilment (id, order_id, seller_id, items_minor, shipping_minor)
     select $1, order_id, seller_id, 2000, 0 from order_line where order_id = $2`,
    [uuidOf(id), uuidOf(answer.body.id)],
  )
  const authorization = `Bearer ${await harness.issuer.token({ sub: partner as never, scopes: ['orders'] })}`
  const { status, body } = await harness.call(url, 'GET', `/v1/partner/fulfilments/${id}`, undefined, { authorization })
  assert.equal(status, 200)
  assert.deepEqual(body.deliveryAddress, ADDRESS)
})

test('a buyer reads and changes the wish for mails, each by its own scope', async () => {
  const call = async (method: string, scope: string, body?: unknown) => {
    const authorization = `Bearer ${await harness.issuer.token({ scopes: [scope] })}`
    return harness.call(url, method, '/v1/notifications/preferences', body, { authorization })
  }
  assert.deepEqual((await call('GET', 'notifications:read')).body, { mail: false })
  assert.equal((await call('PUT', 'account:write', { mail: false })).status, 200)
  assert.deepEqual(
    asked.map(({ method, path }) => `${method} ${path}`),
    ['GET', 'PUT'].map((method) => `${method} /internal/notifications/preferences`),
  )
  assert.equal((await call('PUT', 'notifications:read', { mail: false })).body.code, 'auth.scope-missing')
  assert.equal((await call('PUT', 'account:write', { mail: 1 })).status, 400)
  assert.equal(asked.length, 2)
})
