import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { PasswordFilter } from '../src/users/password-filter.js'
import { commonPasswords } from './common-passwords.js'

describe('the filter of common passwords', () => {
  const filter = new PasswordFilter(readFileSync(new URL('../../assets/common-passwords.bin', import.meta.url)))

  it('knows the 3,000 and more of the list that are as long as ours have to be, and the others', () => {
    const entries = [...commonPasswords()]
    const long = entries.filter((entry) => Array.from(entry).length >= 15)
    assert.ok(long.length > 3_000)
    const others = entries.filter((_, index) => index % 50 === 0)
    for (const entry of [...long, ...others]) if (!filter.has(entry)) assert.fail(`${entry} is missing`)
  })

  it('takes fewer than one in ten thousand others for an entry', () => {
    const tries = 100_000
    let wrong = 0
    for (let index = 0; index < tries; index++) if (filter.has(`no entry ${index * 7919}`)) wrong++
    assert.ok(wrong / tries < 1e-4 * 1.5, `${wrong} of ${tries}`)
  })
})
