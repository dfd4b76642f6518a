import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Admission } from './admission.js'
import { CREDIT_MS, creditOf, Credits } from './credits.js'

const admission = (place: number): Admission => ({ rateLimit: `r=${place}`, rateLimitPolicy: '', retryAfterS: undefined })

describe('Credits', () => {
  const setting = () => {
    const clock = { now: 0 }
    const reported: number[] = []
    const credits = new Credits(() => clock.now)
    const open = (ahead: number) => credits.open('a', { ahead, told: admission, report: async (owed) => reported.push(owed) })
    return { clock, reported, credits, open }
  }

  it('are a share of what is left, and none near the limit', () => {
    assert.deepEqual([0, 32, 39, 40, 200, -5].map(creditOf), [0, 0, 0, 1, 21, 0])
  })

  it('let so many through, each told its own place, and are reported by whoever asks next', () => {
    const { credits, reported, open } = setting()
    open(2)
    assert.deepEqual([credits.take('a'), credits.take('a'), credits.take('a')], [admission(0), admission(1), undefined])
    assert.equal(credits.take('b'), undefined)
    assert.deepEqual([credits.close('a'), credits.close('a')], [2, 0])
    assert.deepEqual(reported, [])
  })

  it('end after their moment, and report by themselves', () => {
    const { clock, credits, reported, open } = setting()
    open(5)
    credits.take('a')
    credits.sweep()
    assert.deepEqual(reported, [])
    clock.now = CREDIT_MS
    assert.equal(credits.take('a'), undefined)
    credits.sweep()
    credits.sweep()
    assert.deepEqual(reported, [1])
  })

  it('keep what is owed when a later answer replaces them', () => {
    const { credits, open } = setting()
    open(3)
    credits.take('a')
    open(0)
    assert.equal(credits.take('a'), undefined)
    assert.equal(credits.close('a'), 1)
  })
})
