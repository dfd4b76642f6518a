import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { AUDIENCE } from '@catamaran/contracts'
import { TokenVerifier } from '@catamaran/platform'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import * as oidc from 'openid-client'
import { register, tokensFor } from './journey.js'
import { startAuth, type AuthSystem } from './system.js'

describe('the authorization code flow', () => {
  let system: AuthSystem
  before(async () => {
    system = await startAuth('code flow')
  })
  after(() => system.close())

  it('signs somebody in with PKCE, state and nonce, and gives tokens that the services accept', async () => {
    const email = await register(system)
    const { config, tokens } = await tokensFor(system, email)
    const claims = await new TokenVerifier({ issuer: system.issuer, jwksUrl: `${system.issuer}/jwks` }).verify(tokens.access_token)
    assert.match(claims.sub, /^usr_/)
    assert.equal(claims.clientId, 'catamaran-demo')
    assert.equal(claims.plan, 'standard')
    assert.ok(claims.sid)
    assert.deepEqual([...claims.scopes].sort(), ['cart:write', 'email', 'openid', 'orders:read', 'orders:write'])
    assert.equal(tokens.expires_in, 300)
    const header = decodeProtectedHeader(tokens.access_token)
    assert.deepEqual([header.alg, header.typ], ['EdDSA', 'at+jwt'])
    const keys = createRemoteJWKSet(new URL(`${system.issuer}/jwks`))
    const { payload } = await jwtVerify(tokens.access_token, keys, { audience: AUDIENCE })
    assert.equal(payload['scope'], 'openid email orders:read orders:write cart:write')
    assert.equal(decodeProtectedHeader(tokens.id_token ?? '').alg, 'RS256')
    assert.equal(tokens.claims()?.sub, claims.sub)
    const userInfo = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub)
    assert.deepEqual({ ...userInfo }, { sub: claims.sub, email, email_verified: true })
  })
})
