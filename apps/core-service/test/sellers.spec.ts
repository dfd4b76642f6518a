import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { newId, uuidOf, type ProductId } from '@catamaran/contracts'
import { until } from '@catamaran/testing'
import { freshKey, Harness, orderOf } from './harness.js'
import { newPartner, prepareTopics, tellOf } from './partner.js'

let harness: Harness
let url: string
let otherUrl: string

before(async () => {
  harness = await Harness.create('sellers')
  await prepareTopics(harness)
  url = (await harness.start()).url
  otherUrl = (await harness.start()).url
})
after(() => harness.close())

const query = <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
  harness.database.query<Row>({ name: '', text }, values)
const page = (id: ProductId, at = url) => harness.call(at, 'GET', `/v1/products/${id}`)
const everywhere = async (id: ProductId, matches: (answer: Awaited<ReturnType<typeof page>>) => boolean, message: string) => {
  for (const at of [url, otherUrl])
    await until(async () => matches(await page(id, at)), { deadlineMs: 1_000, message: `${message} at ${at}` })
}
const versionOf = (id: string) => query<{ version: number }>('select version from partner where id = $1', [id])
const applied = (id: string, version: number) =>
  until(async () => (await versionOf(id))[0]?.version === version, { deadlineMs: 20_000, message: `version ${version} is applied` })

test('an approved partner is a seller with an address of its own, and can sell', async () => {
  const [one, two] = [await newPartner(harness, url), await newPartner(harness, url)]
  const sellers = await query<{ id: string; slug: string }>('select id, slug from seller where partner_id = any($1) order by id', [
    [uuidOf(one.id), uuidOf(two.id)],
  ])
  assert.deepEqual(sellers[0]?.slug, 'sailcloth-sons')
  assert.deepEqual(sellers[1]?.slug, `sailcloth-sons-${uuidOf(two.id).slice(-8)}`)
  const { id } = await one.sell()
  assert.deepEqual((await page(id)).body.seller.name, 'Sailcloth & Sons')
})

test('a partner that was never approved sells nothing', async () => {
  const token = await harness.issuer.token({ sub: newId('partner') as never, scopes: ['catalogue'] })
  for (const [method, path, body] of [
    ['POST', '/products', { name: 'x', description: '', category: 'kitchen', priceMinor: 1, currency: 'EUR' }],
    ['GET', '/settings', undefined],
    ['PUT', '/settings', { shippingMinor: 1 }],
  ] as const) {
    const answer = await harness.call(url, method, `/v1/partner${path}`, body, { authorization: `Bearer ${token}` })
    assert.deepEqual([answer.status, answer.body.code], [409, 'partners.not-active'], path)
  }
})

test('what a suspended partner sells is neither seen nor ordered, in any process within a second, until it is active again', async () => {
  const partner = await newPartner(harness, url)
  const [shown, withdrawn] = [await partner.sell({ available: 5 }), await partner.sell({ available: 5 })]
  await partner.call('POST', `/products/${withdrawn.id}/withdraw`)
  await everywhere(shown.id, ({ status }) => status === 200, 'it is seen')
  await tellOf(harness, partner.id, 3, 'suspended')
  await applied(uuidOf(partner.id), 3)
  await everywhere(shown.id, ({ status }) => status === 404, 'it is gone')
  const buyer = await harness.buyer(url)
  const refused = await buyer.call('POST', '/v1/orders', orderOf([shown.id, 1]), freshKey())
  assert.equal(refused.body.code, 'orders.product-not-found')
  assert.equal((await partner.call('GET', `/products/${shown.id}`)).body.status, 'suspended')
  assert.equal((await partner.call('POST', `/products/${shown.id}/relist`)).body.code, 'partners.not-active')
  await tellOf(harness, partner.id, 4, 'active')
  await applied(uuidOf(partner.id), 4)
  await everywhere(shown.id, ({ status }) => status === 200, 'it is back')
  assert.equal((await buyer.call('POST', '/v1/orders', orderOf([shown.id, 1]), freshKey())).status, 201)
  assert.equal((await partner.call('GET', `/products/${withdrawn.id}`)).body.status, 'withdrawn')
})

test('a new name stands on every page, the address stays, and an old letter changes nothing', async () => {
  const partner = await newPartner(harness, url)
  const { id } = await partner.sell()
  await everywhere(id, ({ body }) => body.seller.name === 'Sailcloth & Sons', 'the first name')
  await tellOf(harness, partner.id, 5, 'active', 'Spinnaker')
  await applied(uuidOf(partner.id), 5)
  await everywhere(id, ({ body }) => body.seller.name === 'Spinnaker', 'the new name')
  await tellOf(harness, partner.id, 2, 'suspended', 'Long ago')
  await tellOf(harness, partner.id, 6, 'active', 'Spinnaker')
  await applied(uuidOf(partner.id), 6)
  const [seller] = await query('select name, slug like $2 as "keptSlug" from seller where id = $1', [uuidOf(partner.id), 'sailcloth-sons%'])
  assert.deepEqual(seller, { name: 'Spinnaker', keptSlug: true })
  assert.equal((await page(id)).status, 200)
})

test('many products are suspended in batches, and an event that comes again goes on where the first time broke off', async () => {
  const partner = await newPartner(harness, url)
  await query(
    `with made as (
      insert into product (id, seller_id, name, description, category, price_minor, currency)
      select uuidv7(), $1, 'Many ' || n, '', 'kitchen', 100, 'EUR' from generate_series(1, 1200) n returning id)
    insert into stock (product_id, available, initial) select id, 1, 1 from made`,
    [uuidOf(partner.id)],
  )
  const left = async () => (await query(`select from product where seller_id = $1 and status = 'active'`, [uuidOf(partner.id)])).length
  await tellOf(harness, partner.id, 2, 'suspended')
  await until(async () => (await left()) === 0, { deadlineMs: 20_000, message: 'all are suspended' })
  // As if the process had died before the last batch.
  await query(`update product set status = 'active' where id in (select id from product where seller_id = $1 limit 100)`, [
    uuidOf(partner.id),
  ])
  await tellOf(harness, partner.id, 2, 'suspended')
  await until(async () => (await left()) === 0, { deadlineMs: 20_000, message: 'the rest is suspended too' })
})

test('a partner sets what its shipping costs', async () => {
  const [partner, other] = [await newPartner(harness, url), await newPartner(harness, url)]
  assert.deepEqual((await partner.call('GET', '/settings')).body, { shippingMinor: 0 })
  assert.deepEqual((await partner.call('PUT', '/settings', { shippingMinor: 495 })).body, { shippingMinor: 495 })
  assert.deepEqual((await partner.call('GET', '/settings')).body, { shippingMinor: 495 })
  assert.deepEqual((await other.call('GET', '/settings')).body, { shippingMinor: 0 })
  assert.equal((await partner.call('PUT', '/settings', { shippingMinor: -1 })).body.code, 'request.invalid')
  const { id } = await partner.sell({ priceMinor: 1000, available: 1 })
  const placed = await (await harness.buyer(url)).call('POST', '/v1/orders', orderOf([id, 1]), freshKey())
  assert.equal(placed.body.total.amountMinor, 1495)
})
