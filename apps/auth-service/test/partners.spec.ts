import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ACR, newId, uuidOf, type PartnerId } from '@catamaran/contracts'
import {
  atOnce,
  callerOf,
  errorOf,
  mintToken,
  newMember,
  newOperator,
  newPartner,
  newPerson,
  revocationsOf,
  type Person,
} from './partner.js'
import { startAuth, type AuthSystem } from './system.js'

describe('partners', () => {
  let system: AuthSystem
  before(async () => {
    system = await startAuth('partners')
  })
  after(() => system.close())

  const items = (body: Record<string, unknown>) => body['items'] as Record<string, unknown>[]

  it('are pending when somebody makes one, who owns it then', async () => {
    const { call } = await newPerson(system)
    const made = await call('POST', '/v1/partners', { body: { name: '  Sailcloth & Sons ' } })
    assert.equal(made.status, 201)
    const { id, createdAt, ...rest } = made.body
    assert.match(String(id), /^ptr_/)
    assert.ok(Math.abs(Date.parse(String(createdAt)) - Date.now()) < 60_000)
    assert.deepEqual(rest, { name: 'Sailcloth & Sons', status: 'pending', plan: 'starter', reason: null, decidedAt: null })
    assert.deepEqual(items((await call('GET', '/v1/partners')).body), [{ ...made.body, role: 'owner' }])
    assert.deepEqual((await call('GET', '/v1/partner')).body, made.body)
  })

  it('refuse a name that is empty, too long, hides something or comes with more', async () => {
    const { call } = await newPerson(system)
    for (const body of [
      {},
      { name: ' ' },
      { name: 'x'.repeat(201) },
      { name: 'a\nb' },
      { name: 'a\u202eb' },
      { name: 'a', status: 'active' },
    ])
      assert.deepEqual(errorOf(await call('POST', '/v1/partners', { body })), [400, 'request.invalid'], JSON.stringify(body))
  })

  it('wait three at a time for one person, however many are asked for at once', async () => {
    const { id, call } = await newPerson(system)
    const make5 = () => [1, 2, 3, 4, 5].map((n) => call('POST', '/v1/partners', { body: { name: `Number ${n}` } }))
    const answers = await atOnce(system, 'user_account', uuidOf(id), make5)
    const codes = answers.map(({ status, body }) => (status === 201 ? 'made' : String(body['code'])))
    assert.deepEqual(codes.toSorted(), ['made', 'made', 'made', 'partners.pending-limit', 'partners.pending-limit'])
  })

  it('are listed page by page', async () => {
    const { call } = await newPerson(system)
    for (const name of ['One', 'Two', 'Three']) await call('POST', '/v1/partners', { body: { name } })
    const first = (await call('GET', '/v1/partners?limit=2')).body
    const second = (await call('GET', `/v1/partners?limit=2&cursor=${String(first['nextCursor'])}`)).body
    assert.deepEqual(
      [...items(first), ...items(second)].map(({ name }) => name),
      ['One', 'Two', 'Three'],
    )
    assert.equal(second['nextCursor'], null)
    assert.deepEqual(errorOf(await call('GET', '/v1/partners?cursor=bm9uZQ')), [400, 'request.invalid-cursor'])
  })

  it('are renamed by an owner', async () => {
    const { owner } = await newPartner(system)
    const changed = await owner.call('PATCH', '/v1/partner', { body: { name: 'Spinnaker' } })
    assert.deepEqual([changed.status, changed.body['name']], [200, 'Spinnaker'])
    assert.equal((await owner.call('GET', '/v1/partner')).body['name'], 'Spinnaker')
  })

  it('are named by the header where somebody is a member of several, and only there they must be', async () => {
    const [a, b] = [await newPartner(system), await newPartner(system)]
    const both = await newMember(system, a.partnerId, 'viewer')
    assert.equal((await both.call('GET', '/v1/partner')).body['id'], a.partnerId)
    await system.database.query(
      `insert into partner_member (partner_id, user_id, role) select id, $2, 'viewer' from partner where id = $1`,
      [...[uuidOf(b.partnerId), uuidOf(both.id)]],
    )
    assert.deepEqual(errorOf(await both.call('GET', '/v1/partner')), [400, 'partners.ambiguous'])
    for (const { partnerId } of [a, b]) assert.equal((await both.call('GET', '/v1/partner', { partner: partnerId })).body['id'], partnerId)
  })

  it('are the same to a stranger whether they exist or not', async () => {
    const { partnerId } = await newPartner(system)
    const stranger = await newPerson(system)
    for (const partner of [partnerId, newId('partner'), 'ptr_nonsense', 'usr_nonsense', '', undefined]) {
      const answer = await stranger.call('GET', '/v1/partner', partner === undefined ? {} : { partner })
      assert.deepEqual(errorOf(answer), [404, 'partners.not-found'], partner)
    }
  })

  it('ask each route for its role', async () => {
    const { partnerId } = await newPartner(system)
    const [viewer, developer] = [await newMember(system, partnerId, 'viewer'), await newMember(system, partnerId, 'developer')]
    const routes: [Person, string, string][] = [
      [viewer, 'POST', '/v1/partner/api-keys'],
      [viewer, 'POST', `/v1/partner/api-keys/${newId('apiKey')}/rotate`],
      [viewer, 'DELETE', `/v1/partner/api-keys/${newId('apiKey')}`],
      [viewer, 'POST', '/v1/partner/clients'],
      [viewer, 'DELETE', '/v1/partner/clients/cli_x'],
      [developer, 'PATCH', '/v1/partner'],
      [developer, 'GET', '/v1/partner/invitations'],
      [developer, 'POST', '/v1/partner/invitations'],
      [developer, 'DELETE', `/v1/partner/invitations/${newId('invitation')}`],
      [developer, 'PATCH', `/v1/partner/members/${viewer.id}`],
      [developer, 'DELETE', `/v1/partner/members/${viewer.id}`],
    ]
    for (const [person, method, path] of routes)
      assert.deepEqual(errorOf(await person.call(method, path)), [403, 'auth.role-missing'], `${method} ${path}`)
  })

  it('are read by their own keys and clients as a viewer, while they are active', async () => {
    const { partnerId, owner } = await newPartner(system)
    const other = await newPartner(system)
    const call = callerOf(system, await mintToken(system, { sub: partnerId, scope: 'partner:read', clientId: newId('apiKey') }))
    assert.equal((await call('GET', '/v1/partner')).body['id'], partnerId)
    assert.equal((await call('GET', '/v1/partner', { partner: partnerId })).status, 200)
    assert.deepEqual(errorOf(await call('GET', '/v1/partner', { partner: other.partnerId })), [404, 'partners.not-found'])
    assert.deepEqual(
      items((await call('GET', '/v1/partners')).body).map(({ id, role }) => [id, role]),
      [[partnerId, 'viewer']],
    )
    assert.deepEqual(errorOf(await call('PATCH', '/v1/partner', { body: { name: 'x' } })), [403, 'auth.scope-missing'])
    assert.deepEqual(errorOf(await call('GET', '/v1/partner/invitations')), [403, 'auth.role-missing'])
    await system.database.query("update partner set status = 'suspended' where id = $1", [uuidOf(partnerId)])
    assert.deepEqual(errorOf(await call('GET', '/v1/partner')), [401, 'auth.token-revoked'])
    assert.equal((await owner.call('GET', '/v1/partner')).body['status'], 'suspended')
  })

  describe('members', () => {
    it('are listed, given other roles, and removed by an owner', async () => {
      const { partnerId, owner } = await newPartner(system)
      const viewer = await newMember(system, partnerId, 'viewer')
      const listed = items((await viewer.call('GET', '/v1/partner/members')).body)
      assert.deepEqual(
        new Set(listed.map(({ userId, email, role }) => [userId, email, role].join())),
        new Set([[owner.id, owner.email, 'owner'].join(), [viewer.id, viewer.email, 'viewer'].join()]),
      )
      const changed = await owner.call('PATCH', `/v1/partner/members/${viewer.id}`, { body: { role: 'owner' } })
      assert.deepEqual([changed.status, changed.body['role']], [200, 'owner'])
      assert.equal((await viewer.call('PATCH', '/v1/partner', { body: { name: 'Mine' } })).status, 200)
      assert.equal((await owner.call('DELETE', `/v1/partner/members/${viewer.id}`)).status, 204)
      assert.deepEqual(errorOf(await viewer.call('GET', '/v1/partner')), [404, 'partners.not-found'])
    })

    it('are not found where they belong to another partner', async () => {
      const [{ owner }, other] = [await newPartner(system), await newPartner(system)]
      for (const userId of [other.owner.id, newId('user')]) {
        const change = await owner.call('PATCH', `/v1/partner/members/${userId}`, { body: { role: 'viewer' } })
        assert.deepEqual(errorOf(change), [404, 'partners.member-not-found'])
        assert.deepEqual(errorOf(await owner.call('DELETE', `/v1/partner/members/${userId}`)), [404, 'partners.member-not-found'])
      }
      const badRole = await owner.call('PATCH', `/v1/partner/members/${owner.id}`, { body: { role: 'admin' } })
      assert.deepEqual(errorOf(badRole), [400, 'request.invalid'])
    })

    it('leave by themselves, except the last owner', async () => {
      const { partnerId, owner } = await newPartner(system)
      const viewer = await newMember(system, partnerId, 'viewer')
      assert.equal((await viewer.call('DELETE', '/v1/partner/members/me')).status, 204)
      assert.deepEqual(errorOf(await viewer.call('GET', '/v1/partner')), [404, 'partners.not-found'])
      const demote = await owner.call('PATCH', `/v1/partner/members/${owner.id}`, { body: { role: 'developer' } })
      assert.deepEqual(errorOf(demote), [409, 'identity.sole-owner'])
      for (const whom of ['me', owner.id])
        assert.deepEqual(errorOf(await owner.call('DELETE', `/v1/partner/members/${whom}`)), [409, 'identity.sole-owner'])
    })

    it('always include an owner, also when two owners leave at once', async () => {
      const { partnerId, owner } = await newPartner(system)
      const second = await newMember(system, partnerId, 'owner')
      const leave = () => [owner, second].map(({ call }) => call('DELETE', '/v1/partner/members/me'))
      const answers = await atOnce(system, 'partner', uuidOf(partnerId), leave)
      assert.deepEqual(
        answers.map(({ status }) => status).toSorted((a, b) => a - b),
        [204, 409],
      )
    })
  })

  describe('plans', () => {
    it('are told to anybody, the smallest first', async () => {
      const answer = await fetch(`${system.publicUrl}/v1/plans`)
      const { items: plans } = (await answer.json()) as { items: { id: string; maxApiKeys: number }[] }
      assert.deepEqual(
        plans.map(({ id, maxApiKeys }) => [id, maxApiKeys]),
        [
          ['starter', 5],
          ['growth', 20],
          ['scale', 100],
        ],
      )
    })
  })

  describe('approval', () => {
    const reason = 'We could not find this company.'

    it('activates a pending partner and tells its owners', async () => {
      const { partnerId, owner } = await newPartner(system, 'pending')
      const { call } = await newOperator(system)
      const approved = await call('POST', `/v1/ops/partners/${partnerId}/approve`)
      assert.deepEqual([approved.status, approved.body['status'], approved.body['owners']], [200, 'active', [owner.email]])
      assert.match((await system.mailbox.next(owner.email)).text, /Sailcloth & Sons.* was approved/)
      assert.equal((await call('GET', `/v1/ops/partners/${partnerId}`)).body['status'], 'active')
    })

    it('rejects with a reason, which the owners are told', async () => {
      const { partnerId, owner } = await newPartner(system, 'pending')
      const { call } = await newOperator(system)
      assert.deepEqual(errorOf(await call('POST', `/v1/ops/partners/${partnerId}/reject`, { body: {} })), [400, 'request.invalid'])
      const rejected = await call('POST', `/v1/ops/partners/${partnerId}/reject`, { body: { reason } })
      assert.deepEqual([rejected.status, rejected.body['status'], rejected.body['reason']], [200, 'rejected', reason])
      assert.ok((await system.mailbox.next(owner.email)).text.includes(reason))
      assert.equal((await owner.call('GET', '/v1/partner')).body['reason'], reason)
    })

    it('suspends an active partner, ends what it was given, and can take it back', async () => {
      const { partnerId, owner } = await newPartner(system)
      const { call } = await newOperator(system)
      const suspended = await call('POST', `/v1/ops/partners/${partnerId}/suspend`, { body: { reason } })
      assert.deepEqual([suspended.status, suspended.body['status']], [200, 'suspended'])
      assert.deepEqual(await revocationsOf(system, partnerId), ['partner'])
      assert.ok((await system.mailbox.next(owner.email)).text.includes(reason))
      const back = await call('POST', `/v1/ops/partners/${partnerId}/approve`)
      assert.deepEqual([back.body['status'], back.body['reason']], ['active', null])
    })

    it('tells in events of every name and status that an approved partner has, with a rising version, and of no other partner', async () => {
      const { partnerId, owner } = await newPartner(system, 'pending')
      const { call } = await newOperator(system)
      const rename = async (name: string) => assert.equal((await owner.call('PATCH', '/v1/partner', { body: { name } })).status, 200)
      await rename('Not yet')
      await call('POST', `/v1/ops/partners/${partnerId}/reject`, { body: { reason } })
      await call('POST', `/v1/ops/partners/${partnerId}/approve`)
      await rename('Spinnaker')
      await call('POST', `/v1/ops/partners/${partnerId}/suspend`, { body: { reason } })
      assert.equal((await call('POST', `/v1/ops/partners/${partnerId}/suspend`, { body: { reason } })).status, 409)
      const { rows } = await system.database.query<{ data: string; type: string; sequence: string }>(
        'select type, sequence::int, data from outbox where subject = $1 order by seq',
        [uuidOf(partnerId)],
      )
      assert.deepEqual(
        rows.map(({ type, sequence, data }) => [type, sequence, JSON.parse(data)]),
        [
          ['Not yet', 'active', 4],
          ['Spinnaker', 'active', 5],
          ['Spinnaker', 'suspended', 6],
        ].map(([name, status, version]) => ['identity.partner.changed.v1', version, { partnerId, name, status }]),
      )
    })

    it('refuses what the status does not allow, also to one of two at once', async () => {
      const { call } = await newOperator(system)
      const refused = [
        ['active', 'approve'],
        ['active', 'reject'],
        ['pending', 'suspend'],
        ['rejected', 'reject'],
        ['rejected', 'suspend'],
        ['suspended', 'reject'],
        ['suspended', 'suspend'],
      ] as const
      for (const [status, decision] of refused) {
        const { partnerId } = await newPartner(system, status)
        const answer = await call('POST', `/v1/ops/partners/${partnerId}/${decision}`, { body: { reason } })
        assert.deepEqual(errorOf(answer), [409, 'partners.wrong-status'], `${decision} ${status}`)
      }
      const { partnerId } = await newPartner(system, 'pending')
      const [approved, rejected] = await atOnce(system, 'partner', uuidOf(partnerId), () => [
        call('POST', `/v1/ops/partners/${partnerId}/approve`),
        call('POST', `/v1/ops/partners/${partnerId}/reject`, { body: { reason } }),
      ])
      // Rejected first, it can still be approved; approved first, it can't be rejected.
      assert.equal(approved?.status, 200)
      assert.ok(rejected?.status === 200 || rejected?.status === 409, String(rejected?.status))
      assert.equal((await call('GET', `/v1/ops/partners/${partnerId}`)).body['status'], 'active')
    })

    it('finds what waits, the oldest first, page by page', async () => {
      await system.database.query("update partner set status = 'active' where status = 'pending'")
      const { call } = await newOperator(system)
      const ids: PartnerId[] = []
      for (let n = 0; n < 3; n++) ids.push((await newPartner(system, 'pending')).partnerId)
      const first = (await call('GET', '/v1/ops/partners?status=pending&limit=2')).body
      const second = (await call('GET', `/v1/ops/partners?status=pending&limit=2&cursor=${String(first['nextCursor'])}`)).body
      assert.deepEqual(
        [...items(first), ...items(second)].map(({ id }) => id),
        ids,
      )
      assert.deepEqual(errorOf(await call('GET', '/v1/ops/partners?status=odd')), [400, 'request.invalid'])
      assert.ok(items((await call('GET', '/v1/ops/partners')).body).some(({ status }) => status !== 'pending'))
    })

    it('puts a partner on another plan, if there is such a plan', async () => {
      const { partnerId } = await newPartner(system)
      const { call } = await newOperator(system)
      const path = `/v1/ops/partners/${partnerId}/plan`
      assert.deepEqual((await call('PUT', path, { body: { plan: 'growth' } })).body['plan'], 'growth')
      assert.deepEqual(errorOf(await call('PUT', path, { body: { plan: 'endless' } })), [422, 'partners.plan-not-found'])
    })

    it('is for operators with two factors', async () => {
      const { partnerId, owner } = await newPartner(system, 'pending')
      const oneFactor = await newPerson(system, undefined, { scope: 'ops', acr: ACR.single })
      const routes = [
        ['GET', ''],
        ['GET', `/${partnerId}`],
        ['POST', `/${partnerId}/approve`],
        ['POST', `/${partnerId}/reject`],
        ['POST', `/${partnerId}/suspend`],
        ['PUT', `/${partnerId}/plan`],
      ] as const
      const operator = await newOperator(system)
      for (const [method, path] of routes) {
        assert.deepEqual(errorOf(await owner.call(method, `/v1/ops/partners${path}`)), [403, 'auth.scope-missing'], path)
        assert.deepEqual(errorOf(await oneFactor.call(method, `/v1/ops/partners${path}`)), [401, 'auth.step-up-needed'], path)
        if (path === '') continue
        const body = path.endsWith('plan') ? { plan: 'growth' } : { reason }
        const unknown = await operator.call(
          method,
          `/v1/ops/partners${path.replace(partnerId, newId('partner'))}`,
          method === 'GET' ? {} : { body },
        )
        assert.deepEqual(errorOf(unknown), [404, 'partners.not-found'], path)
      }
    })
  })
})
