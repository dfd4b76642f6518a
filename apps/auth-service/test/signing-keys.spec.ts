import assert from 'node:assert/strict'
import type { JsonWebKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { TokenVerifier } from '@catamaran/platform'
import { until } from '@catamaran/testing'
import { decodeProtectedHeader } from 'jose'
import * as oidc from 'openid-client'
import { assertionOf, register, tokensFor } from './journey.js'
import { privateJwk, startAuth, type AuthSystem } from './system.js'

describe('signing keys', () => {
  let system: AuthSystem
  let email: string
  before(async () => {
    system = await startAuth('signing keys')
    email = await register(system)
  })
  after(() => system.close())

  const published = async (): Promise<string[]> => {
    const { keys } = (await (await fetch(`${system.issuer}/jwks`)).json()) as { keys: { kid: string; d?: string }[] }
    assert.ok(keys.every((key) => key.d === undefined))
    return keys.map(({ kid }) => kid)
  }
  const kidOf = (token: string | undefined): string => decodeProtectedHeader(token ?? '').kid ?? ''

  it('rotate by a new file: published first, signing soon after, with old tokens good until their key is withdrawn', async () => {
    const [oldAccess, oldId] = [privateJwk('ed25519'), privateJwk('rsa')]
    const [newAccess, newId] = [privateJwk('ed25519'), privateJwk('rsa')]
    system.writeSigningKeys([oldAccess, oldId])
    await until(async () => (await published()).includes(String(oldAccess['kid'])), { deadlineMs: 5_000, message: 'the first file' })
    const { config, tokens } = await tokensFor(system, email)
    assert.deepEqual([kidOf(tokens.access_token), kidOf(tokens.id_token)], [oldAccess['kid'], oldId['kid']])

    system.writeSigningKeys([newAccess, oldAccess, newId, oldId])
    let refreshed = tokens
    const seen: [isPublished: boolean, isSigning: boolean][] = []
    await until(
      async () => {
        const kids = await published()
        refreshed = await oidc.refreshTokenGrant(config, refreshed.refresh_token ?? '')
        seen.push([kids.includes(String(newAccess['kid'])), kidOf(refreshed.access_token) === newAccess['kid']])
        return kidOf(refreshed.access_token) === newAccess['kid']
      },
      { deadlineMs: 5_000, message: 'the new key signs' },
    )
    assert.ok(
      seen.some(([isPublished, isSigning]) => isPublished && !isSigning),
      'published before it signs',
    )
    assert.equal(kidOf(refreshed.id_token), newId['kid'])
    const verifier = new TokenVerifier({ issuer: system.issuer, jwksUrl: `${system.issuer}/jwks` })
    for (const token of [tokens.access_token, refreshed.access_token]) assert.match((await verifier.verify(token)).sub, /^usr_/)

    system.writeSigningKeys([newAccess, newId])
    await until(async () => !(await published()).includes(String(oldAccess['kid'])), { deadlineMs: 5_000, message: 'the old key gone' })
    const strict = new TokenVerifier({ issuer: system.issuer, jwksUrl: `${system.issuer}/jwks` })
    await assert.rejects(async () => strict.verify(tokens.access_token), /auth.token-invalid/)
  })

  it('rotate twice under load, and not one request fails', async () => {
    const loaded = await startAuth('rotation', { env: { SIGNING_DELAY_MS: '2500' } }) // longer than a verifier waits before it asks again
    try {
      const { config, tokens } = await tokensFor(loaded, await register(loaded))
      const verifiers = [1, 2].map(() => new TokenVerifier({ issuer: loaded.issuer, jwksUrl: `${loaded.issuer}/jwks` }))
      const kids = new Set<string>()
      const done = new AbortController()
      let requests = 0
      const verify = async (token: string): Promise<void> => {
        kids.add(kidOf(token))
        for (const verifier of verifiers) await verifier.verify(token)
        requests++
      }
      const refreshing = async (): Promise<void> => {
        for (let held = tokens.refresh_token ?? ''; !done.signal.aborted;) {
          const answer = await oidc.refreshTokenGrant(config, held)
          held = answer.refresh_token ?? ''
          await verify(answer.access_token)
        }
      }
      const askingAs = async (service: string): Promise<void> => {
        while (!done.signal.aborted) {
          const form = await assertionOf(service, loaded.keyOf(service), loaded.issuer)
          const body = new URLSearchParams({ grant_type: 'client_credentials', ...form })
          const answer = await fetch(`${loaded.issuer}/token`, { method: 'POST', body })
          assert.equal(answer.status, 200)
          await verify(((await answer.json()) as { access_token: string }).access_token)
        }
      }
      const load = Promise.all([refreshing(), askingAs('core-service'), askingAs('aux-service')])
      const signs = (key: JsonWebKey): Promise<unknown> =>
        Promise.race([load, until(() => kids.has(String(key['kid'])), { deadlineMs: 15_000, message: 'the new key signs' })])
      const { keys } = JSON.parse(readFileSync(join(loaded.folder, 'signing.json'), 'utf8')) as { keys: JsonWebKey[] }
      for (const key of [privateJwk('ed25519'), privateJwk('ed25519')]) {
        keys.unshift(key)
        loaded.writeSigningKeys(keys)
        await signs(key)
      }
      done.abort()
      await load
      assert.ok(requests >= 30, `${requests} requests`)
    } finally {
      await loaded.close()
    }
  })
})
