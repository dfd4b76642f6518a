import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EVENTS, readStoredData, subjectOf } from './events.js'
import { idOf, newId, uuidOf } from './ids.js'

const orderId = newId('order')
const productId = newId('product')
const data = {
  orderId,
  buyerId: newId('user'),
  currency: 'EUR',
  totalMinor: 300,
  lines: [{ productId, sellerId: newId('seller'), quantity: 2, unitPriceMinor: 150 }],
  holdExpiresAt: '2026-01-01T00:00:00.000Z',
}

test('a stored payload with bare UUIDs reads as the wire form', () => {
  const stored = JSON.stringify(data, (_key, value: unknown) =>
    typeof value === 'string' && /^[a-z]{3}_/.test(value) ? uuidOf(value as typeof orderId) : value,
  )
  assert.ok(!stored.includes(orderId))
  assert.deepEqual(EVENTS['orders.order.placed.v1'].data.parse(readStoredData(stored)), data)
})

test('PostgreSQL writes JSON with a space before the colon, and that reads the same', () => {
  const stored = `{"orderId" : "${uuidOf(orderId)}", "lines" : [{"productId" : "${uuidOf(productId)}"}], "note" : "\\"orderId\\" : \\"${uuidOf(orderId)}\\""}`
  assert.deepEqual(readStoredData(stored), { orderId, lines: [{ productId }], note: `"orderId" : "${uuidOf(orderId)}"` })
})

test('a stored payload in wire form stays as it is', () => {
  assert.deepEqual(readStoredData(JSON.stringify(data)), data)
})

test('the subject is an id of the kind that the event is about', () => {
  assert.equal(subjectOf('orders.order.placed.v1', uuidOf(orderId)), orderId)
  assert.equal(subjectOf('catalogue.product.changed.v1', uuidOf(productId)), idOf('product', uuidOf(productId)))
})

test('a field that the schema does not know is dropped', () => {
  assert.deepEqual(EVENTS['orders.order.placed.v1'].data.parse({ ...data, email: 'x@example.org' }), data)
})
