import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ID_PREFIXES, idOf, idSchema, isId, newId, uuidOf, type IdKind } from './ids.js'

const kinds = fc.constantFrom(...(Object.keys(ID_PREFIXES) as IdKind[]))

const anyUuid = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => {
  const hex = Buffer.from(bytes).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
})

test('every UUID survives the way to an id and back', () => {
  fc.assert(fc.property(kinds, anyUuid, (kind, uuid) => uuidOf(idOf(kind, uuid)) === uuid))
})

test('an id is of its own kind and of no other', () => {
  fc.assert(fc.property(kinds, kinds, (kind, other) => isId(other, newId(kind)) === (kind === other)))
})

test('no text but an id passes for one', () => {
  fc.assert(fc.property(fc.string(), (text) => !isId('order', text)))
  for (const text of [
    'ord_',
    'ord',
    '',
    'ord_01k2m3n4p5q6r7s8t9v0w1x2y',
    'ord_81k2m3n4p5q6r7s8t9v0w1x2y3',
    'ord_01K2M3N4P5Q6R7S8T9V0W1X2Y3',
    `${newId('order')} `,
  ]) {
    assert.equal(isId('order', text), false, text)
  }
})

test('ids sort by the time of their making', async () => {
  const first = newId('order')
  const start = Date.now()
  while (Date.now() === start) await new Promise(setImmediate)
  assert.ok(first < newId('order'))
})

test('the schema names the prefix it expects', () => {
  const { error } = idSchema('order').safeParse('nonsense')
  assert.match(error?.issues[0]?.message ?? '', /ord_/)
})
