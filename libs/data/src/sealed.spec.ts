import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { seal, unseal } from './sealed.js'

describe('sealed secrets', () => {
  const [old, current] = [randomBytes(32), randomBytes(32)]
  const secret = randomBytes(20)

  it('open under any key of the list, and are sealed under the first', () => {
    const sealed = seal([old], secret, 'somebody')
    assert.deepEqual(unseal([current, old], sealed, 'somebody'), secret)
    assert.throws(() => unseal([old], seal([current, old], secret, 'somebody'), 'somebody'), /none of DATA_KEYS/)
  })

  it('never look the same twice and never hold the secret', () => {
    const [one, other] = [seal([old], secret, 'somebody'), seal([old], secret, 'somebody')]
    assert.notDeepEqual(one, other)
    assert.ok(!one.includes(secret))
  })

  it('open neither for another owner nor when a bit was changed', () => {
    const sealed = seal([old], secret, 'somebody')
    assert.throws(() => unseal([old], sealed, 'somebody else'))
    for (const at of [0, 12, sealed.length - 1]) {
      const changed = Buffer.from(sealed)
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
      assert.throws(() => unseal([old], changed, 'somebody'))
    }
  })
})
