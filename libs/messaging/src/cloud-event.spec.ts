import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '@catamaran/contracts'
import { eventOf, messageOf, readMessage, type OutboxRow } from './cloud-event.js'

const orderId = newId('order')
const uuid = '0198f3a4-0000-7000-8000-000000000002'
const row: OutboxRow = {
  seq: 1,
  id: '0198f3a4-0000-7000-8000-000000000001',
  type: 'identity.user.registered.v1',
  subject: uuid,
  sequence: 4,
  time: '2026-01-01T00:00:00.123Z',
  traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  data: JSON.stringify({ userId: uuid }),
  actor: newId('user'),
}
const headersOf = (changes: Record<string, string | undefined> = {}): Record<string, string> => {
  const all = { ...messageOf(eventOf(row, '/auth-service')).headers, ...changes }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Record<string, string>
}
const value = Buffer.from(messageOf(eventOf(row, '/auth-service')).value)

test('an event is the same after its way through a message', () => {
  const event = eventOf(row, '/auth-service')
  assert.match(event.subject, /^usr_/)
  assert.equal(messageOf(event).key, event.subject)
  assert.deepEqual(readMessage('identity', headersOf(), value), { kind: 'event', event })
})

test('whatever is wrong with an envelope or a payload is named', () => {
  const reasonOf = (changes: Record<string, string | undefined>, given = value, topic = 'identity'): unknown => {
    const reading = readMessage(topic, headersOf(changes), given)
    return reading.kind === 'malformed' ? reading.reason : reading.kind
  }
  assert.equal(reasonOf({ ce_type: undefined }), 'it has no ce_type header')
  assert.equal(reasonOf({ ce_type: 'orders.order.unheard-of.v9' }), 'unknown')
  assert.equal(reasonOf({ ce_type: 'toString' }), 'unknown')
  assert.equal(reasonOf({ ce_specversion: '0.3' }), 'ce_specversion is not 1.0')
  assert.equal(reasonOf({ ce_id: orderId }), 'ce_id is not the id of an event')
  assert.equal(reasonOf({ ce_subject: orderId }), 'ce_subject is not the id of a user')
  assert.equal(reasonOf({ ce_source: 'auth' }), 'ce_source is not a path')
  assert.equal(reasonOf({ ce_time: 'yesterday' }), 'ce_time is not a time')
  for (const sequence of ['', '-1', '1.5', 'x', '1e400']) assert.equal(reasonOf({ ce_sequence: sequence }), 'ce_sequence is not a version')
  assert.equal(reasonOf({ ce_actor: 'ada@example.org' }), 'ce_actor is not the id of somebody')
  assert.equal(reasonOf({ ce_actor: undefined }), 'event')
  assert.equal(reasonOf({}, value, 'orders'), 'identity.user.registered.v1 does not belong on the topic orders')
  assert.equal(reasonOf({}, Buffer.from('{')), 'the value is not JSON')
  assert.equal(reasonOf({}, Buffer.from('{"userId":7}')), 'the payload is not that of identity.user.registered.v1: userId')
})
