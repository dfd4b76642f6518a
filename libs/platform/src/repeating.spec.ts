import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Repeating } from './repeating.js'

test('rounds never overlap, go on after one that failed, and the last is waited for', async () => {
  let atOnce = 0
  let rounds = 0
  let most = 0
  const failures: unknown[] = []
  let enough = (): void => undefined
  const fifth = new Promise<void>((resolve) => (enough = resolve))
  const repeating = new Repeating({
    everyMs: 1,
    round: async () => {
      most = Math.max(most, ++atOnce)
      await new Promise(setImmediate)
      atOnce--
      if (++rounds === 5) enough()
      if (rounds === 2) throw new Error('once')
    },
    failed: (error) => failures.push(error),
  })
  repeating.start()
  await fifth
  await repeating.stop()
  assert.deepEqual([most, atOnce, failures.length], [1, 0, 1])
})
