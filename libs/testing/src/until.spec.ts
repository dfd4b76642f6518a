import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from './until.js'

test('until returns what the condition gives once it gives something', async () => {
  let looks = 0
  assert.equal(await until(() => (++looks === 3 ? 'there' : undefined)), 'there')
  assert.equal(looks, 3)
})

test('until gives up after its deadline and says what it waited for and what went wrong', async () => {
  const fault = new Error('not yet')
  await assert.rejects(
    until(() => Promise.reject(fault), { deadlineMs: 20, message: 'it rains' }),
    (error: Error) => error.message === 'Waited 20 ms in vain until it rains' && error.cause === fault,
  )
})
