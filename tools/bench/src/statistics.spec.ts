import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inRounds, median, percentile } from './statistics.js'

test('the median is the middle of the sorted values, whatever order they came in', () => {
  assert.equal(median([9, 1, 5]), 5)
  assert.equal(median([10, 9, 100]), 10)
  assert.ok(Number.isNaN(median([])))
})

test('the 99th percentile of a hundred values is the largest, of two hundred the 199th', () => {
  const upTo = (most: number) => Array.from({ length: most }, (_, index) => index + 1)
  assert.equal(percentile(upTo(100), 0.99), 100)
  assert.equal(percentile(upTo(200), 0.99), 199)
})

test('variants take turns', async () => {
  const order: string[] = []
  const variant = (name: string) => async () => order.push(name)
  const samples = await inRounds(2, { ours: variant('ours'), floor: variant('floor') })
  assert.deepEqual(order, ['ours', 'floor', 'ours', 'floor'])
  assert.deepEqual(samples, { ours: [1, 3], floor: [2, 4] })
})
