import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { idOf, newId, uuidOf, type NotificationPage, type UserId } from '@catamaran/contracts'
import { until } from '@catamaran/testing'
import { Harness, orderFacts } from './harness.js'

const holdExpiresAt = '2026-01-01T00:00:00.000Z'

let harness: Harness
let url: string

before(async () => {
  harness = await Harness.create('aux_people')
  url = (await harness.start()).url
})
after(() => harness.close())

const place = async (buyer: UserId): Promise<void> => {
  const facts = orderFacts(newId('seller'), buyer)
  await harness.publish('orders.order.placed.v1', facts.orderId, 1, { ...facts, holdExpiresAt })
}
const close = (userId: UserId): Promise<void> => harness.publish('identity.user.closed.v1', userId, 2, { userId })
const isErased = async (id: UserId): Promise<boolean> =>
  (await harness.query('select from erased_person where user_id = $1 and erased_at is not null', [uuidOf(id)])).length === 1
const erased = (id: UserId): Promise<boolean> => until(() => isErased(id), { deadlineMs: 20_000, message: 'the person is erased' })
const toldOf = async (id: UserId): Promise<unknown[]> =>
  (await harness.erasures()).filter((data) => (data as { userId: string }).userId === id)

const read = async (id: string, query = '', from: 'core-service' | 'api-gateway' = 'core-service') => {
  const headers = { 'x-service-token': await harness.issuer.serviceToken(from) }
  const response = await fetch(`${url}/internal/people/${id}${query}`, { headers, signal: AbortSignal.timeout(10_000) })
  return { status: response.status, body: (await response.json()) as NotificationPage & { part: string; code: string } }
}

test("a closed account's feed is deleted and nobody else's, which is told once however often the event comes", async () => {
  const [leaver, other] = [newId('user'), newId('user')]
  for (const buyer of [leaver, leaver, other]) await place(buyer)
  await harness.settled()
  assert.equal((await harness.feedOf(leaver)).length, 2)
  await close(leaver)
  await close(leaver)
  await erased(leaver)
  const fence = newId('user')
  await close(fence)
  await erased(fence)
  await harness.settled()
  assert.deepEqual(await harness.feedOf(leaver), [])
  assert.equal((await harness.feedOf(other)).length, 1)
  assert.deepEqual(await toldOf(leaver), [{ userId: leaver, service: 'aux-service' }])
})

test('an event that comes after the erasure brings nothing back', async () => {
  const [leaver, other] = [newId('user'), newId('user')]
  await close(leaver)
  await erased(leaver)
  for (const buyer of [leaver, other]) await place(buyer)
  await harness.settled()
  assert.equal((await harness.feedOf(other)).length, 1)
  assert.deepEqual(await harness.feedOf(leaver), [])
})

test('a feed of many pages goes to its last entry', async () => {
  const leaver = newId('user')
  const entry = {
    userId: leaver,
    type: 'order_placed' as const,
    orderId: newId('order'),
    createdAt: holdExpiresAt,
    expiresAt: 4_000_000_000,
  }
  for (let index = 0; index < 60; index++) await harness.plant({ ...entry, id: newId('notification') })
  await close(leaver)
  await erased(leaver)
  assert.deepEqual(await harness.feedOf(leaver), [])
})

test('DynamoDB gone: the erasure waits, says nothing and goes on by itself', async () => {
  const leaver = newId('user')
  await place(leaver)
  await harness.settled()
  harness.dynamodb.cut()
  await close(leaver)
  await until(async () => (await harness.query('select from erased_person where user_id = $1', [uuidOf(leaver)])).length === 1)
  assert.equal(await isErased(leaver), false)
  harness.dynamodb.restore()
  await erased(leaver)
  await harness.settled()
  assert.deepEqual(await harness.feedOf(leaver), [])
  assert.deepEqual(await toldOf(leaver), [{ userId: leaver, service: 'aux-service' }])
})

test('a crash between the write of a late notification and the look for tombstones leaves nothing once the batch comes again', async () => {
  const own = await Harness.create('aux_people_crash')
  try {
    const first = await own.start()
    const facts = orderFacts()
    await own.publish('identity.user.closed.v1', facts.buyerId, 2, { userId: facts.buyerId })
    await until(async () => (await own.query('select from erased_person where erased_at is not null')).length === 1, { deadlineMs: 20_000 })
    await own.publish('orders.order.placed.v1', facts.orderId, 1, { ...facts, holdExpiresAt })
    await own.settled()
    await first.service.close()
    const [event] = await own.query<{ id: string }>("select event_id as id from inbox where consumer = 'aux.mails'")
    const entry = { type: 'order_placed' as const, orderId: facts.orderId, createdAt: holdExpiresAt, expiresAt: 4_000_000_000 }
    await own.plant({ ...entry, userId: facts.buyerId, id: idOf('notification', event?.id ?? '') })
    await own.replayEverything()
    await own.start()
    await own.settled()
    assert.deepEqual(await own.feedOf(facts.buyerId), [])
  } finally {
    await own.close()
  }
})

test("a person's notifications are read page by page, by core-service alone", async () => {
  const buyer = newId('user')
  for (let index = 0; index < 3; index++) await place(buyer)
  await harness.settled()
  const first = await read(buyer, '?limit=2')
  assert.deepEqual([first.status, first.body.part, first.body.items.length], [200, 'notifications', 2])
  const second = await read(buyer, `?limit=2&cursor=${first.body.nextCursor}`)
  assert.equal(second.body.items.length, 1)
  assert.equal(new Set([...first.body.items, ...second.body.items].map(({ orderId }) => orderId)).size, 3)
  const nobody = newId('user')
  const none = (await read(nobody)).body
  assert.deepEqual([none.part, none.items], ['notifications', []])
  assert.deepEqual((await read(nobody, `?cursor=${none.nextCursor}`)).body, { part: 'preferences', items: [], nextCursor: null })
  assert.deepEqual(await read('nobody').then(({ status, body }) => [status, body.code]), [400, 'request.invalid'])
  assert.deepEqual(await read(buyer, '?cursor=x').then(({ status, body }) => [status, body.code]), [400, 'request.invalid-cursor'])
  const asGateway = await read(buyer, '', 'api-gateway')
  assert.deepEqual([asGateway.status, asGateway.body.code], [403, 'auth.caller-not-allowed'])
})

test('whether a person wants mails is told behind their notifications', async () => {
  const person = newId('user')
  for (const mail of [false, true]) {
    const answer = await fetch(`${url}/internal/notifications/preferences`, {
      method: 'PUT',
      headers: {
        'x-service-token': await harness.issuer.serviceToken('core-service'),
        authorization: `Bearer ${await harness.issuer.token({ sub: person, scopes: ['account:write'] })}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ mail }),
      signal: AbortSignal.timeout(10_000),
    })
    assert.equal(answer.status, 200)
    const { nextCursor } = (await read(person)).body
    assert.deepEqual((await read(person, `?cursor=${nextCursor}`)).body, { part: 'preferences', items: [{ mail }], nextCursor: null })
  }
})
