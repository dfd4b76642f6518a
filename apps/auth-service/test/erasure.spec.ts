import assert from 'node:assert/strict'
import { ScanCommand } from '@aws-sdk/lib-dynamodb'
import { after, before, describe, it } from 'node:test'
import { idOf, newId, uuidOf, type UserId } from '@catamaran/contracts'
import { Database, Dynamo } from '@catamaran/data'
import { createTopics, Outbox } from '@catamaran/messaging'
import { readConfig, type Service } from '@catamaran/platform'
import { OutageProxy, residueIn, until } from '@catamaran/testing'
import * as oidc from 'openid-client'
import { createApp } from '../src/app.js'
import { schema } from '../src/config.js'
import { ARTIFACTS } from '../src/oidc/artifacts.repository.js'
import { Browser } from './browser.js'
import { authorisation, isOAuthError, openSignIn, PASSWORD, postJson, register, signIn, tokenOf } from './journey.js'
import { prepareAuth, type Surroundings } from './system.js'

const SCOPE = 'openid email offline_access account:read account:write'

describe('closing an account', () => {
  let system: Surroundings
  let service: Service
  let database: Database
  let dynamodb: OutageProxy
  before(async () => {
    system = await prepareAuth('erasure', { ERASURE_SWEEP_MS: '50' })
    dynamodb = await OutageProxy.before(system.scope.engines.dynamodbEndpoint)
    const { brokers, topicPrefix } = system.scope.kafka
    await createTopics(system.scope.kafka, { topics: ['identity', 'erasure'], partitions: 1 })
    const kafka = { KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC_PREFIX: topicPrefix, DYNAMODB_ENDPOINT: dynamodb.url }
    service = await createApp(readConfig(schema, { ...system.environment, ...kafka }))
    system.openTo((await service.listen()).url)
    database = service.app.get(Database)
  })
  after(async () => {
    await service?.close()
    await dynamodb?.close()
    await system?.close()
  })

  const query = async <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
    (await system.database.query<Row>(text, values)).rows

  /** Somebody who has signed in, with what they would hold. */
  const person = async () => {
    const email = await register(system)
    const browser = new Browser(system.publicUrl)
    const { config, url, checks } = await authorisation(system, { scope: SCOPE })
    const tokens = await oidc.authorizationCodeGrant(config, await signIn(browser, url, email), checks)
    return { id: tokens.claims()?.sub as UserId, email, browser, config, tokens }
  }
  type Person = Awaited<ReturnType<typeof person>>
  const close = async ({ tokens }: Person) => {
    const headers = { authorization: `Bearer ${tokens.access_token}` }
    const response = await fetch(`${system.publicUrl}/v1/me`, { method: 'DELETE', headers })
    return { status: response.status, body: (await response.json()) as { status: string; code: string } }
  }
  const partner = async (members: readonly (readonly [Person, string])[], status = 'active'): Promise<string> => {
    const id = uuidOf(newId('partner'))
    await query('insert into partner (id, name, status) values ($1, $2, $3)', [id, 'A partner', status])
    for (const [{ id: user }, role] of members)
      await query('insert into partner_member (partner_id, user_id, role) values ($1, $2, $3)', [id, uuidOf(user), role])
    return id
  }
  const confirmAs = (id: UserId, by: 'core-service' | 'aux-service'): Promise<void> =>
    service.app
      .get(Outbox)
      .insert(database, [{ type: 'erasure.person.erased.v1', subject: id, sequence: 1, data: { userId: id, service: by } }])
  const erasureOf = async (id: UserId) =>
    (
      await query<Record<'core_erased_at' | 'aux_erased_at' | 'finished_at', Date | null>>('select * from erasure where user_id = $1', [
        uuidOf(id),
      ])
    )[0]
  /** The artifacts that name somebody. */
  const artifactsOf = async (id: UserId): Promise<number> => {
    const dynamo = new Dynamo({
      endpoint: system.scope.engines.dynamodbEndpoint,
      region: 'local',
      tablePrefix: system.scope.tablePrefix,
    })
    try {
      const { Items = [] } = await dynamo.send(new ScanCommand({ TableName: dynamo.table(ARTIFACTS), ConsistentRead: true }))
      return Items.filter((item) => JSON.stringify(item).includes(id)).length
    } finally {
      dynamo.onApplicationShutdown()
    }
  }
  const residueOf = async ({ id, email }: Person): Promise<string[]> =>
    residueIn(String(system.environment['DATABASE_URL']), [id, uuidOf(id), email])

  it('ends every way in at once, says so by mail, and leaves the address free for somebody new', async () => {
    const leaver = await person()
    const { url, checks } = await authorisation(system, { scope: SCOPE })
    const code = await signIn(new Browser(system.publicUrl), url, leaver.email)
    const closed = await close(leaver)
    assert.deepEqual([closed.status, closed.body.status], [202, 'erasing'])
    // After the mails of the registration and of the second browser.
    assert.match((await system.mailbox.next(leaver.email, 3)).text, /account is closed/)

    await assert.rejects(oidc.authorizationCodeGrant(leaver.config, code, checks), isOAuthError('invalid_grant'))
    await assert.rejects(oidc.refreshTokenGrant(leaver.config, leaver.tokens.refresh_token ?? ''), isOAuthError('invalid_grant'))
    const browser = new Browser(system.publicUrl)
    const own = await openSignIn(browser, (await authorisation(system)).url)
    assert.equal((await browser.submit(own, { email: leaver.email, password: PASSWORD })).status, 422)
    const again = await leaver.browser.follow(await leaver.browser.go((await authorisation(system)).url.href))
    assert.match(await again.response.text(), /name="password"/)
    const revoked = await query('select from revocation where kind = $1 and subject = $2', ['user', leaver.id])
    assert.equal(revoked.length, 1)

    await postJson(`${system.publicUrl}/v1/users`, { email: leaver.email, password: PASSWORD })
    const token = tokenOf((await system.mailbox.next(leaver.email, 4)).text)
    assert.equal((await postJson(`${system.publicUrl}/v1/users/verify-email`, { token })).status, 204)
    const [heir] = await query<{ id: string }>('select id from user_account where email = $1', [leaver.email])
    assert.ok(heir !== undefined && heir.id !== uuidOf(leaver.id))
  })

  it('takes the credentials, links, exports and memberships with it, and asks nobody twice', async () => {
    const leaver = await person()
    const user = uuidOf(leaver.id)
    await query('insert into totp (user_id, sealed_secret) values ($1, $2)', [user, Buffer.from('sealed')])
    await query('insert into recovery_code (user_id, code_hash) values ($1, $2)', [user, Buffer.from('hash')])
    await query('insert into known_device (user_id, device_hash) values ($1, $2)', [user, Buffer.from('hash')])
    await query("insert into person_export (id, user_id, expires_at) values (gen_random_uuid(), $1, now() + interval '1 day')", [user])
    await query("insert into mail_action (id, kind, user_id, expires_at) values (gen_random_uuid(), 'x', $1, now() + interval '1 day')", [
      user,
    ])
    await query("insert into mail (id, kind, recipient, outcome, finished_at) values (gen_random_uuid(), 'x', $1, 'sent', now())", [
      leaver.email,
    ])
    await postJson(`${system.publicUrl}/v1/users`, { email: leaver.email, password: PASSWORD })
    await system.mailbox.next(leaver.email, 2)
    const first = await close(leaver)
    assert.equal(first.status, 202)
    assert.deepEqual(await close(leaver), first)
    await system.mailbox.next(leaver.email, 3)
    assert.deepEqual(await residueIn(String(system.environment['DATABASE_URL']), [leaver.email]), ['mail'])
    assert.equal((await query("select from mail where kind = 'account_closed' and recipient = $1", [leaver.email])).length, 1)
    const residue = (await residueOf(leaver)).filter((table) => table !== 'outbox')
    assert.deepEqual(residue, ['erasure', 'mail', 'revocation', 'user_account'])
  })

  it('is refused to the only owner of a partner with other members, and suspends a partner of nobody else', async () => {
    const [leaver, other] = [await person(), await person()]
    const shared = await partner([
      [leaver, 'owner'],
      [other, 'developer'],
    ])
    const alone = await partner([[leaver, 'owner']])
    const refused = await close(leaver)
    assert.deepEqual([refused.status, refused.body.code], [409, 'identity.sole-owner'])
    assert.equal(await erasureOf(leaver.id), undefined)
    const statusOf = async (id: string) => (await query<{ status: string }>('select status from partner where id = $1', [id]))[0]?.status
    assert.deepEqual([await statusOf(shared), await statusOf(alone)], ['active', 'active'])

    await query("update partner_member set role = 'owner' where partner_id = $1", [shared])
    assert.equal((await close(leaver)).status, 202)
    assert.deepEqual([await statusOf(shared), await statusOf(alone)], ['active', 'suspended'])
    assert.equal((await query('select from partner_member where user_id = $1', [uuidOf(leaver.id)])).length, 0)
    assert.equal((await query('select from revocation where kind = $1 and subject = $2', ['partner', idOf('partner', alone)])).length, 1)
  })

  it('ends with a tombstone once both other services have confirmed, however often they do', async () => {
    const leaver = await person()
    assert.ok((await artifactsOf(leaver.id)) > 0)
    await close(leaver)
    await system.mailbox.next(leaver.email, 2)
    for (const _time of [1, 2]) await confirmAs(leaver.id, 'core-service')
    await until(async () => (await erasureOf(leaver.id))?.core_erased_at, { deadlineMs: 20_000, message: 'core-service is heard' })
    assert.equal((await erasureOf(leaver.id))?.finished_at, null)
    assert.equal((await query('select from user_account where id = $1', [uuidOf(leaver.id)])).length, 1)
    await query('update revocation set expires_at = now() where subject = $1', [leaver.id])
    await confirmAs(leaver.id, 'aux-service')
    await until(async () => (await erasureOf(leaver.id))?.finished_at, { deadlineMs: 20_000, message: 'the erasure is finished' })
    assert.equal(await artifactsOf(leaver.id), 0)
    await until(async () => (await query('select from outbox')).length === 0, { message: 'all is published' })
    assert.deepEqual(await residueOf(leaver), ['erasure'])
    const again = await close(leaver)
    assert.deepEqual([again.status, again.body.status], [202, 'erased'])
  })

  it('waits for DynamoDB with the last step', async () => {
    const leaver = await person()
    await close(leaver)
    await system.mailbox.next(leaver.email, 2)
    dynamodb.cut()
    for (const by of ['core-service', 'aux-service'] as const) await confirmAs(leaver.id, by)
    await until(async () => (await erasureOf(leaver.id))?.aux_erased_at, { deadlineMs: 20_000, message: 'both are heard' })
    assert.equal((await erasureOf(leaver.id))?.finished_at, null)
    dynamodb.restore()
    await until(async () => (await erasureOf(leaver.id))?.finished_at, { deadlineMs: 20_000, message: 'the erasure is finished' })
    assert.equal(await artifactsOf(leaver.id), 0)
  })

  it('keeps the address until the mail that confirms has gone out', async () => {
    const leaver = await person()
    system.mailbox.refuse = true
    await close(leaver)
    for (const by of ['core-service', 'aux-service'] as const) await confirmAs(leaver.id, by)
    await until(async () => (await erasureOf(leaver.id))?.aux_erased_at, { deadlineMs: 20_000, message: 'both are heard' })
    assert.equal((await erasureOf(leaver.id))?.finished_at, null)
    system.mailbox.refuse = false
    assert.match((await system.mailbox.next(leaver.email, 2)).text, /account is closed/)
    await until(async () => (await erasureOf(leaver.id))?.finished_at, { deadlineMs: 20_000, message: 'the erasure is finished' })
  })
})
