import assert from 'node:assert/strict'
import { createHash, randomBytes, type JsonWebKey } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { PARTNER_SCOPES } from '@catamaran/contracts'
import { ServiceTokens, TokenVerifier } from '@catamaran/platform'
import { assertionOf as signedAssertion } from './journey.js'
import { privateJwk, startAuth, type AuthSystem } from './system.js'

interface TokenAnswer {
  status: number
  access_token?: string
  scope?: string
  error?: string
}

describe('client credentials', () => {
  const secret = randomBytes(32).toString('base64url')
  let system: AuthSystem
  let verifier: TokenVerifier
  before(async () => {
    system = await startAuth('clients')
    verifier = new TokenVerifier({ issuer: system.issuer, jwksUrl: `${system.issuer}/jwks` })
    const hash = `sha256$${createHash('sha256').update(secret).digest('base64url')}`
    await system.database.query(
      `insert into oidc_client (id, name, application_type, auth_method, secret_hash, grant_types, scopes)
        values ('a-partner', 'A partner', 'web', 'client_secret', $1, '{client_credentials}', $2)`,
      [hash, [...PARTNER_SCOPES]],
    )
  })
  after(() => system.close())

  const ask = async (
    fields: Record<string, string>,
    headers: Record<string, string> = {},
    base = system.publicUrl,
  ): Promise<TokenAnswer> => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', ...fields })
    const answer = await fetch(`${base}/oidc/token`, { method: 'POST', body, headers })
    return { status: answer.status, ...((await answer.json()) as object) }
  }
  const basic = (id: string, password: string) => ({ authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}` })
  const assertionOf = (service: string, jwk: JsonWebKey, audience = system.issuer, alg = 'EdDSA') =>
    signedAssertion(service, jwk, audience, alg)

  it('give a partner a token with its scopes, by basic or post', async () => {
    const answers = [await ask({}, basic('a-partner', secret)), await ask({ client_id: 'a-partner', client_secret: secret })]
    for (const { status, access_token: token } of answers) {
      assert.equal(status, 200)
      const claims = await verifier.verify(token ?? '')
      assert.deepEqual([claims.sub, claims.clientId, claims.plan, claims.sid], ['a-partner', 'a-partner', 'standard', undefined])
      assert.deepEqual([...claims.scopes], [...PARTNER_SCOPES])
    }
    const narrow = await ask({ scope: 'orders' }, basic('a-partner', secret))
    assert.deepEqual([...(await verifier.verify(narrow.access_token ?? '')).scopes], ['orders'])
  })

  it('refuse a partner with a wrong secret, an unknown client, a scope of somebody else, another audience', async () => {
    assert.deepEqual(await codes(ask({}, basic('a-partner', 'wrong'))), [401, 'invalid_client'])
    assert.deepEqual(await codes(ask({}, basic('nobody', secret))), [401, 'invalid_client'])
    assert.deepEqual(await codes(ask({ scope: 'orders:write' }, basic('a-partner', secret))), [400, 'invalid_scope'])
    assert.deepEqual(await codes(ask({ scope: 'call:core-service' }, basic('a-partner', secret))), [400, 'invalid_scope'])
    assert.deepEqual(await codes(ask({ resource: 'urn:other' }, basic('a-partner', secret))), [400, 'invalid_target'])
    const stored = (await system.database.query<{ secret_hash: string }>("select secret_hash from oidc_client where id = 'a-partner'"))
      .rows[0]
    assert.deepEqual(await codes(ask({}, basic('a-partner', stored?.secret_hash ?? ''))), [401, 'invalid_client'])
  })

  it('refuse a public client', async () => {
    assert.deepEqual(await codes(ask({ client_id: 'catamaran-demo' })), [400, 'invalid_request'])
  })

  it('give each service a token for what the call table says, asked at the service itself', async () => {
    for (const [service, scopes] of [
      ['api-gateway', 'call:auth-service call:core-service'],
      ['core-service', 'call:aux-service call:auth-service'],
    ] as const) {
      const tokens = new ServiceTokens({
        ...{ service, issuer: system.issuer, authUrl: system.innerUrl },
        keyFile: join(system.folder, `${service}.json`),
      })
      const claims = await verifier.verify(await tokens.current())
      assert.deepEqual([claims.clientId, [...claims.scopes].join(' '), claims.plan], [service, scopes, undefined])
    }
  })

  it("refuse a service another's key, an unknown key, another audience and another service's scope", async () => {
    const own = system.keyOf('core-service')
    assert.deepEqual(await codes(assertionOf('core-service', system.keyOf('api-gateway')).then(ask)), [401, 'invalid_client'])
    assert.deepEqual(await codes(assertionOf('core-service', privateJwk('ed25519')).then(ask)), [401, 'invalid_client'])
    assert.deepEqual(await codes(assertionOf('core-service', own, 'https://evil.example').then(ask)), [401, 'invalid_client'])
    assert.deepEqual(await codes(assertionOf('core-service', privateJwk('rsa'), system.issuer, 'RS256').then(ask)), [401, 'invalid_client'])
    const greedy = { ...(await assertionOf('core-service', own)), scope: 'call:core-service' }
    assert.deepEqual(await codes(ask(greedy)), [400, 'invalid_scope'])
    assert.equal((await assertionOf('core-service', own).then(ask)).status, 200)
  })

  it('believe nobody who claims another host: an assertion for that host stays useless', async () => {
    const fields = await assertionOf('core-service', system.keyOf('core-service'), 'http://evil.example/oidc/token')
    const claim = { 'x-forwarded-host': 'evil.example' }
    assert.deepEqual(await codes(ask(fields, claim, system.innerUrl)), [401, 'invalid_client'])
  })

  it('take an assertion once, also when it comes twice at the same time', async () => {
    const fields = await assertionOf('core-service', system.keyOf('core-service'))
    const statuses = (await Promise.all([1, 2, 3, 4].map(() => ask(fields)))).map(({ status }) => status)
    assert.deepEqual(
      statuses.toSorted((a, b) => a - b),
      [200, 401, 401, 401],
    )
  })

  it('take a new key of a service as soon as its file says so', async () => {
    const next = privateJwk('ed25519')
    const { d: _private, ...publicJwk } = next
    const { d: _old, ...oldPublic } = system.keyOf('aux-service')
    writeFileSync(join(system.folder, 'services', 'aux-service.json'), JSON.stringify({ keys: [publicJwk, oldPublic] }))
    assert.equal((await assertionOf('aux-service', next).then(ask)).status, 200)
    assert.equal((await assertionOf('aux-service', system.keyOf('aux-service')).then(ask)).status, 200)
  })

  it('are refused to a service without a key file', async () => {
    rmSync(join(system.folder, 'services', 'auth-service.json'))
    assert.deepEqual(await codes(assertionOf('auth-service', system.keyOf('auth-service')).then(ask)), [401, 'invalid_client'])
  })

  it('are what every route but two asks of a caller', async () => {
    const token = (await assertionOf('core-service', system.keyOf('core-service')).then(ask)).access_token ?? ''
    for (const path of ['/oidc/auth', '/oidc/me', '/v1/users', '/account/sign-up']) {
      const bare = await fetch(system.innerUrl + path)
      const wrong = await fetch(system.innerUrl + path, { headers: { 'x-service-token': token } })
      assert.deepEqual([path, bare.status, wrong.status], [path, path === '/v1/users' ? 404 : 403, path === '/v1/users' ? 404 : 403])
    }
    assert.equal((await fetch(`${system.innerUrl}/oidc/jwks`)).status, 200)
  })
})

const codes = async (answer: Promise<TokenAnswer>): Promise<[number, string | undefined]> => {
  const { status, error } = await answer
  return [status, error]
}
