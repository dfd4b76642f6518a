import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { uuidOf } from '@catamaran/contracts'
import { atOnce, errorOf, newPartner, newPerson, type Answer, type Call } from './partner.js'
import { startAuth, type AuthSystem } from './system.js'

let system: AuthSystem

before(async () => {
  system = await startAuth('idempotency')
})
after(() => system.close())

const isReplayed = ({ headers }: Answer): boolean => headers.get('idempotency-replayed') === 'true'
const twice = async (call: Call, path: string, body: unknown, idempotencyKey: string): Promise<[Answer, Answer]> => [
  await call('POST', path, { body, idempotencyKey }),
  await call('POST', path, { body, idempotencyKey }),
]
const records = async (): Promise<string> =>
  JSON.stringify((await system.database.query('select record::text from idempotency_record record')).rows)

describe('an Idempotency-Key', () => {
  it('makes one partner, answers a retry the same, and refuses another name', async () => {
    const { call } = await newPerson(system)
    const [first, again] = await twice(call, '/v1/partners', { name: 'Once' }, 'one')
    assert.deepEqual([first.status, again.status, isReplayed(first), isReplayed(again)], [201, 201, false, true])
    assert.deepEqual(again.body, first.body)
    assert.equal(((await call('GET', '/v1/partners')).body['items'] as unknown[]).length, 1)
    const other = await call('POST', '/v1/partners', { body: { name: 'Other' }, idempotencyKey: 'one' })
    assert.deepEqual(errorOf(other), [422, 'request.idempotency-key-reused'])
  })

  it('of somebody else is another one', async () => {
    const [one, other] = [await newPerson(system), await newPerson(system)]
    const send = { body: { name: 'Same' }, idempotencyKey: 'common' }
    const [first, second] = [await one.call('POST', '/v1/partners', send), await other.call('POST', '/v1/partners', send)]
    assert.deepEqual([first.status, second.status, isReplayed(second)], [201, 201, false])
    assert.notEqual(first.body['id'], second.body['id'])
  })

  it('makes one API key, also at once, and a replay is the key without its secret, which is nowhere stored', async () => {
    const { owner, partnerId } = await newPartner(system)
    const body = { name: 'Shop', scopes: ['catalogue'] }
    const send = () => owner.call('POST', '/v1/partner/api-keys', { body, idempotencyKey: 'key' })
    const answers = await atOnce(system, 'partner', uuidOf(partnerId), () => [send(), send(), send()])
    const made = answers.filter((answer) => !isReplayed(answer))
    assert.deepEqual([made.length, answers.map(({ status }) => status)], [1, [201, 201, 201]])
    const { key, ...shown } = made[0]?.body ?? {}
    assert.match(String(key), /^cat_test_/)
    for (const { body: replayed } of answers.filter(isReplayed)) assert.deepEqual(replayed, shown)
    assert.ok(!(await records()).includes(String(key)))

    const path = `/v1/partner/api-keys/${String(shown['id'])}/rotate`
    const [rotated, again] = await twice(owner.call, path, { overlapSeconds: 60 }, 'turn')
    assert.deepEqual([rotated.status, again.status, again.body['id'], again.body['key']], [201, 201, rotated.body['id'], undefined])
    assert.ok(!(await records()).includes(String(rotated.body['key'])))
  })

  it('makes one OAuth client, and a replay is without its secret', async () => {
    const { owner } = await newPartner(system)
    const body = { name: 'Till', scopes: ['orders'], authMethod: 'client_secret' }
    const [first, again] = await twice(owner.call, '/v1/partner/clients', body, 'client')
    const { clientSecret, ...shown } = first.body
    assert.deepEqual([first.status, again.status, again.body], [201, 201, shown])
    assert.ok(typeof clientSecret === 'string' && !(await records()).includes(clientSecret))
  })

  it('sends one invitation, whose address no record holds, and says so when it is withdrawn', async () => {
    const { owner } = await newPartner(system)
    const body = { email: 'first.mate@example.com', role: 'viewer' }
    const [first, again] = await twice(owner.call, '/v1/partner/invitations', body, 'invite')
    assert.deepEqual([first.status, again.status, isReplayed(again)], [201, 201, true])
    assert.deepEqual(again.body, first.body)
    assert.ok(!(await records()).includes(body.email))
    await owner.call('DELETE', `/v1/partner/invitations/${String(first.body['id'])}`)
    const late = await owner.call('POST', '/v1/partner/invitations', { body, idempotencyKey: 'invite' })
    assert.deepEqual(errorOf(late), [404, 'partners.invitation-not-found'])
  })

  it('asks for one copy of my data, also when it was gathered in between', async () => {
    const { call } = await newPerson(system, undefined, { scope: 'account:read' })
    const send = { idempotencyKey: 'copy' }
    const first = await call('POST', '/v1/me/export', send)
    await system.database.query("update person_export set ready_at = now(), content = ''")
    const again = await call('POST', '/v1/me/export', send)
    assert.deepEqual([first.status, again.status, isReplayed(again)], [202, 202, true])
    assert.deepEqual([again.body, again.headers.get('location')], [first.body, first.headers.get('location')])
  })

  it('whose request failed is free for a retry', async () => {
    const { owner, partnerId } = await newPartner(system, 'pending')
    const send = { body: { name: 'Shop', scopes: ['catalogue'] }, idempotencyKey: 'failed' }
    assert.deepEqual(errorOf(await owner.call('POST', '/v1/partner/api-keys', send)), [409, 'partners.not-active'])
    await system.database.query("update partner set status = 'active' where id = $1", [uuidOf(partnerId)])
    const retried = await owner.call('POST', '/v1/partner/api-keys', send)
    assert.deepEqual([retried.status, isReplayed(retried)], [201, false])
  })
})
