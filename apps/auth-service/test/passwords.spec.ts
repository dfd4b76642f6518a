import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { PasswordFilter } from '../src/users/password-filter.js'
import { commonPasswords } from './common-passwords.js'

describe('the filter of common passwords', () => {
  const filter = new PasswordFilter(readFileSync(new URL('../../assets/common-passwords.bin', import.meta.url)))

  it('knows every entry of the list, of which more than 3,000 are as long as ours have to be', () => {
    const entries = commonPasswords()
    for (const entry of entries) if (!filter.has(entry)) assert.fail(`${entry} is missing`)
    assert.ok([...entries].filter((entry) => Array.from(entry).length >= 15).length > 3_000)
  })

  it('takes fewer than one in ten thousand others for an entry', () => {
    const tries = 100_000
    let wrong = 0
    for (let index = 0; index < tries; index++) if (filter.has(`no entry ${index * 7919}`)) wrong++
    assert.ok(wrong / tries < 1e-4 * 1.5, `${wrong} of ${tries}`)
  })
})
