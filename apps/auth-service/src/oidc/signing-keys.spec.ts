import assert from 'node:assert/strict'
import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { Logger } from '@catamaran/platform'
import { until } from '@catamaran/testing'
import { keyFile, keySecret, type KeySource } from './key-source.js'
import { SigningKeys } from './signing-keys.js'

const ed25519 = (kid: string): JsonWebKey => ({ ...generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }), kid })
const rsa = { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid: 'rsa', alg: 'PS256' }
const first = ed25519('first')
const textOf = (...keys: JsonWebKey[]): string => JSON.stringify({ keys })

/** A place where keys are kept, and how the operator changes them there. */
interface Place {
  source(): KeySource
  write(text: string): void
  remove(): void
  close(): void
}

const file = (): Place => {
  const folder = mkdtempSync(join(tmpdir(), 'catamaran-keys-'))
  const path = join(folder, 'signing.json')
  return {
    source: () => keyFile(path),
    write: (text) => writeFileSync(path, text),
    remove: () => rmSync(path, { force: true }),
    close: () => rmSync(folder, { recursive: true }),
  }
}

/** Secrets Manager as its API reference describes GetSecretValue (JSON 1.1 over HTTP). */
const secret = async (): Promise<Place> => {
  process.env['AWS_ACCESS_KEY_ID'] ??= 'local'
  process.env['AWS_SECRET_ACCESS_KEY'] ??= 'local'
  let held: string | undefined
  const server = createServer((request, response) => {
    assert.equal(request.headers['x-amz-target'], 'secretsmanager.GetSecretValue')
    const missing = { __type: 'ResourceNotFoundException', Message: 'no such secret' }
    response.writeHead(held === undefined ? 400 : 200, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(JSON.stringify(held === undefined ? missing : { Name: 'signing', VersionId: '1', SecretString: held }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    source: () => keySecret({ secretId: 'signing', region: 'local', endpoint, pollMs: 20 }),
    write: (text) => (held = text),
    remove: () => (held = undefined),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

for (const [kind, make] of [
  ['a file', file],
  ['a secret', secret],
] as const) {
  describe(`SigningKeys of ${kind}`, async () => {
    const place = await make()
    after(() => place.close())
    const opened: SigningKeys[] = []
    after(() => opened.forEach((keys) => keys.onApplicationShutdown()))

    const open = async (delayMs: number) => {
      const lines: string[] = []
      const line = (fields: unknown, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`)
      const keys = await SigningKeys.load(place.source(), delayMs, { info: line, error: line } as unknown as Logger)
      opened.push(keys)
      const kids = (): string[] => keys.current().map(({ kid }) => kid ?? '')
      const become = (...wanted: string[]) =>
        until(() => kids().join() === wanted.join(), { deadlineMs: 5_000, message: `${wanted.join()} instead of ${kids().join()}` })
      return { keys, lines, kids, become }
    }

    it('give each key the algorithm it is for', async () => {
      place.write(textOf(first, rsa))
      const { keys } = await open(0)
      assert.deepEqual(
        keys.current().map(({ alg, use }) => [alg, use]),
        [
          ['EdDSA', 'sig'],
          ['RS256', 'sig'],
        ],
      )
    })

    it('publish a new key before it signs, and let it sign at once when the one before was withdrawn', async () => {
      place.write(textOf(first, rsa))
      const { become } = await open(3_600_000)
      const [second, third] = [ed25519('second'), ed25519('third')]
      place.write(textOf(second, first, rsa))
      await become('first', 'rsa', 'second')
      place.write(textOf(third, rsa))
      await become('third', 'rsa')
    })

    it('forget a new key that is withdrawn while it waits, and keep the one that signs', async () => {
      place.write(textOf(first, rsa))
      const { become } = await open(3_600_000)
      const [second, third] = [ed25519('second'), ed25519('third')]
      place.write(textOf(second, first, rsa))
      await become('first', 'rsa', 'second')
      place.write(textOf(third, second, first, rsa))
      await become('first', 'rsa', 'second', 'third')
      place.write(textOf(first, rsa))
      await become('first', 'rsa')
    })

    it('let a new key sign once it was published long enough', async () => {
      place.write(textOf(first, rsa))
      const { become, lines } = await open(50)
      place.write(textOf(ed25519('second'), first, rsa))
      await become('second', 'first', 'rsa')
      assert.deepEqual(
        lines.map((each) => each.split(' {')[0]),
        ['signing keys: published', 'signing keys: signing'],
      )
    })

    it('go on with what they have when the text is broken or gone, and quote nothing of it', async () => {
      place.write(textOf(first, rsa))
      const { lines, kids } = await open(0)
      for (const text of ['{"keys": ["secret-part', '{"keys": []}', textOf(first), undefined]) {
        const told = lines.length
        if (text === undefined) place.remove()
        else place.write(text)
        await until(() => lines.length > told, { deadlineMs: 5_000, message: 'a line about it' })
        assert.deepEqual(kids(), ['first', 'rsa'])
      }
      for (const each of lines) {
        assert.match(each, /can’t be read anew/)
        assert.ok(!each.includes('secret-part') && !each.includes(String(first.d)))
      }
    })

    it('refuse to start without a key for each algorithm, or without the text', async () => {
      place.write(textOf(first))
      await assert.rejects(open(0), /at least one key for RS256/)
      place.remove()
      await assert.rejects(open(0), /can’t be read/)
    })
  })
}
