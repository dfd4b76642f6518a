import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { newId, type EventData, type PartnerId } from '@catamaran/contracts'
import { Harness, partFacts } from './harness.js'

let harness: Harness
let url: string

before(async () => {
  harness = await Harness.create('aux_sales')
  url = (await harness.start()).url
})
after(() => harness.close())

const today = () => new Date().toISOString().slice(0, 10)
const between = (from: string, to: string, rest: Record<string, string> = {}) => ({ from, to, ...rest })
const figure = (pieces: number, amountMinor: number) => ({ pieces, amountMinor })
const given = (facts: EventData<'orders.fulfilment.created.v1'>) => harness.publish('orders.fulfilment.created.v1', facts.orderId, 2, facts)

test('what was sold, cancelled and returned stands under its day and product, each event once', async () => {
  const partner = newId('partner')
  const [kept, dropped] = [partFacts(partner), partFacts(partner)]
  await given(kept)
  await given(dropped)
  await harness.publish('orders.fulfilment.cancelled.v1', dropped.orderId, 3, { ...dropped, reason: 'seller' })
  const { fulfilmentId, orderId, sellerId, currency, lines } = kept
  const returned = {
    ...{ returnId: newId('return'), fulfilmentId, orderId, sellerId, partnerId: partner, currency, refundMinor: 100 },
    lines: lines.map((line) => ({ ...line, quantity: 1 })),
  }
  await harness.publish('orders.return.accepted.v1', orderId, 4, returned)
  await harness.publish('orders.return.refused.v1', orderId, 5, { ...returned, returnId: newId('return') })
  await harness.settled(['aux.sales'])
  const day = today()
  const { status, body } = await harness.sales(partner, url, between(day, day))
  const row = (facts: typeof kept, cancelled: object, back: object) => ({
    ...{ day, productId: facts.lines[0]?.productId, currency: 'EUR', sold: figure(3, 300), cancelled, returned: back },
  })
  assert.equal(status, 200)
  assert.deepEqual(body, {
    items: [row(kept, figure(0, 0), figure(1, 100)), row(dropped, figure(3, 300), figure(0, 0))].toSorted((a, b) =>
      String(a.productId) < String(b.productId) ? -1 : 1,
    ),
    nextCursor: null,
  })
})

const figuresOf = async (partner: PartnerId, query: Record<string, string>): Promise<string[]> => {
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const { body }: { body: { items: { productId: string }[]; nextCursor: string | null } } = (await harness.sales(partner, url, {
      ...query,
      limit: '2',
      ...(cursor === '' ? {} : { cursor }),
    })) as never
    seen.push(...body.items.map(({ productId }) => productId))
    cursor = body.nextCursor
  }
  return seen
}

test("pages hold each row once, of one product when asked, and nothing of another partner's or of a seller without partner", async () => {
  const partner = newId('partner')
  const parts = Array.from({ length: 5 }, () => partFacts(partner))
  for (const facts of [...parts, partFacts(newId('partner')), { ...partFacts(partner), partnerId: null }]) await given(facts)
  await harness.settled(['aux.sales'])
  const products = parts.map(({ lines }) => lines[0]?.productId ?? '').toSorted()
  assert.deepEqual(await figuresOf(partner, between(today(), today())), products)
  const [first = ''] = products
  assert.deepEqual(await figuresOf(partner, between(today(), today(), { productId: first })), [first])
  assert.deepEqual(await figuresOf(partner, between('2020-01-01', '2020-12-31')), [])
})

test('days that are none, the wrong way round or more than 366, and a cursor of something else, are refused', async () => {
  const partner = newId('partner')
  const codeOf = async (query: Record<string, string>) => {
    const { status, body } = await harness.sales(partner, url, query)
    return [status, body.code]
  }
  assert.deepEqual(await codeOf(between('2026-02-02', '2026-02-01')), [400, 'request.invalid'])
  assert.deepEqual(await codeOf(between('2025-01-01', '2026-01-02')), [400, 'request.invalid'])
  assert.deepEqual(await codeOf(between('2026-02-30', '2026-03-01')), [400, 'request.invalid'])
  assert.deepEqual(await codeOf({ from: '2026-01-01' }), [400, 'request.invalid'])
  assert.deepEqual(await codeOf(between('2026-01-01', '2026-01-02', { cursor: 'WyJub25lIl0' })), [400, 'request.invalid-cursor'])
  assert.equal((await harness.sales(partner, url, between('2025-01-01', '2026-01-01'))).status, 200)
})
