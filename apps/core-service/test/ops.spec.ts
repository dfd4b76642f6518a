import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { ACR, newId, uuidOf } from '@catamaran/contracts'
import { createTopics } from '@catamaran/messaging'
import { until } from '@catamaran/testing'
import { Harness, type Answer } from './harness.js'

interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: unknown
}

const LETTER = {
  ...{
    id: newId('deadLetter'),
    status: 'dead',
    group: 'aux.sales',
    topic: 'orders',
    partition: 0,
    offset: 7,
    code: 'internal',
    reason: 'why',
  },
  ...{ attempts: 5, deadAt: '2026-01-01T00:00:00.000Z', eventId: null, type: null, subject: null },
  ...{ replayOf: null, replayedAt: null, failedAgainAs: null },
}
const DETAILS = { ...LETTER, headers: {}, payload: { some: 'thing' }, payloadBytes: 16 }
const AUX_OUTBOX = { service: 'aux-service', isReachable: true, waiting: 0, oldestAt: null, oldestAgeSeconds: null, unpublishable: 0 }

// aux-service's side has its own tests (apps/aux-service/test/dead-letters.spec.ts): here it is what answers, to see what core asks of it.
let harness: Harness
let url: string
let operator: string
const asked: Asked[] = []
let answer: { status: number; body: unknown } = { status: 200, body: {} }
const aux = createServer((request, response) => {
  void text(request).then((body) => {
    asked.push({
      ...{ method: request.method ?? '', path: request.url ?? '', headers: request.headers },
      body: body === '' ? undefined : JSON.parse(body),
    })
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body))
  })
})

before(async () => {
  await new Promise<void>((resolve) => aux.listen(0, '127.0.0.1', resolve))
  harness = await Harness.create('core_ops', { AUX_URL: `http://127.0.0.1:${(aux.address() as AddressInfo).port}` })
  await createTopics(harness.scope.kafka, { topics: ['catalogue', 'orders'], partitions: 1 })
  url = (await harness.start()).url
  operator = await harness.issuer.token({ scopes: ['ops'], acr: ACR.multi })
})
after(async () => {
  await harness.close()
  aux.close()
  aux.closeAllConnections()
})

const ask = (method: string, path: string, body?: unknown): Promise<Answer> =>
  harness.call(url, method, `/v1/ops${path}`, body, { authorization: `Bearer ${operator}` })
const passed = (): Asked => asked.at(-1) as Asked

test('dead letters are asked of aux-service as the operator, with the filters, and its refusals are passed on', async () => {
  answer = { status: 200, body: { items: [LETTER], nextCursor: null } }
  const list = await ask('GET', '/dead-letters?status=all&topic=orders&group=aux.sales&code=internal&from=2026-01-01T00:00:00Z&limit=5')
  assert.deepEqual([list.status, list.body.items], [200, [LETTER]])
  const { pathname, searchParams } = new URL(passed().path, 'http://aux')
  assert.deepEqual(
    [pathname, Object.fromEntries(searchParams)],
    [
      '/internal/ops/dead-letters',
      { status: 'all', topic: 'orders', group: 'aux.sales', code: 'internal', from: '2026-01-01T00:00:00Z', limit: '5' },
    ],
  )
  assert.equal(passed().headers.authorization, `Bearer ${operator}`)
  answer = { status: 200, body: DETAILS }
  assert.deepEqual((await ask('GET', `/dead-letters/${LETTER.id}`)).body, DETAILS)
  answer = { status: 202, body: { ...DETAILS, status: 'replaying' } }
  assert.deepEqual((await ask('POST', `/dead-letters/${LETTER.id}/replay`)).status, 202)
  assert.deepEqual([passed().method, passed().path], ['POST', `/internal/ops/dead-letters/${LETTER.id}/replay`])
  answer = { status: 202, body: { replaying: 3, hasMore: false } }
  const filter = { group: 'aux.sales', to: '2026-01-01T00:00:00Z' }
  assert.deepEqual((await ask('POST', '/dead-letters/replay', filter)).body, { replaying: 3, hasMore: false })
  assert.deepEqual([passed().path, passed().body], ['/internal/ops/dead-letters/replay', filter])
  answer = { status: 404, body: problem('ops.dead-letter-not-found', 404) }
  const absent = await ask('GET', `/dead-letters/${newId('deadLetter')}`)
  assert.deepEqual([absent.status, absent.body.code], [404, 'ops.dead-letter-not-found'])
})

