import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Slots } from './slots.js'

const LIMITS = { slots: 4, mostSlots: 32, concurrency: 100 }

describe('slots', () => {
  it('are few for an endpoint that nothing is known of, many once it answers, and few again when it fails or has been silent for ten seconds', () => {
    let now = 0
    const slots = new Slots(LIMITS, () => now)
    const slotsOf = (id: string): number => slots.room().known.get(id)?.slots ?? slots.room().slots
    assert.equal(slotsOf('a'), 4)
    const [first, second] = [slots.take('a', false), slots.take('a', false)]
    assert.deepEqual(slots.room().known.get('a'), { inHand: 2, slots: 4 })
    first(true)
    assert.deepEqual(slots.room().known.get('a'), { inHand: 1, slots: 32 })
    now = 10_000
    assert.deepEqual(slots.room().known.get('a'), { inHand: 1, slots: 4 })
    second(true)
    assert.equal(slotsOf('a'), 32)
    slots.take('a', false)(false)
    assert.equal(slotsOf('a'), 4)
    assert.equal(slots.room().known.size, 0)
  })

  it('are a quarter of all for endpoints that fail, together', () => {
    const slots = new Slots(LIMITS)
    const held = Array.from({ length: 20 }, (_, index) => slots.take(`suspect ${index}`, true))
    assert.deepEqual([slots.room().free, slots.room().freeForSuspects], [80, 5])
    for (let index = 0; index < 78; index++) slots.take(`healthy ${index}`, false)
    assert.deepEqual([slots.room().free, slots.room().freeForSuspects], [2, 2])
    for (const giveBack of held) giveBack(false)
    assert.deepEqual([slots.room().free, slots.room().freeForSuspects], [22, 22])
  })
})
