import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { networkOf } from './caller.js'

describe('networkOf', () => {
  it('takes an IPv4 address as it is, also in the dress of IPv6', () => {
    assert.equal(networkOf('203.0.113.7'), '203.0.113.7')
    assert.equal(networkOf('::ffff:203.0.113.7'), '203.0.113.7')
  })

  it('takes an IPv6 address by its first 64 bits, however it is written', () => {
    for (const address of ['2001:db8::1', '2001:0DB8:0:0:1:2:3:4', '2001:db8:0:0:ffff::', '2001:db8::%eth0'])
      assert.equal(networkOf(address), '2001:db8:0:0::/64', address)
    assert.equal(networkOf('::1'), '0:0:0:0::/64')
    assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  })
})
