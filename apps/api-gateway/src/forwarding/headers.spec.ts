import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { outerAnswerHeaders } from './headers.js'

const raw = (...lines: string[]): Buffer[] => lines.map((line) => Buffer.from(line, 'latin1'))

describe('outerAnswerHeaders', () => {
  it('keeps order, repetition and bytes, and finds the length', () => {
    const { headers, contentLength } = outerAnswerHeaders(
      raw('Set-Cookie', 'a=1', 'ETag', '"\xe9"', 'set-cookie', 'b=2', 'Content-Length', '3'),
      [],
      [],
    )
    assert.deepEqual(headers, ['set-cookie', 'a=1', 'etag', '"\xe9"', 'set-cookie', 'b=2', 'content-length', '3'])
    assert.equal(contentLength, 3)
  })

  it('drops what stays inside, and what the Connection header lists, even when that comes last', () => {
    const { headers } = outerAnswerHeaders(
      raw('Server', 'x', 'X-Hop', '1', 'X-Kept', '2', 'Keep-Alive', 'timeout=5', 'Connection', 'X-Hop'),
      [],
      [],
    )
    assert.deepEqual(headers, ['x-kept', '2'])
  })

  it('adds ours, and of the security headers those that the inner service has not', () => {
    const { headers } = outerAnswerHeaders(
      raw('Referrer-Policy', 'origin'),
      ['x-request-id', 'r'],
      ['referrer-policy', 'no-referrer', 'x-content-type-options', 'nosniff'],
    )
    assert.deepEqual(headers, ['x-request-id', 'r', 'referrer-policy', 'origin', 'x-content-type-options', 'nosniff'])
  })
})
