import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DeleteCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { auditedId, firstBrokenLink, newId, TOPICS, type AuditedEvent, type AuditLink, type Topic } from '@catamaran/contracts'
import { AUDIT, verifyChains } from '@catamaran/data'
import { runInContext, traceparentOf, type Claims } from '@catamaran/platform'
import { until } from '@catamaran/testing'
import { Harness, orderFacts } from './harness.js'

const holdExpiresAt = '2026-01-01T00:00:00.000Z'
const [user, partner, key] = [newId('user'), newId('partner'), newId('apiKey')]

let harness: Harness

before(async () => {
  harness = await Harness.create('aux_audit')
  await harness.start()
})
after(() => harness.close())

/** Runs `work` as a request does that somebody's token came with. */
const as = <T>(sub: string, clientId: string, work: () => Promise<T>): Promise<T> => {
  const caller: Claims = { sub, clientId, scopes: new Set(), issuedAt: 0, expiresAt: 0 }
  return runInContext({ requestId: 'req_1', traceparent: traceparentOf(undefined), caller, fields: {} }, work)
}
const place = (facts = orderFacts()) => harness.publish('orders.order.placed.v1', facts.orderId, 1, { ...facts, holdExpiresAt })
const auditedOf = async (topic: Topic): Promise<AuditedEvent[]> => (await harness.chains(topic)).flat().flatMap(({ events }) => [...events])
const isAudited = (topic: Topic, subject: string): Promise<true> =>
  until(async () => (await auditedOf(topic)).some((event) => event.subject === auditedId(subject)), {
    message: `${topic} is audited`,
    deadlineMs: 20_000,
  })

test('the events of every topic stand in its chains, with the user or the key that caused them, or nobody', async () => {
  const [order, product, endpoint] = [orderFacts(), newId('product'), newId('webhookEndpoint')]
  await as(user, 'a-client', () => place(order))
  await as(partner, key, () =>
    harness.publish('catalogue.product.changed.v1', product, 1, { productId: product, sellerId: newId('seller') }),
  )
  await harness.publish('identity.user.registered.v1', user, 1, { userId: user })
  await harness.publish('webhooks.endpoint.disabled.v1', endpoint, 1, { endpointId: endpoint, partnerId: partner, reason: 'gone' })
  await harness.publish('erasure.person.erased.v1', user, 1, { userId: user, service: 'core-service' })
  const expected = [
    ['orders', order.orderId, user],
    ['catalogue', product, key],
    ['identity', user, undefined],
    ['webhooks', endpoint, undefined],
    ['erasure', user, undefined],
  ] as const
  assert.equal(expected.length, Object.keys(TOPICS).length)
  for (const [topic, subject, actor] of expected) {
    await isAudited(topic, subject)
    const found = (await auditedOf(topic)).filter((event) => event.subject === auditedId(subject))
    assert.deepEqual(
      found.map((event) => event.actor),
      [actor && auditedId(actor)],
      topic,
    )
    assert.deepEqual((await harness.chains(topic)).map(firstBrokenLink), [undefined, undefined])
  }
})

/** What `verifyChains` finds while `change` has been made to the table. */
const faultsAfter = async (link: AuditLink, change: PutCommand | UpdateCommand | DeleteCommand) => {
  const committed = await harness.audited()
  return harness.asDynamo(async (dynamo) => {
    await dynamo.send(change as PutCommand)
    try {
      return (await verifyChains(dynamo, committed)).flatMap(({ chain, fault }) => (fault === undefined ? [] : [[chain, fault.link]]))
    } finally {
      await dynamo.send(new PutCommand({ TableName: dynamo.table(AUDIT), Item: link }))
    }
  })
}

test('one byte that was changed, a link that was taken out and a last link that was taken away are found where they are', async () => {
  const facts = orderFacts()
  for (let sequence = 1; sequence <= 3; sequence++) {
    await harness.publish('orders.order.placed.v1', facts.orderId, sequence, { ...facts, holdExpiresAt })
    await until(async () => (await auditedOf('orders')).some((event) => event.subject === facts.orderId && event.sequence === sequence))
  }
  await harness.settled(['aux.audit'])
  const chain = (await harness.chains()).find((links) =>
    links.some(({ events }) => events.some(({ subject }) => subject === facts.orderId)),
  )
  assert.ok(chain !== undefined && chain.length >= 3)
  const [TableName, middle, last] = [`${harness.scope.tablePrefix}${AUDIT.name}`, chain.at(-2), chain.at(-1)]
  assert.ok(middle !== undefined && last !== undefined)
  const keyOf = ({ chain: name, sequence }: AuditLink) => ({ chain: name, sequence })
  const whole = await harness.asDynamo(async (dynamo) => verifyChains(dynamo, await harness.audited()))
  assert.deepEqual(
    whole.filter(({ fault }) => fault !== undefined),
    [],
  )
  const digest = middle.events[0]?.digest ?? ''
  const flipped = (digest.startsWith('0') ? '1' : '0') + digest.slice(1)
  const altered = new UpdateCommand({
    ...{ TableName, Key: keyOf(middle), UpdateExpression: 'set events[0].digest = :digest' },
    ExpressionAttributeValues: { ':digest': flipped },
  })
  assert.deepEqual(await faultsAfter(middle, altered), [[middle.chain, middle.sequence]])
  assert.deepEqual(await faultsAfter(middle, new DeleteCommand({ TableName, Key: keyOf(middle) })), [[middle.chain, middle.sequence]])
  assert.deepEqual(await faultsAfter(last, new DeleteCommand({ TableName, Key: keyOf(last) })), [[last.chain, last.sequence]])
})

test('messages that are no events leave no gap between what the group committed and the end of a chain', async () => {
  await harness.produce(newId('order'), '{', { ce_type: 'orders.order.placed.v1' })
  await harness.settled(['aux.audit'])
  const reports = await harness.asDynamo(async (dynamo) => verifyChains(dynamo, await harness.audited()))
  assert.deepEqual(
    reports.filter(({ fault }) => fault !== undefined),
    [],
  )
})
