import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { newId, uuidOf, type OrderId, type UserId } from '@catamaran/contracts'
import { Mailbox, until } from '@catamaran/testing'
import { Harness, partFacts, type orderFacts } from './harness.js'
import { OrdersOfCore } from './orders-of-core.js'

const holdExpiresAt = '2026-01-01T00:00:00.000Z'

let harness: Harness
let mailbox: Mailbox
let url: string
let first: Awaited<ReturnType<Harness['start']>>
let core: OrdersOfCore

before(async () => {
  mailbox = await Mailbox.start()
  core = await OrdersOfCore.start()
  const fast = { MAIL_POLL_MS: '50', MAIL_RETRY_MS: '50' }
  harness = await Harness.create('aux_mails', { CORE_URL: core.url, SMTP_URL: mailbox.url, ...fast })
  first = await harness.start()
  url = first.url
})
after(async () => {
  await harness.close()
  await mailbox.close()
  core.close()
})

const place = (facts: ReturnType<typeof orderFacts>) =>
  harness.publish('orders.order.placed.v1', facts.orderId, 1, { ...facts, holdExpiresAt })
const outcomesOf = async (orderId: OrderId): Promise<(string | null)[]> =>
  (
    await harness.query<{ outcome: string | null }>('select outcome from mail where order_id = $1 order by created_at, id', [
      uuidOf(orderId),
    ])
  ).map(({ outcome }) => outcome)
const ended = (orderId: OrderId, ...outcomes: string[]): Promise<true> =>
  until(async () => JSON.stringify(await outcomesOf(orderId)) === JSON.stringify(outcomes), {
    deadlineMs: 20_000,
    message: `mails about it are ${outcomes.join()}`,
  })
