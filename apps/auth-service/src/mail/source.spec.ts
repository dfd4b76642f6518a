import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sourceOf } from './source.js'

describe('the source of a mail', () => {
  const areOne = (a: string, b: string): boolean => sourceOf(a, 'a key') === sourceOf(b, 'a key')

  it('is an IPv4 address, however it is written, or the /64 of an IPv6 address', () => {
    assert.ok(areOne('203.0.113.7', '::ffff:203.0.113.7'))
    assert.ok(areOne('2001:db8::1', '2001:DB8:0:0:ffff::2'))
    assert.ok(!areOne('203.0.113.7', '203.0.113.8'))
    assert.ok(!areOne('2001:db8::1', '2001:db8:0:1::1'))
    assert.ok(!areOne('::1', '1::'))
  })

  it('tells no address to who does not have the key', () => {
    assert.notEqual(sourceOf('203.0.113.7', 'a key'), sourceOf('203.0.113.7', 'another'))
    assert.doesNotMatch(sourceOf('203.0.113.7', 'a key') ?? '', /203/)
  })
})
