import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { newId, uuidOf } from '@catamaran/contracts'
import { TokenVerifier } from '@catamaran/platform'
import { assertionOf } from './journey.js'
import { atOnce, callerOf, errorOf, mintToken, newMember, newPartner, revocationsOf, type Answer } from './partner.js'
import { privateJwk, startAuth, type AuthSystem } from './system.js'

const PATH = '/v1/partner/clients'
const WANTED = { name: 'Stock sync', scopes: ['catalogue', 'partner:read'], authMethod: 'client_secret' }

describe('OAuth clients of partners', () => {
  let system: AuthSystem
  let verifier: TokenVerifier
  before(async () => {
    system = await startAuth('partnerclients')
    verifier = new TokenVerifier({ issuer: system.issuer, jwksUrl: `${system.issuer}/jwks` })
  })
  after(() => system.close())

  const items = ({ body }: Answer) => body['items'] as Record<string, unknown>[]
  const askToken = async (fields: Record<string, string>): Promise<{ status: number; access_token?: string; error?: string }> => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', ...fields })
    const answer = await fetch(`${system.publicUrl}/oidc/token`, { method: 'POST', body })
    return { status: answer.status, ...((await answer.json()) as object) }
  }
  const secretOf = ({ body }: Answer) => ({ client_id: String(body['id']), client_secret: String(body['clientSecret']) })
  const keyPair = () => {
    const { d, ...publicJwk } = privateJwk('ed25519')
    assert.ok(d)
    return { privateJwk: { ...publicJwk, d }, publicJwk: { ...publicJwk } }
  }

  it('with a secret get tokens that speak for their partner', async () => {
    const { partnerId, owner } = await newPartner(system)
    await system.database.query("update partner set plan = 'scale' where id = $1", [uuidOf(partnerId)])
    const made = await owner.call('POST', PATH, { body: WANTED })
    const { clientSecret, ...rest } = made.body
    assert.deepEqual([made.status, made.headers.get('cache-control')], [201, 'no-store'])
    assert.match(String(clientSecret), /^[\w-]{43}$/)
    const token = (await askToken(secretOf(made))).access_token ?? ''
    const claims = await verifier.verify(token)
    assert.deepEqual([claims.sub, claims.clientId, claims.plan, [...claims.scopes]], [partnerId, rest['id'], 'scale', WANTED.scopes])
    assert.equal((await callerOf(system, token)('GET', '/v1/partner')).body['id'], partnerId)
    const { id, createdAt, ...told } = rest
    assert.ok(typeof id === 'string' && createdAt !== undefined)
    assert.deepEqual(told, { ...WANTED, lastUsedAt: null })
    assert.deepEqual(items(await owner.call('GET', PATH)), [rest])
    assert.deepEqual((await owner.call('GET', `${PATH}/${id}`)).body, rest)
    const { rows } = await system.database.query('select * from oidc_client where id = $1', [id])
    assert.ok(!JSON.stringify(rows).includes(String(clientSecret)))
  })

  it('get no more scopes than they were made with, and nothing for a wrong secret', async () => {
    const { owner } = await newPartner(system)
    const client = secretOf(await owner.call('POST', PATH, { body: WANTED }))
    assert.deepEqual(await codes(askToken({ ...client, scope: 'orders' })), [400, 'invalid_scope'])
    assert.deepEqual(
      [...(await verifier.verify((await askToken({ ...client, scope: 'catalogue' })).access_token ?? '')).scopes],
      ['catalogue'],
    )
    assert.deepEqual(await codes(askToken({ ...client, client_secret: 'wrong' })), [401, 'invalid_client'])
  })

  it('with keys prove who they are by a signed assertion, with any of their keys', async () => {
    const { partnerId, owner } = await newPartner(system)
    const [first, second] = [keyPair(), keyPair()]
    const jwks = { keys: [first.publicJwk, second.publicJwk] }
    const made = await owner.call('POST', PATH, { body: { ...WANTED, authMethod: 'private_key_jwt', jwks } })
    assert.deepEqual([made.status, made.body['clientSecret']], [201, undefined])
    const id = String(made.body['id'])
    for (const { privateJwk: key } of [first, second]) {
      const token = (await askToken(await assertionOf(id, key, system.issuer))).access_token ?? ''
      assert.deepEqual([(await verifier.verify(token)).sub, (await verifier.verify(token)).clientId], [partnerId, id])
    }
    const foreign = await assertionOf(id, keyPair().privateJwk, system.issuer)
    assert.deepEqual(await codes(askToken(foreign)), [401, 'invalid_client'])
    assert.deepEqual(await codes(askToken({ client_id: id, client_secret: 'none' })), [401, 'invalid_client'])
    const twice = await assertionOf(id, first.privateJwk, system.issuer)
    assert.deepEqual([(await askToken(twice)).status, (await askToken(twice)).status], [200, 401])
  })

  it('are refused keys that are private, of another kind, broken, double or none', async () => {
    const { owner } = await newPartner(system)
    const { publicJwk, privateJwk: whole } = keyPair()
    const { d: _private, ...rsa } = privateJwk('rsa')
    const lists = [[], [whole], [rsa], [{ ...publicJwk, x: 'short' }], [{ ...publicJwk, crv: 'X25519' }], [publicJwk, publicJwk]]
    for (const keys of lists) {
      const answer = await owner.call('POST', PATH, { body: { ...WANTED, authMethod: 'private_key_jwt', jwks: { keys } } })
      assert.deepEqual(errorOf(answer), [400, 'request.invalid'], JSON.stringify(keys.length))
    }
    const others = [
      { ...WANTED, authMethod: 'private_key_jwt' },
      { ...WANTED, authMethod: 'none' },
      { ...WANTED, jwks: { keys: [publicJwk] } },
      { ...WANTED, scopes: ['ops'] },
      { ...WANTED, name: '' },
    ]
    for (const body of others) assert.deepEqual(errorOf(await owner.call('POST', PATH, { body })), [400, 'request.invalid'])
    assert.deepEqual(items(await owner.call('GET', PATH)), [])
  })

  it('work while their partner is active only', async () => {
    const { partnerId, owner } = await newPartner(system)
    const client = secretOf(await owner.call('POST', PATH, { body: WANTED }))
    for (const status of ['pending', 'rejected', 'suspended', 'active']) {
      await system.database.query('update partner set status = $2 where id = $1', [uuidOf(partnerId), status])
      const expected = status === 'active' ? [200, undefined] : [401, 'invalid_client']
      assert.deepEqual(await codes(askToken(client)), expected, status)
    }
    await system.database.query("update partner set status = 'suspended' where id = $1", [uuidOf(partnerId)])
    assert.deepEqual(errorOf(await owner.call('POST', PATH, { body: WANTED })), [409, 'partners.not-active'])
  })

  it('are revoked for good, and every gateway is told', async () => {
    const { owner } = await newPartner(system)
    const client = secretOf(await owner.call('POST', PATH, { body: WANTED }))
    assert.equal((await owner.call('DELETE', `${PATH}/${client.client_id}`)).status, 204)
    assert.deepEqual(await codes(askToken(client)), [401, 'invalid_client'])
    assert.deepEqual(await revocationsOf(system, client.client_id), ['client'])
    for (const method of ['GET', 'DELETE'])
      assert.deepEqual(errorOf(await owner.call(method, `${PATH}/${client.client_id}`)), [404, 'partners.client-not-found'])
    assert.deepEqual(items(await owner.call('GET', PATH)), [])
  })

  it('of another partner, and our own, are not there', async () => {
    const [{ owner }, other] = [await newPartner(system), await newPartner(system)]
    const client = secretOf(await other.owner.call('POST', PATH, { body: WANTED }))
    for (const id of [client.client_id, 'catamaran-demo', newId('client')])
      for (const method of ['GET', 'DELETE'])
        assert.deepEqual(errorOf(await owner.call(method, `${PATH}/${id}`)), [404, 'partners.client-not-found'], `${method} ${id}`)
    assert.equal((await askToken(client)).status, 200)
  })

  it('are at most as many as the plan allows, however many are asked for at once', async () => {
    const { partnerId, owner } = await newPartner(system)
    const make7 = () => Array.from({ length: 7 }, () => owner.call('POST', PATH, { body: WANTED }))
    const answers = await atOnce(system, 'partner', uuidOf(partnerId), make7)
    const refused = answers.filter(({ status }) => status !== 201)
    assert.deepEqual(
      refused.map(errorOf),
      Array.from({ length: 2 }, () => [409, 'partners.client-limit']),
    )
    const first = await owner.call('GET', `${PATH}?limit=3`)
    const second = await owner.call('GET', `${PATH}?limit=3&cursor=${String(first.body['nextCursor'])}`)
    assert.equal(new Set([...items(first), ...items(second)].map(({ id }) => id)).size, 5)
    assert.deepEqual(errorOf(await owner.call('GET', `${PATH}?cursor=x`)), [400, 'request.invalid-cursor'])
  })

  it('are made by somebody who signed in just now', async () => {
    const { partnerId } = await newPartner(system)
    const { id } = await newMember(system, partnerId, 'developer')
    const call = callerOf(system, await mintToken(system, { sub: id, scope: 'partner:read partner:write', authAgeS: 400 }))
    assert.deepEqual(errorOf(await call('POST', PATH, { body: WANTED })), [401, 'auth.step-up-needed'])
  })
})

const codes = async (answer: Promise<{ status: number; error?: string }>): Promise<[number, string | undefined]> => {
  const { status, error } = await answer
  return [status, error]
}
