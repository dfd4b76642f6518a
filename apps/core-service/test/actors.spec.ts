import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { newId } from '@catamaran/contracts'
import { until } from '@catamaran/testing'
import { freshKey, Harness, orderOf } from './harness.js'
import { LAMP, newPartner, prepareTopics } from './partner.js'

let harness: Harness
let url: string

before(async () => {
  harness = await Harness.create('core_actors')
  await prepareTopics(harness)
  url = (await harness.start()).url
})
after(() => harness.close())

const published = () =>
  until(async () => (await harness.database.query({ name: '', text: 'select from outbox' })).length === 0, { message: 'all is published' })

test('an order that its buyer places and cancels says so in its events, and a product that sells out by it names nobody', async () => {
  const product = await harness.product(1)
  const buyer = await harness.buyer(url)
  const { status, body: order } = await buyer.call('POST', '/v1/orders', orderOf([product, 1]), freshKey())
  assert.equal(status, 201)
  assert.equal((await buyer.call('POST', `/v1/orders/${order.id}/cancel`)).status, 200)
  await published()
  assert.deepEqual(await harness.actors('orders'), [
    ['orders.order.placed.v1', buyer.id],
    ['orders.order.cancelled.v1', buyer.id],
  ])
  assert.deepEqual(await harness.actors('catalogue'), [
    ['catalogue.product.changed.v1', undefined],
    ['catalogue.product.changed.v1', undefined],
  ])
})

test("a partner's changes name the API key that made them", async () => {
  const { id, sell } = await newPartner(harness, url)
  await published()
  const before = (await harness.actors('catalogue')).length
  const key = newId('apiKey')
  const token = await harness.issuer.token({ sub: id as never, clientId: key, scopes: ['catalogue'] })
  const product = await sell()
  const headers = { authorization: `Bearer ${token}` }
  const path = `/v1/partner/products/${product.id}`
  const { version } = product
  const changed = await harness.call(url, 'PATCH', path, { name: `${LAMP.name}, tall` }, { ...headers, 'if-match': `"${version}"` })
  assert.equal(changed.status, 200)
  const { headers: found } = await harness.call(url, 'GET', `${path}/stock`, undefined, headers)
  const stocked = await harness.call(url, 'PUT', `${path}/stock`, { available: 3 }, { ...headers, 'if-match': found.get('etag') ?? '' })
  assert.equal(stocked.status, 200)
  await published()
  const actors = (await harness.actors('catalogue')).slice(before).map(([, actor]) => actor)
  assert.deepEqual(actors, ['test-client', key, key])
})
