import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { decodeCursor, encodeCursor } from './page.js'

const shape = z.tuple([z.number(), z.string()])

test('a cursor gives back the sort key it was made from', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.string(), (rank, id) => {
      assert.deepEqual(decodeCursor(encodeCursor([rank, id]), shape), [Object.is(rank, -0) ? 0 : rank, id])
    }),
  )
})

test('anything else is no cursor', () => {
  fc.assert(fc.property(fc.string(), (text) => decodeCursor(text, shape) === undefined))
  assert.equal(decodeCursor(encodeCursor(['id', 1]), shape), undefined)
})
