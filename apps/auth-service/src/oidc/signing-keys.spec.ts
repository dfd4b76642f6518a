import assert from 'node:assert/strict'
import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { Logger } from '@catamaran/platform'
import { until } from '@catamaran/testing'
import type { Config } from '../config.js'
import { SigningKeys } from './signing-keys.js'

describe('SigningKeys', () => {
  const folder = mkdtempSync(join(tmpdir(), 'catamaran-keys-'))
  after(() => rmSync(folder, { recursive: true }))

  const file = join(folder, 'signing.json')
  const ed25519 = (kid: string): JsonWebKey => ({ ...generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }), kid })
  const rsa = { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid: 'rsa', alg: 'PS256' }
  const write = (...keys: JsonWebKey[]): void => writeFileSync(file, JSON.stringify({ keys }))
  const open = (delayMs: number) => {
    const lines: string[] = []
    const line = (fields: unknown, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`)
    const logger = { info: line, error: line } as unknown as Logger
    const oidc = { signingKeysFile: file, signingDelayMs: delayMs } as Config['oidc']
    return { keys: new SigningKeys({ oidc }, logger), lines }
  }
  const kids = (keys: SigningKeys): string[] => keys.current().map(({ kid }) => kid ?? '')
  const first = ed25519('first')

  it('give each key the algorithm it is for', () => {
    write(first, rsa)
    const { keys } = open(0)
    assert.deepEqual(
      keys.current().map(({ alg, use }) => [alg, use]),
      [
        ['EdDSA', 'sig'],
        ['RS256', 'sig'],
      ],
    )
    keys.onApplicationShutdown()
  })

  it('let a new key sign at once when the one before was withdrawn', async () => {
    write(first, rsa)
    const { keys } = open(3_600_000)
    const [second, third] = [ed25519('second'), ed25519('third')]
    write(second, first, rsa)
    await until(() => kids(keys).length === 3, { deadlineMs: 5_000, message: 'the second key' })
    assert.deepEqual(kids(keys), ['first', 'rsa', 'second'])
    write(third, rsa)
    await until(() => kids(keys)[0] === 'third', { deadlineMs: 5_000, message: 'the third key' })
    assert.deepEqual(kids(keys), ['third', 'rsa'])
    keys.onApplicationShutdown()
  })

  it('go on with what they have when the file is broken, and quote nothing of it', async () => {
    write(first, rsa)
    const { keys, lines } = open(0)
    for (const [index, text] of ['{"keys": ["secret-part', '{"keys": []}', JSON.stringify({ keys: [first] })].entries()) {
      writeFileSync(file, text)
      await until(() => lines.length > index, { deadlineMs: 5_000, message: 'a line about the file' })
      assert.deepEqual(kids(keys), ['first', 'rsa'])
    }
    assert.ok(lines.every((each) => /not usable/.test(each) && !each.includes('secret-part') && !each.includes(String(first.d))))
    keys.onApplicationShutdown()
  })

  it('refuse to start without a key for each algorithm', () => {
    write(first)
    assert.throws(() => open(0), /at least one key for RS256/)
  })
})
