import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { inputErrorsOf } from './validation.js'

const schema = z.strictObject({ lines: z.array(z.strictObject({ quantity: z.int() })), 'a/b': z.string() })

test('each fault is told by a JSON pointer, unknown fields by their own', () => {
  const { error } = schema.safeParse({ lines: [{ quantity: 1 }, { quantity: 'two', colour: 'red' }], 'a/b': 1, extra: true })
  assert.deepEqual(
    inputErrorsOf(error?.issues ?? [])
      .map(({ pointer }) => pointer)
      .sort(),
    ['/a~1b', '/extra', '/lines/1/colour', '/lines/1/quantity'],
  )
})

test('however many unknown fields there are, the first 50 are listed', () => {
  const fields = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`f${index}`, 1]))
  const { error } = schema.safeParse({ lines: [], 'a/b': '', ...fields })
  const listed = inputErrorsOf(error?.issues ?? [])
  assert.deepEqual([listed.length, listed[0]?.pointer, listed[49]?.pointer], [50, '/f0', '/f49'])
})
