import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ApiKeyExchange, newApiKey, newId, parseApiKey, uuidOf } from '@catamaran/contracts'
import { TokenVerifier } from '@catamaran/platform'
import { atOnce, callAs, callerOf, errorOf, mintToken, newMember, newPartner, revocationsOf, type Answer, type Person } from './partner.js'
import { startAuth, type AuthSystem } from './system.js'

const WANTED = { name: 'Warehouse', scopes: ['catalogue', 'orders'] }
const PATH = '/v1/partner/api-keys'

describe('API keys', () => {
  let nowMs = Date.now()
  let system: AuthSystem
  let verifier: TokenVerifier
  before(async () => {
    system = await startAuth('apikeys', { now: () => nowMs })
    verifier = new TokenVerifier({ issuer: system.issuer, jwksUrl: `${system.issuer}/jwks`, now: () => nowMs })
  })
  after(() => system.close())

  const items = ({ body }: Answer) => body['items'] as Record<string, unknown>[]
  const make = async ({ call }: Person, wanted: object = WANTED): Promise<{ id: string; key: string; body: Record<string, unknown> }> => {
    const { status, body } = await call('POST', PATH, { body: wanted })
    assert.equal(status, 201, JSON.stringify(body))
    return { id: String(body['id']), key: String(body['key']), body }
  }
  const exchange = async (key: string): Promise<ApiKeyExchange> => {
    const { status, body } = await callAs(system, 'api-gateway', 'POST', '/internal/gateway/api-keys', { key })
    assert.equal(status, 200, JSON.stringify(body))
    return ApiKeyExchange.parse(body)
  }
  const isAccepted = async (key: string) => (await exchange(key)).accepted
  const claimsOf = async (key: string) => {
    const answer = await exchange(key)
    assert.ok(answer.accepted)
    return verifier.verify(answer.accessToken)
  }

  it('are shown once, and kept as a hash', async () => {
    const { owner } = await newPartner(system)
    const made = await owner.call('POST', PATH, { body: { ...WANTED, allowedAddresses: ['192.0.2.7', '2001:db8::/32', '10.1.2.3/8'] } })
    const { key, ...rest } = made.body
    const parsed = parseApiKey(String(key))
    assert.deepEqual([made.status, parsed?.mode, parsed?.id], [201, 'test', rest['id']])
    assert.equal(made.headers.get('cache-control'), 'no-store')
    const { id, createdAt, ...told } = rest
    assert.deepEqual(told, {
      ...{ ...WANTED, prefix: String(key).slice(0, 35), mode: 'test', createdBy: owner.id, follows: null },
      ...{ allowedAddresses: ['192.0.2.7/32', '2001:db8::/32', '10.0.0.0/8'], expiresAt: null, revokedAt: null, lastUsedAt: null },
    })
    assert.ok(typeof createdAt === 'string')
    assert.deepEqual((await owner.call('GET', `${PATH}/${String(id)}`)).body, rest)
    assert.deepEqual(items(await owner.call('GET', PATH)), [rest])
    const { rows } = await system.database.query('select * from api_key where id = $1', [uuidOf(String(id) as never)])
    assert.ok(!JSON.stringify(rows).includes(parsed?.secret ?? ''))
  })

  it('refuse what is not known, not allowed, or over already', async () => {
    const { owner } = await newPartner(system)
    const bad = [
      { scopes: ['orders'] },
      { name: 'x', scopes: [] },
      { name: 'x', scopes: ['ops'] },
      { name: 'x', scopes: ['partner:write'] },
      { name: 'x', scopes: ['orders', 'orders'] },
      { ...WANTED, expiresAt: new Date(nowMs - 1_000).toISOString() },
      { ...WANTED, expiresAt: 'soon' },
      { ...WANTED, allowedAddresses: ['here'] },
      { ...WANTED, allowedAddresses: ['192.0.2.0/33'] },
      { ...WANTED, mode: 'live' },
    ]
    for (const body of bad)
      assert.deepEqual(errorOf(await owner.call('POST', PATH, { body })), [400, 'request.invalid'], JSON.stringify(body))
  })

  it('are made and rotated by somebody who signed in just now', async () => {
    const { partnerId } = await newPartner(system)
    const tired = await newMember(system, partnerId, 'developer')
    const token = await mintToken(system, { sub: tired.id, scope: 'partner:read partner:write', authAgeS: 400 })
    const call = callerOf(system, token)
    for (const path of [PATH, `${PATH}/${newId('apiKey')}/rotate`]) {
      const answer = await call('POST', path, { body: WANTED })
      assert.deepEqual(errorOf(answer), [401, 'auth.step-up-needed'])
      assert.match(answer.headers.get('www-authenticate') ?? '', /max_age=300/)
    }
  })

  it('are exchanged for a token that speaks for the partner', async () => {
    const { partnerId, owner } = await newPartner(system)
    const { id, key } = await make(owner, { ...WANTED, allowedAddresses: ['192.0.2.0/24'] })
    const answer = await exchange(key)
    assert.ok(answer.accepted)
    assert.deepEqual(answer.allowedAddresses, ['192.0.2.0/24'])
    const claims = await verifier.verify(answer.accessToken)
    assert.deepEqual([claims.sub, claims.clientId, claims.plan, [...claims.scopes]], [partnerId, id, 'starter', WANTED.scopes])
    assert.equal(answer.expiresAt, new Date(claims.expiresAt).toISOString())
    assert.equal(claims.expiresAt - claims.issuedAt, 120_000)
    const { key: reader } = await make(owner, { name: 'Reader', scopes: ['partner:read'] })
    const read = await exchange(reader)
    assert.ok(read.accepted)
    assert.equal((await callerOf(system, read.accessToken)('GET', '/v1/partner')).body['id'], partnerId)
  })

  it('are refused when unknown, with another secret, mistyped or of another mode', async () => {
    const { owner } = await newPartner(system)
    const { id, key } = await make(owner)
    const { rows } = await system.database.query("update api_key set mode = 'live' where id = $1 returning id", [uuidOf(id as never)])
    assert.equal(rows.length, 1)
    assert.equal(await isAccepted(key), false) // the stored mode counts too
    await system.database.query("update api_key set mode = 'test' where id = $1", [uuidOf(id as never)])
    assert.equal(await isAccepted(key), true)
    const foreign = newApiKey('test')
    await system.database.query('update api_key set id = $2 where id = $1', [uuidOf(id as never), uuidOf(foreign.id)])
    for (const text of [foreign.text, key, newApiKey('live').text, newApiKey('test').text, `${key.slice(0, -1)}!`, 'cat_test_', ''])
      assert.equal(await isAccepted(text), false, text.slice(0, 12))
  })

  it('work while their partner is active, and not a moment else', async () => {
    const { partnerId, owner } = await newPartner(system)
    const { key } = await make(owner)
    for (const status of ['pending', 'rejected', 'suspended', 'active']) {
      await system.database.query('update partner set status = $2 where id = $1', [uuidOf(partnerId), status])
      assert.equal(await isAccepted(key), status === 'active', status)
    }
  })

  it('are made, rotated, and invited to by an active partner only', async () => {
    const { partnerId, owner } = await newPartner(system)
    const { id } = await make(owner)
    await system.database.query("update partner set status = 'suspended' where id = $1", [uuidOf(partnerId)])
    assert.deepEqual(errorOf(await owner.call('POST', PATH, { body: WANTED })), [409, 'partners.not-active'])
    const rotated = await owner.call('POST', `${PATH}/${id}/rotate`, { body: { overlapSeconds: 0 } })
    assert.deepEqual(errorOf(rotated), [409, 'partners.not-active'])
    assert.equal((await owner.call('DELETE', `${PATH}/${id}`)).status, 204)
  })

  it('end at their expiry, and no token outlives it', async () => {
    const { owner } = await newPartner(system)
    const expiresAt = new Date(Math.ceil(nowMs / 1_000) * 1_000 + 30_000)
    const { key } = await make(owner, { ...WANTED, expiresAt: expiresAt.toISOString() })
    assert.equal((await claimsOf(key)).expiresAt, expiresAt.getTime())
    nowMs = expiresAt.getTime()
    assert.equal(await isAccepted(key), false)
  })

  it('are revoked for good, and every gateway is told', async () => {
    const { owner } = await newPartner(system)
    const { id, key } = await make(owner)
    assert.equal((await owner.call('DELETE', `${PATH}/${id}`)).status, 204)
    assert.equal(await isAccepted(key), false)
    assert.deepEqual(await revocationsOf(system, id), ['client'])
    assert.equal((await owner.call('DELETE', `${PATH}/${id}`)).status, 204)
    assert.deepEqual(await revocationsOf(system, id), ['client'])
    assert.deepEqual(items(await owner.call('GET', PATH)), [])
    assert.notEqual((await owner.call('GET', `${PATH}/${id}`)).body['revokedAt'], null)
    const rotated = await owner.call('POST', `${PATH}/${id}/rotate`, { body: { overlapSeconds: 0 } })
    assert.deepEqual(errorOf(rotated), [404, 'partners.key-not-found'])
  })

  it('of another partner are not there', async () => {
    const [mine, other] = [await newPartner(system), await newPartner(system)]
    const { id, key } = await make(other.owner)
    for (const strange of [id, newId('apiKey')]) {
      const answers = [
        await mine.owner.call('GET', `${PATH}/${strange}`),
        await mine.owner.call('DELETE', `${PATH}/${strange}`),
        await mine.owner.call('POST', `${PATH}/${strange}/rotate`, { body: { overlapSeconds: 0 } }),
      ]
      for (const answer of answers) assert.deepEqual(errorOf(answer), [404, 'partners.key-not-found'])
    }
    assert.equal(await isAccepted(key), true)
  })

  it('go on working when who made them is a member no more', async () => {
    const { partnerId, owner } = await newPartner(system)
    const developer = await newMember(system, partnerId, 'developer')
    const { id, key } = await make(developer)
    assert.equal((await owner.call('DELETE', `/v1/partner/members/${developer.id}`)).status, 204)
    assert.equal(await isAccepted(key), true)
    assert.deepEqual(errorOf(await developer.call('DELETE', `${PATH}/${id}`)), [404, 'partners.not-found'])
  })

  describe('rotated', () => {
    it('with an overlap work beside the old one until that ends', async () => {
      const { partnerId, owner } = await newPartner(system)
      const { id, key } = await make(owner)
      const rotated = await owner.call('POST', `${PATH}/${id}/rotate`, { body: { overlapSeconds: 3_600 } })
      const { name, scopes, follows } = rotated.body
      assert.deepEqual([rotated.status, name, scopes, follows], [201, WANTED.name, WANTED.scopes, id])
      assert.equal(rotated.headers.get('cache-control'), 'no-store')
      const next = String(rotated.body['key'])
      assert.deepEqual([await isAccepted(key), await isAccepted(next)], [true, true])
      assert.equal((await claimsOf(next)).sub, partnerId)
      nowMs += 3_600_000
      assert.deepEqual([await isAccepted(key), await isAccepted(next)], [false, true])
    })

    it('without an overlap end the old one at once, on every gateway', async () => {
      const { owner } = await newPartner(system)
      const { id, key } = await make(owner)
      const rotated = await owner.call('POST', `${PATH}/${id}/rotate`, { body: { overlapSeconds: 0 } })
      assert.deepEqual([await isAccepted(key), await isAccepted(String(rotated.body['key']))], [false, true])
      assert.deepEqual(await revocationsOf(system, id), ['client'])
    })

    it('live as long again as the old one was meant to', async () => {
      const { owner } = await newPartner(system)
      const { id } = await make(owner, { ...WANTED, expiresAt: new Date(nowMs + 7_200_000).toISOString() })
      nowMs += 3_600_000
      const rotated = await owner.call('POST', `${PATH}/${id}/rotate`, { body: { overlapSeconds: 86_400 } })
      assert.equal(Date.parse(String(rotated.body['expiresAt'])), nowMs + 7_200_000)
      const old = await owner.call('GET', `${PATH}/${id}`)
      assert.equal(Date.parse(String(old.body['expiresAt'])), nowMs + 3_600_000) // an overlap lengthens no key's life
    })

    it('are so once, also when it is asked for twice at once', async () => {
      const { partnerId, owner } = await newPartner(system)
      const { id } = await make(owner)
      const rotateTwice = () => [1, 2].map(() => owner.call('POST', `${PATH}/${id}/rotate`, { body: { overlapSeconds: 60 } }))
      const answers = await atOnce(system, 'partner', uuidOf(partnerId), rotateTwice)
      assert.deepEqual(answers.map(({ status, body }) => (status === 201 ? 'made' : String(body['code']))).toSorted(), [
        'made',
        'partners.key-rotated',
      ])
      assert.equal(items(await owner.call('GET', PATH)).length, 2)
    })

    it('refuse an overlap that no gateway could keep to, or of more than a week', async () => {
      const { owner } = await newPartner(system)
      const { id } = await make(owner)
      for (const overlapSeconds of [-1, 30, 604_801, 0.5, '60'])
        assert.deepEqual(errorOf(await owner.call('POST', `${PATH}/${id}/rotate`, { body: { overlapSeconds } })), [400, 'request.invalid'])
    })
  })

  describe('at most as many as the plan allows', () => {
    const LIMIT = 5
    const fill = async (owner: Person): Promise<{ id: string }[]> => {
      const made = []
      for (let n = 0; n < LIMIT; n++) made.push(await make(owner))
      return made
    }

    it('exist, however many are asked for at once', async () => {
      const { partnerId, owner } = await newPartner(system)
      const make8 = () => Array.from({ length: LIMIT + 3 }, () => owner.call('POST', PATH, { body: WANTED }))
      const answers = await atOnce(system, 'partner', uuidOf(partnerId), make8)
      assert.equal(answers.filter(({ status }) => status === 201).length, LIMIT)
      for (const answer of answers.filter(({ status }) => status !== 201)) assert.deepEqual(errorOf(answer), [409, 'partners.key-limit'])
      assert.equal(items(await owner.call('GET', PATH)).length, LIMIT)
    })

    it('exist, of which those that ended do not count', async () => {
      const { owner } = await newPartner(system)
      const [first, second] = await fill(owner)
      assert.deepEqual(errorOf(await owner.call('POST', PATH, { body: WANTED })), [409, 'partners.key-limit'])
      await owner.call('DELETE', `${PATH}/${first?.id}`)
      assert.equal((await owner.call('POST', PATH, { body: { ...WANTED, expiresAt: new Date(nowMs + 60_000).toISOString() } })).status, 201)
      assert.deepEqual(errorOf(await owner.call('POST', PATH, { body: WANTED })), [409, 'partners.key-limit'])
      nowMs += 60_000
      assert.equal((await owner.call('POST', PATH, { body: WANTED })).status, 201)
      assert.equal((await owner.call('POST', `${PATH}/${second?.id}/rotate`, { body: { overlapSeconds: 60 } })).status, 201)
      assert.deepEqual(errorOf(await owner.call('POST', PATH, { body: WANTED })), [409, 'partners.key-limit'])
    })

    it('work twice over while they are rotated, and no more', async () => {
      const { owner } = await newPartner(system)
      let keys = (await fill(owner)).map(({ id }) => id)
      const rotateAll = () =>
        Promise.all(keys.map((id) => owner.call('POST', `${PATH}/${id}/rotate`, { body: { overlapSeconds: 604_800 } })))
      keys = (await rotateAll()).map(({ status, body }) => (assert.equal(status, 201), String(body['id'])))
      for (const answer of await rotateAll()) assert.deepEqual(errorOf(answer), [409, 'partners.key-limit'])
      for (const id of keys) await owner.call('DELETE', `${PATH}/${id}`)
      assert.deepEqual((await owner.call('POST', PATH, { body: WANTED })).status, 201)
    })
  })

  it('are exchanged for nobody but the gateway', async () => {
    const refused = await callAs(system, 'core-service', 'POST', '/internal/gateway/api-keys', { key: newApiKey('test').text })
    assert.deepEqual(errorOf(refused), [403, 'auth.caller-not-allowed'])
    const bare = await fetch(`${system.innerUrl}/internal/gateway/api-keys`, { method: 'POST' })
    assert.equal(bare.status, 403)
    const invalid = await callAs(system, 'api-gateway', 'POST', '/internal/gateway/api-keys', { key: 'x'.repeat(201) })
    assert.deepEqual(errorOf(invalid), [400, 'request.invalid'])
  })

  it('cannot be exchanged while the database is away, which is not a refusal', async () => {
    const { owner } = await newPartner(system)
    const { key } = await make(owner)
    system.postgres.cut()
    const answer = await callAs(system, 'api-gateway', 'POST', '/internal/gateway/api-keys', { key })
    system.postgres.restore()
    assert.deepEqual(errorOf(answer), [503, 'service.unavailable'])
  })
})
