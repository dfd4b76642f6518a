import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { findSecrets } from './secret-search.js'

const PHRASE = 'a phrase with "quotes" in it'
const TOKEN = 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1c3JfMSJ9.c2lnbmF0dXJlLW9mLWl0'
const COOKIE = 'opaque+value/with=signs'

const search = (log: string): string[] => {
  const folder = mkdtempSync(join(tmpdir(), 'catamaran-secrets-'))
  try {
    mkdirSync(join(folder, 'logs', 'a-system'), { recursive: true })
    writeFileSync(join(folder, 'secrets.txt'), `password\t${PHRASE}\ntoken\t${TOKEN}\ncookie\t${COOKIE}\n`)
    writeFileSync(join(folder, 'logs', 'a-system', 'core.log'), log)
    const found = findSecrets(folder)
    for (const { place } of found) for (const secret of [PHRASE, TOKEN, COOKIE]) assert.ok(!place.includes(secret))
    return found.map(({ kind, place }) => `${kind} ${place.split(' ')[0]}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('findSecrets', () => {
  it('finds a secret wherever it stands, as it is, in JSON and in a URL, and tells file and line', () => {
    assert.deepEqual(search(`{"a":1}\n{"b":${JSON.stringify(PHRASE)}}\n`), ['password a-system/core.log:2'])
    assert.deepEqual(search(`x${TOKEN}y`), ['token a-system/core.log:1'])
    assert.deepEqual(search(`?c=${encodeURIComponent(COOKIE)}&d`), ['cookie a-system/core.log:1'])
  })

  it('takes a token without its head for the token', () => {
    assert.deepEqual(search(TOKEN.slice(TOKEN.indexOf('.') + 1)), ['token a-system/core.log:1'])
  })

  it('finds nothing where nothing is', () => {
    assert.deepEqual(search(`a phrase with quotes\n${TOKEN.slice(0, 20)}\n`), [])
  })
})
