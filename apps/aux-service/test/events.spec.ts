import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { firstBrokenLink, newId, uuidOf } from '@catamaran/contracts'
import { until } from '@catamaran/testing'
import { Harness, orderFacts, partFacts } from './harness.js'

const holdExpiresAt = '2026-01-01T00:00:00.000Z'

let harness: Harness
let url: string

before(async () => {
  harness = await Harness.create('aux_events')
  url = (await harness.start()).url
})
after(() => harness.close())

const place = (facts: ReturnType<typeof orderFacts>, at = harness) =>
  at.publish('orders.order.placed.v1', facts.orderId, 1, { ...facts, holdExpiresAt })

test('an order that is placed and cancelled makes two notifications and a whole audit chain', async () => {
  const facts = orderFacts()
  await place(facts)
  await harness.publish('orders.order.cancelled.v1', facts.orderId, 2, { ...facts, reason: 'hold_expired' })
  await harness.settled()
  const { items } = await harness.notificationsOf(url, facts.buyerId)
  assert.deepEqual(
    items.map(({ type, orderId }) => [type, orderId]),
    [
      ['order_cancelled', facts.orderId],
      ['order_placed', facts.orderId],
    ],
  )
  const chains = await harness.chains()
  assert.deepEqual(chains.map(firstBrokenLink), [undefined, undefined])
  const subjects = chains.flat().flatMap(({ events }) => events.map(({ subject }) => subject))
  assert.equal(subjects.filter((subject) => subject === facts.orderId).length, 2)
})

test("a feed is its buyer's own, and is read page by page", async () => {
  const buyer = newId('user')
  const orders = Array.from({ length: 5 }, () => orderFacts(newId('seller'), buyer))
  for (const facts of orders) await place(facts)
  await harness.settled()
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Awaited<ReturnType<Harness['notificationsOf']>> = await harness.notificationsOf(
      url,
      buyer,
      `?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`,
    )
    seen.push(...page.items.map(({ orderId }) => orderId))
    cursor = page.nextCursor
  }
  assert.deepEqual(seen.toSorted(), orders.map(({ orderId }) => orderId).toSorted())
  assert.deepEqual(await harness.notificationsOf(url, newId('user')), { items: [], nextCursor: null })
})

test('events that all come again change nothing: every effect happens once', async () => {
  const own = await Harness.create('aux_replay')
  try {
    const first = await own.start()
    const [partner, product, buyer] = [newId('partner'), newId('product'), newId('user')]
    for (let index = 0; index < 10; index++) {
      const facts = orderFacts(newId('seller'), buyer)
      await place(facts, own)
      await own.publish('orders.fulfilment.created.v1', facts.orderId, 2, partFacts(partner, product, facts.orderId))
    }
    await own.settled()
    const chains = await own.chains()
    await first.service.close()
    await own.replayEverything()
    const second = await own.start()
    await own.settled()
    assert.deepEqual(await own.salesOf(partner), [[30, 3000, 0, 0, 0, 0]])
    assert.equal((await own.notificationsOf(second.url, buyer, '?limit=100')).items.length, 10)
    assert.deepEqual(await own.chains(), chains)
  } finally {
    await own.close()
  }
})

test('DynamoDB gone: figures go on, notifications and audit wait, nothing becomes a dead letter', async () => {
  const partner = newId('partner')
  const facts = orderFacts()
  const deadBefore = await harness.deadLetters()
  harness.dynamodb.cut()
  await place(facts)
  await harness.publish('orders.fulfilment.created.v1', facts.orderId, 2, partFacts(partner, newId('product'), facts.orderId))
  await until(async () => (await harness.salesOf(partner)).length === 1, { message: 'the figures go on' })
  harness.dynamodb.restore()
  await until(async () => (await harness.notificationsOf(url, facts.buyerId)).items.length === 1, {
    deadlineMs: 20_000,
    message: 'the notification arrives',
  })
  await harness.settled()
  assert.equal(await harness.deadLetters(), deadBefore)
  assert.deepEqual((await harness.chains()).map(firstBrokenLink), [undefined, undefined])
})

test('poison goes to the dead-letter topic, once for each group, and what comes later passes', async () => {
  const facts = orderFacts()
  const deadBefore = await harness.deadLetters()
  const headers = {
    ce_specversion: '1.0',
    ce_id: newId('event'),
    ce_type: 'orders.order.placed.v1',
    ce_source: '/core-service',
    ce_subject: facts.orderId,
    ce_time: holdExpiresAt,
    ce_sequence: '1',
  }
  await harness.produce(facts.orderId, '{"orderId":', headers)
  await harness.produce(facts.orderId, JSON.stringify({ ...facts, holdExpiresAt, totalMinor: 'much' }), {
    ...headers,
    ce_id: newId('event'),
  })
  await place(facts)
  await harness.settled()
  assert.equal((await harness.notificationsOf(url, facts.buyerId)).items.length, 1)
  assert.equal((await harness.deadLetters()) - deadBefore, 10)
})

test('an event that comes twice in one batch, as after a crash of its relay, has its effects once', async () => {
  const partner = newId('partner')
  const facts = partFacts(partner)
  const placed = orderFacts()
  const twice = `insert into outbox (id, type, subject, sequence, data)
    select $1::uuid, $2, $3::uuid, 1, $4 from generate_series(1, 2)`
  await harness.query(twice, [uuidOf(newId('event')), 'orders.fulfilment.created.v1', uuidOf(facts.orderId), JSON.stringify(facts)])
  const data = JSON.stringify({ ...placed, holdExpiresAt })
  await harness.query(twice, [uuidOf(newId('event')), 'orders.order.placed.v1', uuidOf(placed.orderId), data])
  await harness.settled()
  assert.deepEqual(await harness.salesOf(partner), [[3, 300, 0, 0, 0, 0]])
  assert.equal((await harness.feedOf(placed.buyerId)).length, 1)
})
