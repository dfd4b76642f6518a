import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { newId, type PartnerId, type UsageReport } from '@catamaran/contracts'
import { callAs, errorOf, newMember, newPartner, type Answer, type Person } from './partner.js'
import { startAuth, type AuthSystem } from './system.js'

type Entry = UsageReport['entries'][number]

describe('usage', () => {
  let system: AuthSystem
  before(async () => {
    system = await startAuth('usage')
  })
  after(() => system.close())

  const PATH = '/v1/partner/usage'
  const today = new Date().toISOString().slice(0, 10)
  const items = ({ body }: Answer) => body['items'] as Record<string, unknown>[]
  const entry = (partnerId: PartnerId, more: Partial<Entry> = {}): Entry => ({
    ...{
      partnerId,
      clientId: newId('apiKey'),
      day: today,
      route: 'GET /v1/products',
      requests: 1,
      errors: 0,
      lastAt: new Date().toISOString(),
    },
    ...more,
  })
  const report = (entries: Entry[], reportId: string = randomUUID()) =>
    callAs(system, 'api-gateway', 'POST', '/internal/gateway/usage', { reportId, entries })
  const usageOf = async ({ call }: Person, query = '') => items(await call('GET', `${PATH}?${query}`))

  it('is added up by key, day and route', async () => {
    const { partnerId, owner } = await newPartner(system)
    const [a, b] = [newId('apiKey'), newId('client')]
    const first = [
      entry(partnerId, { clientId: a, requests: 3, errors: 1 }),
      entry(partnerId, { clientId: a, requests: 2 }),
      entry(partnerId, { clientId: b, day: '2026-01-31', route: 'other' }),
    ]
    assert.equal((await report(first)).status, 204)
    assert.equal((await report([entry(partnerId, { clientId: a, requests: 10, errors: 4 })])).status, 204)
    const route = 'GET /v1/products'
    assert.deepEqual(await usageOf(owner), [{ clientId: a, day: today, route, requests: 15, errors: 5 }])
    assert.deepEqual(await usageOf(owner, 'from=2026-01-31&to=2026-01-31'), [
      { clientId: b, day: '2026-01-31', route: 'other', requests: 1, errors: 0 },
    ])
  })

  it('of a report that comes twice counts once, also when it comes twice at once', async () => {
    const { partnerId, owner } = await newPartner(system)
    const reportId = randomUUID()
    const answers = await Promise.all([1, 2, 3].map(() => report([entry(partnerId, { requests: 7 })], reportId)))
    answers.push(await report([entry(partnerId, { requests: 7 })], reportId))
    assert.deepEqual(
      answers.map(({ status }) => status),
      [204, 204, 204, 204],
    )
    assert.deepEqual(await usageOf(owner, 'groupBy=day'), [{ day: today, requests: 7, errors: 0 }])
  })

  it('of unknown partners is left out, and the rest counts', async () => {
    const { partnerId, owner } = await newPartner(system)
    assert.equal((await report([entry(newId('partner')), entry(partnerId)])).status, 204)
    assert.deepEqual(await usageOf(owner, 'groupBy=day'), [{ day: today, requests: 1, errors: 0 }])
  })

  it('is told apart as asked, for one key or all', async () => {
    const { partnerId, owner } = await newPartner(system)
    const [a, b] = ['a', 'b']
    await report([
      entry(partnerId, { clientId: a, day: '2026-02-01', route: 'x', requests: 1 }),
      entry(partnerId, { clientId: a, day: '2026-02-02', route: 'y', requests: 2 }),
      entry(partnerId, { clientId: b, day: '2026-02-02', route: 'x', requests: 4, errors: 3 }),
    ])
    const range = 'from=2026-02-01&to=2026-02-28'
    assert.deepEqual(await usageOf(owner, `${range}&groupBy=client`), [
      { clientId: a, requests: 3, errors: 0 },
      { clientId: b, requests: 4, errors: 3 },
    ])
    assert.deepEqual(await usageOf(owner, `${range}&groupBy=route,day`), [
      { day: '2026-02-01', route: 'x', requests: 1, errors: 0 },
      { day: '2026-02-02', route: 'x', requests: 4, errors: 3 },
      { day: '2026-02-02', route: 'y', requests: 2, errors: 0 },
    ])
    assert.deepEqual(await usageOf(owner, `${range}&groupBy=route&clientId=${a}`), [
      { route: 'x', requests: 1, errors: 0 },
      { route: 'y', requests: 2, errors: 0 },
    ])
  })

  it('is read page by page without a gap', async () => {
    const { partnerId, owner } = await newPartner(system)
    await report(Array.from({ length: 7 }, (_, n) => entry(partnerId, { clientId: `c${n % 2}`, route: `GET /${n}` })))
    const seen = []
    let cursor = ''
    for (let page = 0; page < 3; page++) {
      const answer = await owner.call('GET', `${PATH}?limit=3${cursor}`)
      seen.push(...items(answer))
      cursor = `&cursor=${String(answer.body['nextCursor'])}`
      assert.equal(answer.body['nextCursor'] === null, page === 2)
    }
    assert.deepEqual(seen, await usageOf(owner, 'limit=100'))
    assert.equal(seen.length, 7)
  })

  it('refuses days that are none, backwards or too many, groups that are none, and a cursor that is not ours', async () => {
    const { owner } = await newPartner(system)
    const queries = [
      'from=2026-02-30',
      'to=today',
      'from=2026-02-02&to=2026-02-01',
      'from=2024-01-01&to=2026-01-01',
      'groupBy=hour',
      'groupBy=day,day',
    ]
    for (const query of queries) assert.deepEqual(errorOf(await owner.call('GET', `${PATH}?${query}`)), [400, 'request.invalid'], query)
    for (const cursor of ['x', Buffer.from('["a"]').toString('base64url')])
      assert.deepEqual(errorOf(await owner.call('GET', `${PATH}?cursor=${cursor}`)), [400, 'request.invalid-cursor'])
  })

  it('is seen by viewers of the partner, and by nobody else', async () => {
    const [{ partnerId }, other] = [await newPartner(system), await newPartner(system)]
    const viewer = await newMember(system, partnerId, 'viewer')
    await report([entry(partnerId)])
    assert.equal((await usageOf(viewer)).length, 1)
    assert.deepEqual(await usageOf(other.owner), [])
    assert.deepEqual(errorOf(await other.owner.call('GET', PATH, { partner: partnerId })), [404, 'partners.not-found'])
  })

  it('moves forward when a key or client of the partner was last used, never back and never past now', async () => {
    const [{ partnerId, owner }, other] = [await newPartner(system), await newPartner(system)]
    const scopes = ['orders']
    const key = String((await owner.call('POST', '/v1/partner/api-keys', { body: { name: 'k', scopes } })).body['id'])
    const made = await owner.call('POST', '/v1/partner/clients', { body: { name: 'c', scopes, authMethod: 'client_secret' } })
    const client = String(made.body['id'])
    const lastUsed = async () => [
      (await owner.call('GET', `/v1/partner/api-keys/${key}`)).body['lastUsedAt'],
      (await owner.call('GET', `/v1/partner/clients/${client}`)).body['lastUsedAt'],
    ]
    const use = (by: PartnerId, at: string) => report([key, client].map((clientId) => entry(by, { clientId, lastAt: at })))
    const at = '2026-03-01T12:00:00.000Z'
    await use(partnerId, at)
    assert.deepEqual(await lastUsed(), [at, at])
    await use(partnerId, '2026-02-01T12:00:00.000Z')
    await use(other.partnerId, '2026-04-01T12:00:00.000Z')
    assert.deepEqual(await lastUsed(), [at, at])
    await use(partnerId, '2999-01-01T00:00:00.000Z')
    for (const time of await lastUsed()) assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 60_000, String(time))
  })

  it('is reported by nobody but the gateway, and in the agreed form', async () => {
    const { partnerId } = await newPartner(system)
    const body = { reportId: randomUUID(), entries: [entry(partnerId)] }
    assert.deepEqual(errorOf(await callAs(system, 'core-service', 'POST', '/internal/gateway/usage', body)), [
      403,
      'auth.caller-not-allowed',
    ])
    for (const bad of [
      { ...body, entries: [] },
      { ...body, reportId: 'x' },
      { ...body, entries: [{ ...entry(partnerId), requests: 0 }] },
    ])
      assert.deepEqual(errorOf(await callAs(system, 'api-gateway', 'POST', '/internal/gateway/usage', bad)), [400, 'request.invalid'])
  })
})
