import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { EVENTS, TOPICS } from '@catamaran/contracts'
import { z } from 'zod'
import { asyncApiOf, asyncApiText, type AsyncApi, type EventMap, type JsonSchema } from '../src/asyncapi.js'
import { incompatibilities } from '../src/event-compatibility.js'
import { checkGenerated, GENERATED, type Generated } from '../src/generated.js'
import { commit, plant, shown } from './planted.js'

const TOPIC = { orders: 12, identity: 6 }
const Coin = z.enum(['EUR', 'USD']).meta({ id: 'Coin' })
const placed = {
  id: z.string(),
  total: z.int().min(0),
  coin: Coin,
  note: z.string().optional(),
  lines: z.array(z.object({ piece: z.string() })),
}
const eventOf = (data: z.ZodType, topic = 'orders', subject: 'order' | 'user' = 'order') => ({ topic, subject, about: 'Something', data })
const documentOf = (data: z.ZodType, topic?: string, subject?: 'order' | 'user') =>
  asyncApiOf({ 'orders.order.placed.v1': eventOf(data, topic, subject) }, TOPIC)

describe('the AsyncAPI document', () => {
  const document = JSON.parse(asyncApiText()) as AsyncApi

  const resolve = (ref: string): unknown =>
    ref
      .replace(/^#\//, '')
      .split('/')
      .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document)

  it('has a channel per topic with its partitions and a message per event type on its topic', () => {
    assert.equal(document.asyncapi, '3.0.0')
    assert.deepEqual(
      Object.fromEntries(Object.entries(document.channels).map(([topic, { bindings }]) => [topic, bindings.kafka.partitions])),
      TOPICS,
    )
    assert.deepEqual(Object.keys(document.components.messages), Object.keys(EVENTS))
    for (const [type, { topic }] of Object.entries(EVENTS))
      assert.deepEqual(document.channels[topic]?.messages[type], { $ref: `#/components/messages/${type}` })
  })

  it('has only references that lead somewhere', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? '')
    assert.ok(refs.length > Object.keys(EVENTS).length)
    assert.deepEqual(
      refs.filter((ref) => resolve(ref) === undefined),
      [],
    )
  })

  it('describes the CloudEvents headers and each payload', () => {
    const headers = document.components.messageTraits['cloudEvent']?.headers
    for (const name of ['ce_specversion', 'ce_id', 'ce_type', 'ce_source', 'ce_subject', 'ce_time', 'ce_sequence', 'content-type'])
      assert.ok(headers?.required?.includes(name), name)
    for (const [type, message] of Object.entries(document.components.messages)) {
      assert.deepEqual((message.headers.properties as Record<string, JsonSchema>)['ce_type'], { const: type })
      assert.equal(message.payload.type, 'object')
      assert.ok(Object.keys(message.payload.properties ?? {}).length > 0, type)
    }
  })
})

describe('a change of an event', () => {
  const old = documentOf(z.object(placed))
  const { note: _note, ...withoutNote } = placed
  const REFUSED: readonly [string, z.ZodType, RegExp][] = [
    ['a removed field', z.object(withoutNote), /data\.note was removed or renamed/],
    ['another type', z.object({ ...placed, total: z.string() }), /data\.total: type changed from "integer" to "string"/],
    ['a new required field', z.object({ ...placed, reason: z.string() }), /data\.reason is required now/],
    ['an optional field made required', z.object({ ...placed, note: z.string() }), /data\.note is required now/],
    ['a required field made optional', z.object({ ...placed, id: z.string().optional() }), /data\.id may be missing now/],
    [
      'a value less, in a shared schema',
      z.object({ ...placed, coin: z.enum(['EUR']).meta({ id: 'Coin' }) }),
      /data\.coin no longer allows "USD"/,
    ],
    [
      'a change inside a list',
      z.object({ ...placed, lines: z.array(z.object({ piece: z.int() })) }),
      /data\.lines\[\]\.piece: type changed/,
    ],
    ['a tighter bound', z.object({ ...placed, total: z.int().min(1) }), /data\.total: minimum was tightened from 0 to 1/],
    ['a new pattern', z.object({ ...placed, id: z.string().regex(/^a/) }), /data\.id: pattern changed/],
    ['unknown fields refused', z.strictObject(placed), /data refuses unknown fields now/],
  ]
  for (const [what, data, message] of REFUSED)
    it(`is refused: ${what}`, () => {
      const reasons = incompatibilities(old, documentOf(data)).filter((reason) => message.test(reason))
      assert.equal(reasons.length, 1, incompatibilities(old, documentOf(data)).join('\n'))
      assert.match(reasons[0] ?? '', /^orders\.order\.placed\.v1: .*make a orders\.order\.placed\.v2 beside it$/)
    })

  it('is refused: an event or a topic gone, another topic, key or number of partitions', () => {
    assert.match(incompatibilities(old, asyncApiOf({}, TOPIC)).join(), /placed\.v1 was removed/)
    assert.match(incompatibilities(old, documentOf(z.object(placed), 'identity')).join(), /moved from topic orders to identity/)
    assert.match(incompatibilities(old, documentOf(z.object(placed), 'orders', 'user')).join(), /another kind of key/)
    const events: EventMap = { 'orders.order.placed.v1': eventOf(z.object(placed)) }
    assert.match(incompatibilities(old, asyncApiOf(events, { orders: 12 })).join(), /topic identity was removed/)
    assert.match(incompatibilities(old, asyncApiOf(events, { ...TOPIC, orders: 6 })).join(), /6 partitions instead of 12/)
  })

  it('is welcome when old events and old readers stay right', () => {
    const wider = z.object({
      ...placed,
      hint: z.string().optional(),
      coin: z.enum(['EUR', 'USD', 'GBP']).meta({ id: 'Coin' }),
      total: z.int(),
    })
    const events: EventMap = {
      'orders.order.placed.v1': eventOf(wider),
      'orders.order.placed.v2': eventOf(z.strictObject({ other: z.int() })),
    }
    assert.deepEqual(incompatibilities(old, asyncApiOf(events, { ...TOPIC, erasure: 6 })), [])
    assert.deepEqual(incompatibilities(documentOf(z.strictObject(placed)), old), [])
  })
})

