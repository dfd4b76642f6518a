import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ACR, idOf, newId, uuidOf, type DeadLetterDetails, type DeadLetterEntry, type PartnerId } from '@catamaran/contracts'
import { Retention } from '@catamaran/data'
import type { Service } from '@catamaran/platform'
import { until } from '@catamaran/testing'
import { Harness, orderFacts, type Answer } from './harness.js'
import { fulfilmentFacts } from './webhooks.js'

let harness: Harness
let service: Service
let url: string
let operator: string

before(async () => {
  harness = await Harness.create('aux_dead_letters', { DEAD_LETTER_POLL_MS: '50' })
  ;({ service, url } = await harness.start())
  operator = await harness.issuer.token({ scopes: ['ops'], acr: ACR.multi })
})
after(() => harness.close())

const ask = async (method: string, path: string, body?: unknown, token = operator): Promise<Answer> => {
  const response = await fetch(`${url}/internal/ops${path}`, {
    method,
    headers: {
      'x-service-token': await harness.issuer.serviceToken('core-service'),
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  })
  return { status: response.status, body: await response.json() }
}
const letters = async (query = ''): Promise<DeadLetterEntry[]> => (await ask('GET', `/dead-letters?limit=100${query}`)).body.items
const letter = async (id: string): Promise<DeadLetterDetails> => (await ask('GET', `/dead-letters/${id}`)).body
const replay = (id: string): Promise<Answer> => ask('POST', `/dead-letters/${id}/replay`)

/** A cause that goes away: the group aux.sales, and no other, has nowhere to write. */
const spoil = () => harness.query('alter table product_day rename to product_day_away')
const mend = () => harness.query('alter table product_day_away rename to product_day')

const place = async (partner: PartnerId) => {
  const facts = fulfilmentFacts(partner)
  await harness.publish('orders.fulfilment.created.v1', facts.orderId, 1, facts)
  return facts
}
let offset = 1_000
/** A letter as a process of the group aux.sales leaves it, without the wait for its tries. */
const plant = async (partner: PartnerId, says: Record<string, string> = {}) => {
  const facts = fulfilmentFacts(partner)
  const headers = {
    ...{ ce_specversion: '1.0', ce_id: newId('event'), ce_type: 'orders.fulfilment.created.v1', ce_source: '/core-service' },
    ...{ ce_subject: facts.orderId, ce_time: '2026-01-01T00:00:00.000Z', ce_sequence: '1', 'content-type': 'application/json' },
    ...{ dead_group: 'aux.sales', dead_code: 'internal', dead_time: new Date().toISOString(), dead_offset: String(offset++), ...says },
  }
  const value = JSON.stringify(facts)
  await harness.produce(facts.orderId, value, headers, { isDead: true })
  return facts
}
/** The newest letter about an order that was not replayed. */
const letterOf = (orderId: string) =>
  until(async () => (await letters()).find(({ subject }) => subject === orderId), { message: `a letter about ${orderId}` })
const isReplayed = (id: string) => until(async () => (await letter(id)).status === 'replayed', { message: `${id} is replayed` })
const auditedTimes = async (orderId: string) =>
  (await harness.chains()).flat().flatMap(({ events }) => events.filter(({ subject }) => subject === orderId)).length

test('a poisoned event becomes a letter, and replayed twice at once after the cause is gone it has its effect once, for its group alone', async () => {
  await spoil()
  const partner = newId('partner')
  const facts = await place(partner)
  const found = await letterOf(facts.orderId)
  await mend()
  const { id, reason } = found
  assert.deepEqual(found, {
    ...found,
    ...{ status: 'dead', group: 'aux.sales', topic: 'orders', code: 'internal', attempts: 5, type: 'orders.fulfilment.created.v1' },
    ...{ subject: facts.orderId, replayOf: null, replayedAt: null, failedAgainAs: null },
  })
  assert.match(reason, /product_day/)
  assert.deepEqual(await harness.salesOf(partner), [])
  const details = await letter(id)
  assert.deepEqual(details.payload, facts)
  assert.ok(Object.keys(details.headers).every((name) => /^(ce_\w+|content-type|traceparent)$/.test(name)))
  const [one, two] = await Promise.all([replay(id), replay(id)])
  assert.deepEqual([one.status, two.status], [202, 202])
  await isReplayed(id)
  await harness.settled()
  assert.deepEqual(await harness.salesOf(partner), [[3, 300, 0, 0, 0, 0]])
  assert.equal(await auditedTimes(facts.orderId), 1)
  assert.equal((await replay(id)).body.status, 'replayed')
})

test('a filter replays what it means, all replays the rest, each letter once, and the list has the same filters and pages', async () => {
  const partners = [newId('partner'), newId('partner'), newId('partner')]
  for (const partner of partners) await letterOf((await plant(partner)).orderId)
  await harness.produce('key', 'no json', { ce_specversion: '1.0', ce_type: 'orders.order.placed.v1' })
  await until(async () => (await letters('&code=message.malformed')).length === 5, { message: 'each group gave the malformed one up' })
  const [malformed] = await letters('&code=message.malformed&group=aux.sales&topic=orders')
  assert.deepEqual([(await letter(malformed?.id as string)).payload, malformed?.eventId], [null, null])
  const [newest, , oldest] = await letters('&code=internal&group=aux.sales')
  const page = (await ask('GET', '/dead-letters?limit=2&code=internal')).body
  assert.deepEqual([page.items[0].id, page.items.length], [newest?.id, 2])
  const rest = (await ask('GET', `/dead-letters?limit=2&code=internal&cursor=${page.nextCursor}`)).body
  assert.deepEqual([rest.items.map(({ id }: DeadLetterEntry) => id), rest.nextCursor], [[oldest?.id], null])
  assert.deepEqual(await letters(`&to=${oldest?.deadAt}`), [])
  const filter = { code: 'internal', topic: 'orders', from: oldest?.deadAt }
  const answers = await Promise.all([ask('POST', '/dead-letters/replay', filter), ask('POST', '/dead-letters/replay', filter)])
  assert.deepEqual(
    new Set(answers.map(({ status, body }) => `${status} ${body.hasMore} ${body.replaying}`)),
    new Set(['202 false 0', '202 false 3']),
  )
  await until(async () => (await letters('&code=internal')).length === 0 && (await letters('&status=replaying')).length === 0)
  await harness.settled(['aux.sales'])
  for (const partner of partners) assert.deepEqual(await harness.salesOf(partner), [[3, 300, 0, 0, 0, 0]])
  assert.equal((await ask('POST', '/dead-letters/replay', {})).body.code, 'request.invalid')
  assert.equal((await ask('POST', '/dead-letters/replay', { all: true })).body.replaying, 5)
  await until(async () => (await letters('&code=message.malformed')).filter(({ replayOf }) => replayOf !== null).length === 5)
})

test('what fails again is one new letter, linked to the old one, also when a process died after publishing and it went twice', async () => {
  const partner = newId('partner')
  const first = await letterOf((await plant(partner)).orderId)
  await spoil()
  await replay(first.id)
  const second = await until(async () => (await letters()).find(({ replayOf }) => replayOf === first.id), { message: 'it failed again' })
  await mend()
  await plant(partner, { replay_of: first.id, ce_id: String(first.eventId) })
  await letterOf((await plant(partner)).orderId) // what lay before it is kept too
  assert.equal((await letters('&status=all')).filter(({ replayOf }) => replayOf === first.id).length, 1)
  assert.deepEqual([second.status, second.eventId, (await letter(first.id)).failedAgainAs], ['dead', first.eventId, second.id])
  await replay(first.id)
  assert.equal((await letter(second.id)).status, 'dead')
  await replay(second.id)
  await isReplayed(second.id)
  const diesBeforeMarking = "update dead_letter set status = 'replaying', replayed_at = null, due_at = now() where id = $1"
  await harness.query(diesBeforeMarking, [uuidOf(second.id)])
  await isReplayed(second.id)
  await harness.settled(['aux.sales'])
  assert.deepEqual(await harness.salesOf(partner), [[3, 300, 0, 0, 0, 0]])
})

test('the same letter twice is kept once, and rubbish on a dead-letter topic is kept and keeps nobody waiting', async () => {
  const group = `group-${newId('request')}`
  const headers = {
    dead_group: group,
    dead_code: 'internal',
    dead_partition: '1',
    dead_offset: '7',
    ce_id: 'x'.repeat(5_000),
    secret: 'none',
  }
  await harness.produce('key', 'a', { dead_group: `${group}\0`, dead_offset: '-1', dead_time: 'never', ce_type: 'a\0b' }, { isDead: true })
  for (let time = 0; time < 2; time++) await harness.produce('key', 'b', headers, { isDead: true })
  await harness.produce('key', 'c', { ...headers, dead_offset: '8' }, { isDead: true })
  await until(async () => (await letters(`&group=${group}`)).some(({ offset }) => offset === 8))
  const found = await letters(`&group=${group}`)
  assert.deepEqual(found.map(({ offset, type }) => [type, offset]).slice(0, 2), [
    [null, 8],
    [null, 7],
  ])
  assert.deepEqual([found.length, found[2]?.type], [3, 'ab'])
  assert.equal(JSON.stringify(await letter(found[0]?.id as string)).includes('secret'), false)
})

test('letters that died long ago are forgotten, and no others', async () => {
  const partner = newId('partner')
  const [old, young] = [await plant(partner, { dead_time: '2020-01-01T00:00:00.000Z' }), await plant(partner)]
  const [oldLetter, youngLetter] = [await letterOf(old.orderId), await letterOf(young.orderId)]
  await service.app.get(Retention).round()
  assert.deepEqual([(await ask('GET', `/dead-letters/${oldLetter.id}`)).status, (await letter(youngLetter.id)).status], [404, 'dead'])
})

test('an event that could not be published is seen, and given back twice at once it is published once, with who made the change', async () => {
  const facts = orderFacts()
  const [id, actor] = [newId('event'), newId('apiKey')]
  await harness.query(
    `insert into outbox_dead (seq, id, type, subject, sequence, time, data, actor, reason)
      values (1, $1, 'orders.order.placed.v1', $2, 1, now(), $3, $4, 'too large')`,
    [uuidOf(id), uuidOf(facts.orderId), JSON.stringify({ ...facts, holdExpiresAt: '2026-01-01T00:00:00.000Z' }), actor],
  )
  const state = await ask('GET', '/outbox')
  assert.deepEqual([state.body.service, state.body.isReachable, state.body.unpublishable], ['aux-service', true, 1])
  const { items, nextCursor } = (await ask('GET', '/outbox/unpublishable')).body
  assert.deepEqual(
    [items[0].eventId, items[0].subject, items[0].reason, items.length, nextCursor],
    [id, facts.orderId, 'too large', 1, null],
  )
  assert.equal((await ask('POST', '/outbox/unpublishable/replay', {})).status, 400)
  const body = { eventIds: [id] }
  const answers = await Promise.all([ask('POST', '/outbox/unpublishable/replay', body), ask('POST', '/outbox/unpublishable/replay', body)])
  assert.deepEqual(new Set(answers.map(({ body }) => body.replaying)), new Set([0, 1]))
  await until(async () => (await ask('GET', '/outbox')).body.waiting === 0)
  await harness.settled()
  const notifications = await harness.feedOf(facts.buyerId)
  assert.deepEqual(notifications, [idOf('notification', uuidOf(id))])
  const audited = (await harness.chains()).flat().flatMap(({ events }) => events.filter(({ subject }) => subject === facts.orderId))
  assert.deepEqual(
    audited.map((event) => event.actor),
    [actor],
  )
})

test('only an operator with two factors sees or replays letters, and one that is not there is 404', async () => {
  const other = await harness.issuer.token({ scopes: ['orders', 'notifications:read'], acr: ACR.multi })
  const single = await harness.issuer.token({ scopes: ['ops'], acr: ACR.single })
  const id = newId('deadLetter')
  for (const [method, path, body] of [
    ['GET', '/dead-letters'],
    ['GET', `/dead-letters/${id}`],
    ['POST', `/dead-letters/${id}/replay`],
    ['POST', '/dead-letters/replay', { all: true }],
    ['GET', '/outbox'],
    ['POST', '/outbox/unpublishable/replay', { all: true }],
  ] as const) {
    const answers = [await ask(method, path, body, other), await ask(method, path, body, single)]
    assert.deepEqual(
      answers.map(({ status, body: { code } }) => [status, code]),
      [
        [403, 'auth.scope-missing'],
        [401, 'auth.step-up-needed'],
      ],
    )
  }
  for (const answer of [await letter(id), (await replay(id)).body])
    assert.equal((answer as { code?: string }).code, 'ops.dead-letter-not-found')
})
