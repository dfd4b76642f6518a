import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { newId, uuidOf, type PartnerId } from '@catamaran/contracts'
import { seal } from '@catamaran/data'
import { until } from '@catamaran/testing'
import { Harness } from './harness.js'
import { ok, Receiver } from './receiver.js'
import { fulfilmentFacts } from './webhooks.js'

const ENDPOINTS = 1_000
const HANGING = 50

describe('one thousand webhook endpoints', () => {
  let harness: Harness
  let receiver: Receiver
  const partners: PartnerId[] = Array.from({ length: ENDPOINTS }, () => newId('partner'))

  before(async () => {
    // No attempt at a hanging one ends within the test: what they hold, they hold all the time.
    harness = await Harness.create('aux_webhook_isolation', { WEBHOOK_TIMEOUT_MS: '60000', DATABASE_CONNECTIONS: '10' })
    receiver = await Receiver.start()
    const ids = partners.map(() => uuidOf(newId('webhookEndpoint')))
    const key = Buffer.from(harness.env['DATA_KEYS'] ?? '', 'base64url')
    await harness.query(
      `with endpoint as (
        insert into webhook_endpoint (id, partner_id, url, description, events) select id, partner, url, '', '{*}'
        from unnest($1::uuid[], $2::uuid[], $3::text[]) as e(id, partner, url))
      insert into webhook_secret (endpoint_id, id, sealed) select id, uuidv7(), sealed from unnest($1::uuid[], $4::bytea[]) as s(id, sealed)`,
      [
        ids,
        partners.map((id) => uuidOf(id)),
        partners.map((_, index) => `${receiver.url}/${index}`),
        ids.map((id) => seal([key], Buffer.alloc(32, 1), id)),
      ],
    )
    receiver.behave = (received, response, attempt) =>
      Number(received.path.slice(1)) < HANGING ? undefined : ok(received, response, attempt)
    await harness.start()
  })
  after(async () => {
    receiver.close()
    await harness.close()
  })

  /** An event for each of the partners at these places; how long each took from its commit to its receiver, in milliseconds. */
  const tell = async (places: readonly number[]): Promise<number[]> => {
    const isTold = new Set(places.filter((place) => place >= HANGING))
    const before = receiver.received.length
    const startedAt = Date.now()
    await harness.publishAll(
      places.map((place) => {
        const facts = fulfilmentFacts(partners[place] ?? null)
        return { type: 'orders.fulfilment.created.v1' as const, subject: facts.orderId, sequence: 1, data: facts }
      }),
    )
    const healthy = () => receiver.received.slice(before).filter(({ path }) => isTold.has(Number(path.slice(1))))
    await until(() => healthy().length >= isTold.size, { message: 'all healthy ones have their event', deadlineMs: 30_000 })
    return healthy().map(({ at }) => at - startedAt)
  }
  /** Every third partner from a place on, twenty at a time; one that hangs among each twenty, where they are from the first place on. */
  const tellAll = async (from: number): Promise<number[]> => {
    const took: number[] = []
    const places = Array.from({ length: Math.floor((ENDPOINTS - from) / 3) }, (_, index) => from + 3 * index)
    for (let at = 0; at < places.length; at += 20)
      took.push(...(await tell([...places.slice(at, at + 20), ...(from === 0 ? [(at / 20) % HANGING] : [])])))
    return took.toSorted((a, b) => a - b)
  }
  const percentile = (sorted: readonly number[], share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN

  it('of which fifty hang: the others have their events all the same, and as soon', async (context: TestContext) => {
    await tellAll(HANGING) // connections are made
    const calm = await tellAll(HANGING)
    await tell(Array.from({ length: HANGING }, (_, index) => index))
    const hanging = () => receiver.received.filter(({ path }) => Number(path.slice(1)) < HANGING)
    await until(() => hanging().length === HANGING, { message: 'fifty hang' })
    const held = await tellAll(0)
    for (const [name, sorted] of Object.entries({ 'nobody hangs': calm, [`${HANGING} hang`]: held }))
      context.diagnostic(`${name}: p50 ${percentile(sorted, 0.5)} ms, p99 ${percentile(sorted, 0.99)} ms of ${sorted.length}, 20 at once`)
    assert.ok(held.length >= (ENDPOINTS - HANGING) / 3 - 1)
    // Each hanging one holds no more than its slots, and all together are what is still in hand.
    assert.ok(hanging().length <= 4 * HANGING)
    await until(
      async () =>
        (await harness.query<{ n: number }>('select count(*) as n from webhook_delivery where is_leased'))[0]?.n === hanging().length,
      { message: 'nothing else is in hand' },
    )
  })
})