const preferences = async (user: UserId, body?: unknown) => {
  const response = await fetch(`${url}/internal/notifications/preferences`, {
    method: body === undefined ? 'GET' : 'PUT',
    headers: {
      'x-service-token': await harness.issuer.serviceToken('core-service'),
      authorization: `Bearer ${await harness.issuer.token({ sub: user, scopes: ['notifications:read', 'account:write'] })}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  })
  return { status: response.status, body: (await response.json()) as unknown }
}

test('a buyer gets a mail and a notification of each thing, in their language, with the Message-ID of its event', async () => {
  const part = partFacts(newId('partner'))
  const { facts, email } = core.add({
    language: 'de',
    fulfilments: [{ id: part.fulfilmentId, carrier: 'PostNL', trackingNumber: '3SABC' }],
  })
  await place(facts)
  await harness.publish('orders.fulfilment.shipped.v1', facts.orderId, 2, { ...part, orderId: facts.orderId })
  await ended(facts.orderId, 'sent', 'sent')
  const placed = await mailbox.nextLike(email, /eingegangen/)
  const shipped = await mailbox.nextLike(email, /mit PostNL/)
  assert.match(placed.text, /3 × Oak lamp/)
  assert.match(shipped.text, /3SABC/)
  for (const mail of [placed, shipped]) {
    assert.match(mail.head, /^Message-ID: <evt_[0-9a-z]{26}@catamaran>/m)
    assert.match(mail.text, /text\/plain[\s\S]*text\/html/)
  }
  await harness.settled(['aux.notifications'])
  const { items } = await harness.notificationsOf(url, facts.buyerId)
  assert.deepEqual(
    items.map(({ type }) => type),
    ['order_shipped', 'order_placed'],
  )
  assert.deepEqual([...core.asked], [true], 'core-service is asked with the service token alone')
})

test('an event that comes twice in one batch makes one mail and one notification, and no dead letter', async () => {
  const { facts, email } = core.add()
  const id = newId('event')
  const headers = {
    ...{ ce_specversion: '1.0', ce_id: id, ce_type: 'orders.order.placed.v1', ce_source: '/core-service' },
    // Of now: a notification that is past its time is removed within a second.
    ...{ ce_subject: facts.orderId, ce_time: new Date().toISOString(), ce_sequence: '1' },
  }
  const deadBefore = await harness.deadLetters()
  await harness.produce(facts.orderId, JSON.stringify({ ...facts, holdExpiresAt }), headers, { times: 2 })
  await ended(facts.orderId, 'sent')
  await harness.settled(['aux.notifications', 'aux.mails'])
  assert.equal(mailbox.to(email).length, 1)
  assert.deepEqual(await harness.feedOf(facts.buyerId), [id.replace('evt_', 'ntf_')])
  assert.equal(await harness.deadLetters(), deadBefore)
})

test('a mail server or a core-service that is away loses no mail: it is sent once they are back', async () => {
  const [first, second] = [core.add(), core.add()]
  mailbox.refuse = true
  await place(first.facts)
  const tries = async () =>
    (await harness.query<{ attempts: number }>('select attempts from mail where order_id = $1', [uuidOf(first.facts.orderId)]))[0]
      ?.attempts ?? 0
  await until(async () => (await tries()) > 1, { message: 'it is tried again' })
  core.isDown = true
  // The try in hand may have read its order already: the mail server takes nothing until another one has met the absent core.
  const before_ = await tries()
  await until(async () => (await tries()) > before_ + 1, { message: 'a try has met the absent core' })
  mailbox.refuse = false
  await place(second.facts)
  await until(async () => (await harness.query('select from mail where outcome is null and attempts > 1')).length === 2, {
    ...{ deadlineMs: 20_000, message: 'both are tried again' },
  })
  core.isDown = false
  for (const { facts, email } of [first, second]) {
    await ended(facts.orderId, 'sent')
    assert.equal(mailbox.to(email).length, 1)
  }
})

test('without an address, an order or the wish for mails, and after an erasure, nothing is sent', async () => {
  const [nowhere, gone, unwanted] = [core.add({ email: null }), core.add(), core.add()]
  core.orders.delete(gone.facts.orderId)
  const buyer = unwanted.facts.buyerId
  assert.deepEqual(await preferences(buyer), { status: 200, body: { mail: true } })
  assert.equal((await preferences(buyer, { mail: 'never' })).status, 400)
  assert.deepEqual(await preferences(buyer, { mail: false }), { status: 200, body: { mail: false } })
  for (const { facts } of [nowhere, gone, unwanted]) await place(facts)
  for (const { facts } of [nowhere, gone, unwanted]) await ended(facts.orderId, 'dropped')
  assert.deepEqual(await preferences(buyer), { status: 200, body: { mail: false } })
  await harness.publish('identity.user.closed.v1', buyer, 2, { userId: buyer })
  const rows = () =>
    harness.query('select from mail_preference where user_id = $1 union all select from order_buyer where user_id = $1', [uuidOf(buyer)])
  await until(
    async () =>
      (await harness.query('select from erased_person where user_id = $1 and erased_at is not null', [uuidOf(buyer)])).length === 1,
  )
  assert.deepEqual(await rows(), [])
  await preferences(buyer, { mail: false })
  assert.deepEqual(await rows(), [], 'nothing of a person comes back')
  await harness.publish('orders.order.cancelled.v1', unwanted.facts.orderId, 2, { ...unwanted.facts, reason: 'seller' })
  await ended(unwanted.facts.orderId, 'dropped', 'dropped')
  assert.deepEqual(
    [nowhere, gone, unwanted].map(({ email }) => mailbox.to(email).length),
    [0, 0, 0],
  )
})

test('a mail whose address is refused for good is given up, once', async () => {
  const { facts, email } = core.add()
  mailbox.refuseFor = email
  await place(facts)
  await ended(facts.orderId, 'failed')
  const [row] = await harness.query<{ attempts: number }>('select attempts from mail where order_id = $1', [uuidOf(facts.orderId)])
  assert.deepEqual([row?.attempts, mailbox.to(email).length], [1, 0])
})

test('a mail goes in clear to another host only where that is allowed', async () => {
  await first.service.close()
  // The mailbox by an address that doesn't look like this machine.
  const elsewhere = mailbox.url.replace('127.0.0.1', '[::ffff:127.0.0.1]')
  const { facts, email } = core.add()
  await place(facts)
  const wary = await harness.start({ SMTP_URL: elsewhere })
  const tries = () => harness.query('select from mail where order_id = $1 and outcome is null and attempts > 1', [uuidOf(facts.orderId)])
  await until(async () => (await tries()).length === 1, { deadlineMs: 20_000, message: 'it is tried again' })
  await wary.service.close()
  assert.equal(mailbox.to(email).length, 0)
  await harness.start({ SMTP_URL: elsewhere, SMTP_ALLOW_PLAIN: 'true' })
  await ended(facts.orderId, 'sent')
  assert.equal(mailbox.to(email).length, 1)
})
