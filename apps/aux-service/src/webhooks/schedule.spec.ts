import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nextWaitMs } from './schedule.js'

const HOUR = 3_600_000
const SCHEDULE = { retryMs: [5_000, 300_000, 1_800_000, 2 * HOUR, 5 * HOUR, 10 * HOUR], windowMs: 24 * HOUR }

describe('the retry schedule', () => {
  it('waits at most 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h again', () => {
    const longest = [0, 1, 2, 3, 4, 5, 6].map((step) => nextWaitMs(SCHEDULE, { step, ageMs: 0 }, () => 1))
    assert.deepEqual(longest, [...SCHEDULE.retryMs, 10 * HOUR])
  })

  it('has full jitter: any wait from none to the longest', () => {
    assert.deepEqual(
      [0, 0.25, 1].map((dice) => nextWaitMs(SCHEDULE, { step: 1, ageMs: 0 }, () => dice)),
      [0, 75_000, 300_000],
    )
  })

  it('tries a last time when the window ends, and not after it', () => {
    assert.equal(
      nextWaitMs(SCHEDULE, { step: 6, ageMs: 23 * HOUR }, () => 1),
      HOUR,
    )
    assert.equal(nextWaitMs(SCHEDULE, { step: 7, ageMs: 24 * HOUR }), undefined)
  })

  it('covers the window with few tries, however the dice fall', () => {
    for (let run = 0; run < 200; run++) {
      let [ageMs, step] = [0, 0]
      for (let waitMs = nextWaitMs(SCHEDULE, { step, ageMs }); waitMs !== undefined; waitMs = nextWaitMs(SCHEDULE, { step, ageMs })) {
        ageMs += waitMs
        step++
        assert.ok(step < 200)
      }
      assert.ok(ageMs >= SCHEDULE.windowMs - 1)
    }
  })

  it('waits as long as the receiver asks for, within the window', () => {
    assert.equal(
      nextWaitMs(SCHEDULE, { step: 0, ageMs: 0, askedMs: 60_000 }, () => 1),
      60_000,
    )
    assert.equal(
      nextWaitMs(SCHEDULE, { step: 0, ageMs: 24 * HOUR - 10, askedMs: 60_000 }, () => 1),
      10,
    )
  })
})