describe('generated files', () => {
  const PATH = 'docs/a.txt'
  const list = (text: string) => [{ path: PATH, make: () => Promise.resolve(text) }]

  it('are refused when missing or changed by hand, and written on demand', async () => {
    const planted = plant({})
    assert.match(shown(await checkGenerated(planted.root, false, list('one\ntwo\n'))).join(), /^docs\/a\.txt is not what the code makes/)
    assert.deepEqual(await checkGenerated(planted.root, true, list('one\ntwo\n')), [])
    assert.equal(readFileSync(join(planted.root, PATH), 'utf8'), 'one\ntwo\n')
    assert.deepEqual(await checkGenerated(planted.root, false, list('one\ntwo\n')), [])
    planted.write(PATH, 'one\n2\n')
    assert.match(shown(await checkGenerated(planted.root, false, list('one\ntwo\n'))).join(), /^docs\/a\.txt:2 is not what the code makes/)
    planted.remove()
  })

  it('may be bytes that are no text', async () => {
    const bytes: Generated[] = [{ path: 'docs/a.bin', make: () => Promise.resolve(Buffer.from([0xff, 0, 0xfe])) }]
    const planted = plant({})
    assert.deepEqual(await checkGenerated(planted.root, true, bytes), [])
    assert.deepEqual([...readFileSync(join(planted.root, 'docs/a.bin'))], [0xff, 0, 0xfe])
    assert.deepEqual(await checkGenerated(planted.root, false, bytes), [])
    planted.write('docs/a.bin', 'others')
    assert.match(shown(await checkGenerated(planted.root, false, bytes)).join(), /^docs\/a\.bin is not what the code makes/)
    planted.remove()
  })

  it('are refused when they cannot be made', async () => {
    const planted = plant({})
    const broken = [{ path: PATH, make: () => Promise.reject(new Error('no service')) }]
    assert.match(shown(await checkGenerated(planted.root, true, broken)).join(), /could not be made: Error: no service/)
    planted.remove()
  })

  it('are not written over an incompatible event, nor can a commit hide one', async () => {
    const events = GENERATED.find(({ path }) => path === 'docs/events.asyncapi.json')
    assert.ok(events)
    const now = String(await events.make(false))
    const withMore = JSON.parse(now) as { components: { messages: Record<string, { payload: { properties: Record<string, unknown> } }> } }
    const user = withMore.components.messages['identity.user.registered.v1']
    assert.ok(user)
    user.payload.properties['nickname'] = { type: 'string' }
    const planted = plant({ [events.path]: JSON.stringify(withMore) })
    commit(planted.root, 'a field more')
    const refusal = /data\.nickname was removed or renamed\. Leave it as it was, and make a identity\.user\.registered\.v2 beside it/
    assert.match(shown(await checkGenerated(planted.root, true, [events])).join(), refusal)
    planted.write(events.path, now)
    assert.match(shown(await checkGenerated(planted.root, false, [events])).join(), refusal)
    commit(planted.root, 'a field less')
    assert.match(shown(await checkGenerated(planted.root, false, [events])).join(), refusal)
    planted.write('docs/b.txt', 'later\n')
    commit(planted.root, 'something else')
    assert.deepEqual(await checkGenerated(planted.root, false, [events]), [])
    planted.remove()
  })
})
