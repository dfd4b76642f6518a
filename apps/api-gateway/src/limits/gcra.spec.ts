import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LocalBuckets } from './gcra.js'

const SECOND = 1_000_000
const pace = (ratePerS: number, burst: number) => ({ interval: SECOND / ratePerS, tolerance: (burst * SECOND) / ratePerS })

describe('LocalBuckets', () => {
  it('lets a burst pass at once, then one request for each interval', () => {
    let now = 0
    const buckets = new LocalBuckets(() => now)
    const admit = (): number => buckets.admit('a', pace(10, 3))
    assert.deepEqual([admit(), admit(), admit(), admit()], [200_000, 100_000, 0, -100_000])
    now += 99_999
    assert.equal(admit(), -1)
    now += 1
    assert.equal(admit(), 0)
    assert.equal(admit(), -100_000)
  })

  it('never admits more in a window than the burst and what the rate gives', () => {
    for (const [ratePerS, burst, stepUs] of [
      [7, 5, 13_331],
      [100, 200, 1_003],
      [0.5, 30, 777_777],
    ] as const) {
      let now = 0
      let admitted = 0
      const buckets = new LocalBuckets(() => now)
      for (let step = 0; step < 5_000; step++, now += stepUs) {
        if (buckets.admit('a', pace(ratePerS, burst)) >= 0) admitted++
        const most = burst + Math.floor((now / SECOND) * ratePerS)
        assert.ok(admitted <= most + 1e-9, `${admitted} of ${most} after ${now} µs`)
      }
    }
  })

  it('counts each caller apart, and a rested caller has the whole burst again', () => {
    let now = 0
    const buckets = new LocalBuckets(() => now)
    for (let at = 0; at < 2; at++) buckets.admit('a', pace(1, 2))
    assert.ok(buckets.admit('a', pace(1, 2)) < 0)
    assert.ok(buckets.admit('b', pace(1, 2)) >= 0)
    now += 2 * SECOND
    assert.equal(buckets.admit('a', pace(1, 2)), SECOND)
  })

  it('goes on from what Redis said is left', () => {
    let now = 0
    const buckets = new LocalBuckets(() => now)
    buckets.learn('a', pace(10, 3), 100_000)
    assert.equal(buckets.admit('a', pace(10, 3)), 0)
    assert.equal(buckets.admit('a', pace(10, 3)), -100_000)
    now += 50_000
    buckets.learn('a', pace(10, 3), -20_000) // more was let through on credit than fits
    assert.equal(buckets.admit('a', pace(10, 3)), -120_000)
  })

  it('owes what it let through alone once, less what time has made up for', () => {
    let now = 0
    const buckets = new LocalBuckets(() => now)
    for (const [afterUs, owed] of [
      [0, 3],
      [250_000, 3], // two of before stand above them
      [350_000, 2],
      [1_350_000, 0],
    ] as const) {
      buckets.learn('a', pace(10, 5), 300_000)
      for (let at = 0; at < 5; at++) buckets.admit('a', pace(10, 5))
      now += afterUs
      assert.equal(buckets.settle('a', pace(10, 5)), owed)
      assert.equal(buckets.settle('a', pace(10, 5)), 0, 'whoever asks meanwhile owes nothing')
      now += 10_000_000
    }
    buckets.admit('a', pace(10, 5))
    buckets.learn('a', pace(10, 5), 400_000)
    assert.equal(buckets.settle('a', pace(10, 5)), 0, 'counted now')
  })

  it('forgets those longest unseen when there are too many', () => {
    const buckets = new LocalBuckets(() => 0)
    buckets.admit('first', pace(1, 1))
    assert.ok(buckets.admit('first', pace(1, 1)) < 0)
    for (let at = 0; at < 20_000; at++) buckets.admit(`caller ${at}`, pace(1, 1))
    assert.ok(buckets.admit('first', pace(1, 1)) >= 0)
  })
})
