import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { AUDIENCE } from '@catamaran/contracts'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'
import { AppError } from '../src/errors.js'
import { TokenVerifier } from '../src/tokens.js'

const issuer = 'http://issuer.test/oidc'
let privateKey: CryptoKey
let jwks: JWK[]
let now = Date.now()
const server = createServer((_request, response) =>
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: jwks })),
)
let verifier: TokenVerifier

const sign = (changes: { audience?: string; issuer?: string; typ?: string; expiresInS?: number; key?: CryptoKey } = {}): Promise<string> =>
  new SignJWT({ client_id: 'web', scope: 'orders:read orders:write', sid: 's1' })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'k1', typ: changes.typ ?? 'at+jwt' })
    .setSubject('usr_1')
    .setIssuer(changes.issuer ?? issuer)
    .setAudience(changes.audience ?? AUDIENCE)
    .setIssuedAt(Math.floor(now / 1000))
    .setExpirationTime(Math.floor(now / 1000) + (changes.expiresInS ?? 300))
    .sign(changes.key ?? privateKey)

const codeOf = async (token: string): Promise<string> => {
  try {
    await verifier.verify(token)
    return 'accepted'
  } catch (error) {
    return (error as AppError).code
  }
}

/** What is said of a token once that is what is wanted, or after five seconds. */
const codeBecomes = async (token: string, wanted: string): Promise<string> => {
  const deadline = performance.now() + 5_000
  for (let code = await codeOf(token); ; code = await codeOf(token)) {
    if (code === wanted || performance.now() > deadline) return code
    await new Promise(setImmediate)
  }
}

before(async () => {
  const pair = await generateKeyPair('EdDSA', { extractable: true })
  privateKey = pair.privateKey
  jwks = [{ ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'EdDSA', use: 'sig' }]
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  verifier = new TokenVerifier({ issuer, jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`, now: () => now })
})
after(() => server.close())

test('a good token gives its claims, and the second time at once', async () => {
  const token = await sign()
  const claims = await verifier.verify(token)
  assert.equal(claims.sub, 'usr_1')
  assert.ok(claims.scopes.has('orders:write'))
  assert.equal(verifier.verify(token), claims)
})

test('a remembered token is refused from the second it expires', async () => {
  const token = await sign({ expiresInS: 60 })
  assert.equal(await codeOf(token), 'accepted')
  now += 60_000
  assert.equal(await codeOf(token), 'auth.token-expired')
  now -= 60_000
})

test('tokens that are not ours are refused', async () => {
  const stranger = await generateKeyPair('EdDSA')
  const unsigned = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${Buffer.from(JSON.stringify({ sub: 'usr_1', iss: issuer, aud: AUDIENCE, exp: now / 1000 + 60, client_id: 'web' })).toString('base64url')}.`
  assert.equal(await codeOf(await sign({ audience: 'urn:other' })), 'auth.token-invalid')
  assert.equal(await codeOf(await sign({ issuer: 'http://other.test' })), 'auth.token-invalid')
  assert.equal(await codeOf(await sign({ typ: 'JWT' })), 'auth.token-invalid')
  assert.equal(await codeOf(await sign({ key: stranger.privateKey })), 'auth.token-invalid')
  assert.equal(await codeOf(unsigned), 'auth.token-invalid')
  assert.equal(await codeOf('rubbish'), 'auth.token-invalid')
  assert.equal(await codeOf(await sign({ expiresInS: -1 })), 'auth.token-expired')
  assert.equal(await codeOf(await sign({ expiresInS: 601 })), 'auth.token-invalid', 'none of ours lives so long')
})

test('a token that was verified is forgotten once its key is withdrawn', async () => {
  const token = await sign({ expiresInS: 600 })
  assert.equal(await codeOf(token), 'accepted')
  const [old] = jwks
  const next = await generateKeyPair('EdDSA', { extractable: true })
  jwks = [{ ...(await exportJWK(next.publicKey)), kid: 'k2', alg: 'EdDSA', use: 'sig' }]
  now += 120_001
  assert.equal(await codeBecomes(token, 'auth.token-invalid'), 'auth.token-invalid')
  jwks = [old as JWK]
  now += 120_001
  assert.equal(await codeBecomes(token, 'accepted'), 'accepted')
})

test('with the keys out of reach the answer is "unavailable", not "invalid"', async () => {
  const away = new TokenVerifier({ issuer, jwksUrl: 'http://127.0.0.1:1/jwks' })
  await assert.rejects(async () => away.verify(await sign()), { code: 'service.unavailable' })
})
