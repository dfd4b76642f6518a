import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { TokenVerifier } from '@catamaran/platform'
import { until } from '@catamaran/testing'
import { decodeProtectedHeader } from 'jose'
import * as oidc from 'openid-client'
import { register, tokensFor } from './journey.js'
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
})
