import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PutCommand } from '@aws-sdk/lib-dynamodb'
import {
  ACR,
  AuditEntryPage,
  audited,
  auditedId,
  newId,
  nextLink,
  type AuditEntry,
  type AuditLink,
  type DomainEvent,
} from '@catamaran/contracts'
import { AUDIT } from '@catamaran/data'
import { Harness, orderFacts, type Answer } from './harness.js'

const [buyer, other] = [newId('user'), newId('user')]
const START = Date.parse('2026-01-01T00:00:00.000Z')
const CHAINS = 3
const LINKS = 80
const PER_LINK = 4

let harness: Harness
let url: string
let operator: string
/** What was recorded, the last first. */
const recorded: AuditEntry[] = []

before(async () => {
  harness = await Harness.create('aux_audit_trail')
  url = (await harness.start()).url
  operator = await harness.issuer.token({ scopes: ['ops'], acr: ACR.multi })
  await plant()
})
after(() => harness.close())

const timeOf = (minute: number): string => new Date(START + minute * 60_000).toISOString()

/** Links of the topic `identity`, which nobody writes to here: in turns on three of its chains, a minute each. */
const plant = async (): Promise<void> => {
  const heads = new Map<string, AuditLink>()
  for (let minute = 0; minute < LINKS; minute++) {
    const chain = `identity#${minute % CHAINS}`
    const head = heads.get(chain)
    const events = Array.from({ length: minute % 10 === 9 ? 0 : PER_LINK }, (_, index) => {
      const subject = index % 2 === 0 ? buyer : other
      const event = {
        id: newId('event'),
        type: index === 3 ? 'identity.user.verified.v1' : 'identity.user.registered.v1',
        subject,
        sequence: minute,
        data: { minute },
      }
      return audited((head?.lastOffset ?? -1) + 1 + index, {
        ...event,
        ...(index === 0 ? {} : { actor: subject }),
      } as unknown as DomainEvent)
    })
    const link = nextLink(chain, head, events, (head?.lastOffset ?? -1) + Math.max(1, events.length), timeOf(minute))
    await harness.asDynamo((dynamo) => dynamo.send(new PutCommand({ TableName: dynamo.table(AUDIT), Item: link })))
    heads.set(chain, link)
    for (const { id, actor, ...event } of events)
      recorded.unshift({ ...event, eventId: id, actor: actor ?? null, recordedAt: link.writtenAt, chain, link: link.sequence })
  }
}

const ask = async (query: Record<string, string>, token = operator): Promise<Answer> => {
  const response = await fetch(`${url}/internal/ops/audit?${new URLSearchParams({ topic: 'identity', ...query })}`, {
    headers: { 'x-service-token': await harness.issuer.serviceToken('core-service'), authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(10_000),
  })
  return { status: response.status, body: await response.json() }
}
/** All pages of a query, one after the other. */
const readAll = async (query: Record<string, string>): Promise<{ entries: AuditEntry[]; pages: number }> => {
  const entries: AuditEntry[] = []
  let pages = 0
  for (let cursor: string | null = ''; cursor !== null; pages++) {
    const { items, nextCursor }: AuditEntryPage = AuditEntryPage.parse((await ask({ ...query, ...(cursor === '' ? {} : { cursor }) })).body)
    entries.push(...items)
    cursor = nextCursor
  }
  return { entries, pages }
}

test('the trail is read over all chains of a topic, the last recorded first, page by page, each entry once', async () => {
  for (const limit of ['7', '100']) assert.deepEqual((await readAll({ limit })).entries, recorded)
})

test('it is narrowed by subject, actor, type and time, and tells of a person by a digest', async () => {
  const digest = auditedId(buyer)
  const narrowed = async (query: Record<string, string>) => (await readAll({ limit: '50', ...query })).entries
  assert.deepEqual(
    await narrowed({ subject: buyer }),
    recorded.filter(({ subject }) => subject === digest),
  )
  assert.deepEqual(
    await narrowed({ actor: buyer }),
    recorded.filter(({ actor }) => actor === digest),
  )
  assert.deepEqual(
    await narrowed({ type: 'identity.user.verified.v1' }),
    recorded.filter(({ type }) => type === 'identity.user.verified.v1'),
  )
  const [from, to] = [timeOf(20), timeOf(30)]
  const within = recorded.filter(({ recordedAt }) => recordedAt >= from && recordedAt < to)
  assert.equal(within.length, 8 * PER_LINK + PER_LINK)
  assert.deepEqual(await narrowed({ from, to }), within)
  const [fromS, toS] = [from, to].map((time) => time.replace('.000', '')) as [string, string]
  assert.deepEqual(await narrowed({ from: fromS, to: toS }), within, 'a moment is the same however it is written')
  assert.equal(JSON.stringify(await narrowed({ subject: buyer })).includes(buyer), false)
})

test('an event that happens now is found by its subject', async () => {
  const facts = orderFacts()
  await harness.publish('orders.order.placed.v1', facts.orderId, 1, { ...facts, holdExpiresAt: timeOf(0) })
  await harness.settled(['aux.audit'])
  const { entries } = await readAll({ topic: 'orders', subject: facts.orderId })
  assert.deepEqual(
    entries.map(({ type, subject, sequence, actor }) => [type, subject, sequence, actor]),
    [['orders.order.placed.v1', facts.orderId, 1, null]],
  )
})

test('who lacks the scope or brings no cursor of this list is refused', async () => {
  const buyers = await harness.issuer.token({ scopes: ['orders:read'] })
  assert.equal((await ask({}, buyers)).body.code, 'auth.scope-missing')
  const { body } = await ask({ limit: '1' })
  for (const query of [
    { cursor: 'nonsense', topic: 'identity' },
    { cursor: body.nextCursor as string, topic: 'orders' },
  ]) {
    const refused = await ask(query)
    assert.deepEqual([refused.status, refused.body.code], [400, 'request.invalid-cursor'])
  }
})