test('the audit trail is asked of aux-service as the operator, with the filters', async () => {
  const entry = {
    ...{ eventId: newId('event'), type: 'orders.order.placed.v1', subject: newId('order'), sequence: 1, actor: null, digest: '0' },
    ...{ recordedAt: '2026-01-01T00:00:00.000Z', chain: 'orders#1', link: 1, offset: 0 },
  }
  answer = { status: 200, body: { items: [entry], nextCursor: 'more' } }
  const list = await ask('GET', `/audit?subject=${entry.subject}&to=2026-02-01T00:00:00Z&limit=1`)
  assert.deepEqual([list.status, list.body], [200, answer.body])
  const { pathname, searchParams } = new URL(passed().path, 'http://aux')
  assert.deepEqual(
    [pathname, Object.fromEntries(searchParams)],
    ['/internal/ops/audit', { topic: 'orders', subject: entry.subject, to: '2026-02-01T00:00:00Z', limit: '1' }],
  )
  assert.equal(passed().headers.authorization, `Bearer ${operator}`)
})

test('what is no filter is refused before aux-service is asked', async () => {
  const before = asked.length
  const refused = [
    await ask('GET', '/dead-letters?topic=nothing'),
    await ask('GET', '/dead-letters?from=yesterday'),
    await ask('GET', '/dead-letters/not-an-id'),
    await ask('GET', '/audit?topic=nothing'),
    await ask('POST', '/dead-letters/replay', {}),
    await ask('POST', '/dead-letters/replay', { all: true, everything: true }),
    await ask('GET', '/outbox/auth-service/unpublishable'),
    await ask('POST', '/outbox/aux-service/unpublishable/replay', { eventIds: [newId('event')], all: true }),
  ]
  assert.deepEqual(
    refused.map(({ status, body }) => [status, body.code]),
    refused.map(() => [400, 'request.invalid']),
  )
  assert.equal(asked.length, before)
})

test('the outboxes of both services are told, and that of core also when aux-service does not answer', async () => {
  answer = { status: 200, body: AUX_OUTBOX }
  const { body } = await ask('GET', '/outbox')
  const [own, other] = body.items
  assert.deepEqual([own.service, own.isReachable, own.unpublishable, other, body.nextCursor], ['core-service', true, 0, AUX_OUTBOX, null])
  answer = { status: 503, body: problem('service.unavailable', 503) }
  const { status, body: alone } = await ask('GET', '/outbox')
  assert.deepEqual([status, alone.items[0].service, alone.items[1].isReachable, alone.items[1].waiting], [200, 'core-service', false, null])
})

test('events of core that could not be published are read page by page, and given back twice at once they are published once', async () => {
  const products = [newId('product'), newId('product'), newId('product')]
  const ids = products.map(() => newId('event'))
  for (const [index, product] of products.entries()) {
    const data = JSON.stringify({ productId: product, sellerId: newId('seller') })
    await harness.database.query(
      {
        name: '',
        text: `insert into outbox_dead (seq, id, type, subject, sequence, time, data, reason)
          values ($1, $2, 'catalogue.product.changed.v1', $3, 1, now(), $4, 'why')`,
      },
      [index + 1, uuidOf(ids[index] as never), uuidOf(product), data],
    )
  }
  const path = '/outbox/core-service/unpublishable'
  const first = (await ask('GET', `${path}?limit=2`)).body
  const second = (await ask('GET', `${path}?limit=2&cursor=${first.nextCursor}`)).body
  assert.deepEqual(
    [...first.items, ...second.items].map(({ eventId, subject, reason }) => [eventId, subject, reason]),
    products.map((product, index) => [ids[index], product, 'why']),
  )
  assert.equal(second.nextCursor, null)
  assert.equal((await ask('GET', `${path}?cursor=rubbish`)).body.code, 'request.invalid-cursor')
  const one = await ask('POST', `${path}/replay`, { eventIds: [ids[1]] })
  assert.deepEqual([one.status, one.body], [202, { replaying: 1, hasMore: false }])
  const all = await Promise.all([ask('POST', `${path}/replay`, { all: true }), ask('POST', `${path}/replay`, { all: true })])
  assert.deepEqual(new Set(all.map(({ body }) => body.replaying)), new Set([0, 2]))
  const count = 'select count(*) as n from outbox'
  await until(async () => (await harness.database.query<{ n: number }>({ name: '', text: count }))[0]?.n === 0, {
    message: 'all is published',
  })
  const published = ((await harness.published('catalogue')) as { productId: string }[]).map(({ productId }) => productId)
  assert.deepEqual(published, [products[1], products[0], products[2]])
})

const problem = (code: string, status: number) => ({
  ...{ type: `urn:${code}`, title: 'Refused', status, detail: 'It is refused.', code, requestId: newId('request') },
})
