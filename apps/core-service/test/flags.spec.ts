import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ACR, newId, uuidOf, type OrderId, type ProductId } from '@catamaran/contracts'
import { FLAGS } from '@catamaran/flags'
import { TestFlagProvider, until } from '@catamaran/testing'
import { freshKey, Harness, orderOf } from './harness.js'
import { newPartner, prepareTopics } from './partner.js'
import { Psp } from './psp.js'

const NOWHERE = 'http://127.0.0.1:1'
const HOLD_MS = 60_000
const logs = mkdtempSync(join(tmpdir(), 'catamaran-flags-'))
const logFile = join(logs, 'core.log')

let harness: Harness
let psp: Psp
let provider: TestFlagProvider
let core: Awaited<ReturnType<Harness['start']>>

before(async () => {
  provider = new TestFlagProvider()
  psp = await Psp.start(() => harness)
  harness = await Harness.create('flags', {
    ...{ HOLD_MS: String(HOLD_MS), HOLD_SWEEP_MS: '20', PAYMENT_POLL_MS: '20', PAYMENT_RETRY_MS: '20' },
    ...{ PSP_URL: NOWHERE, FLAGS_URL: await provider.listen(), LOG_FILE: logFile, LOG_LEVEL: 'info' },
  })
  harness.scope.onClose(async () => {
    rmSync(logs, { recursive: true })
    await Promise.all([provider.close(), psp.close()])
  })
  await prepareTopics(harness)
  core = await harness.start()
})
after(() => harness.close())

interface HoldRow {
  status: string
  left_ms: number
  is_extended: boolean
  attempts: number
}
const holdOf = async (id: OrderId): Promise<HoldRow> => {
  const text = `select o.status, extract(epoch from o.hold_expires_at - now())::float8 * 1000 as left_ms, o.first_hold_expires_at is not null as is_extended,
      (select sum(attempts)::int from payment_operation where order_id = o.id) as attempts
    from orders o where o.id = $1`
  return (await harness.database.query<HoldRow>({ name: '', text }, [uuidOf(id)]))[0] as HoldRow
}
const moveHold = (id: OrderId, left: string) =>
  harness.database.query({ name: '', text: 'update orders set hold_expires_at = now() + $2::interval where id = $1' }, [uuidOf(id), left])
const endHold = (id: OrderId) => moveHold(id, '-1 second')
const extended = (id: OrderId) => until(async () => (await holdOf(id)).left_ms > HOLD_MS / 2, { message: `the hold of ${id} is extended` })
const placing = (buyer: Awaited<ReturnType<Harness['buyer']>>, product: ProductId, key = freshKey()) =>
  buyer.call('POST', '/v1/orders', orderOf([product, 1]), key)
/** Sets the kill switch, and waits until the service goes by it. */
const switchPayments = async (isOn: boolean, buyer: Awaited<ReturnType<Harness['buyer']>>, product: ProductId) => {
  provider.set('payments.enabled', isOn)
  return until(
    async () => {
      const answer = await placing(buyer, product)
      return answer.status === (isOn ? 201 : 503) && answer
    },
    { message: 'the switch is seen' },
  )
}

test('with payments off new orders are refused with the reason, open holds outlive a restart, nothing is asked of the provider, and then the order is paid', async () => {
  const [product, spare] = [await harness.product(5), await harness.product(50)]
  const buyer = await harness.buyer(core.url)
  const key = freshKey()
  const { id } = (await placing(buyer, product, key)).body as { id: OrderId }
  const later = (await placing(buyer, product)).body as { id: OrderId }
  await moveHold(id, '20 seconds')
  const placed = (await buyer.call('GET', `/v1/orders/${id}`)).body
  const refused = await switchPayments(false, buyer, spare)
  assert.deepEqual([refused.body.code, refused.headers.get('retry-after')], ['payments.switched-off', '30'])
  assert.match(refused.body.title, /Payments are switched off/)
  await extended(id)
  assert.equal((await holdOf(later.id)).is_extended, false, 'a hold with enough left stays as it is')

  await core.service.close()
  await endHold(id)
  core = await harness.start({ PSP_URL: psp.url })
  psp.core = core.url
  await extended(id)
  const { attempts, left_ms: leftMs } = await holdOf(id)
  assert.ok(leftMs <= HOLD_MS)
  const again = await harness.buyer(core.url, buyer.id)
  await endHold(id)
  await extended(id)
  const found = (await again.call('GET', `/v1/orders/${id}`)).body
  assert.equal(found.status, 'pending_payment')
  assert.deepEqual((await placing(again, product, key)).body, placed, 'a replay answers the order as it was placed')
  assert.deepEqual([await psp.paymentsOf(id), (await holdOf(id)).attempts], [[], attempts])

  provider.set('payments.enabled', true)
  await until(async () => (await again.call('GET', `/v1/orders/${id}`)).body.status === 'confirmed', { message: 'it is paid' })
  assert.deepEqual(await harness.faults(), [])
})

test('with payments on again a hold that was extended is extended no more, and ends', async () => {
  await core.service.close() // its worker would pay
  core = await harness.start()
  const [product, spare] = [await harness.product(5), await harness.product(50)]
  const buyer = await harness.buyer(core.url)
  const { id } = (await placing(buyer, product)).body as { id: OrderId }
  await moveHold(id, '20 seconds')
  await switchPayments(false, buyer, spare)
  await extended(id)
  await switchPayments(true, buyer, spare)
  const isCancelled = async (): Promise<boolean> => {
    await endHold(id) // again where a sweep that had begun before the switch has extended it
    return (await buyer.call('GET', `/v1/orders/${id}`)).body.cancelReason === 'hold_expired'
  }
  await until(isCancelled, { message: 'it is cancelled' })
  assert.deepEqual(await harness.faults(), [])
})

const FOCUSED_FOR = (key: string) => ({
  variations: ['coverage', 'focused'],
  rules: [{ id: 'r', variation: 1, clauses: [{ contextKind: 'user', attribute: 'key', op: 'in', values: [key], negate: false }] }],
})
const lines = (): Record<string, unknown>[] => {
  core.service.logger.flush()
  return readFileSync(logFile, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('a caller chosen for the new ranking gets it, a cursor keeps the ranking it began with, and the log line and the experiment tell of it', async () => {
  const wide = 'A long text that says a great deal about everything else in the shop. '.repeat(20)
  const name = 'Astrolabe'
  const short = [await harness.product(5, { name, description: 'Brass.' }), await harness.product(5, { name, description: 'Bronze.' })]
  const long = [await harness.product(5, { name, description: wide }), await harness.product(5, { name, description: wide })]
  const coverage = [...short, ...long].toReversed()
  const focused = [...short.toReversed(), ...long.toReversed()]
  const [chosen, other] = [await harness.buyer(core.url), await harness.buyer(core.url)]
  type Searcher = (path: string) => ReturnType<typeof chosen.call>
  const as =
    (buyer: typeof chosen): Searcher =>
    (path) =>
      buyer.call('GET', path)
  const search = async (searcher: Searcher, cursor = '', limit = 4) => {
    const { body, headers } = await searcher(`/v1/products?q=astrolabe&limit=${limit}${cursor && `&cursor=${cursor}`}`)
    const items = body.items as { id: ProductId }[]
    return { ids: items.map(({ id }) => id), next: body.nextCursor as string, requestId: headers.get('x-request-id') }
  }
  assert.deepEqual((await search(as(chosen))).ids, coverage)
  const begun = await search(as(chosen), '', 2)
  provider.set('search.ranking', { ...FOCUSED_FOR(chosen.id), trackEvents: true })
  await until(async () => (await search(as(chosen))).ids[0] === focused[0], { message: 'the ranking changes' })
  assert.deepEqual((await search(as(chosen))).ids, focused)
  assert.deepEqual((await search(as(other))).ids, coverage)
  assert.deepEqual([...begun.ids, ...(await search(as(chosen), begun.next, 2)).ids], coverage, 'pages of the old ranking go on with it')
  const [first, strangers] = [await search(as(chosen), '', 2), await search(as(chosen), '', 2)]
  assert.deepEqual([...first.ids, ...(await search(as(other), strangers.next, 2)).ids], focused, 'and of the new one, whoever asks')

  const device = 'device-0123456789'
  const withDevice: Searcher = (path) => harness.call(core.url, 'GET', path, undefined, { 'device-id': device })
  provider.set('search.ranking', { ...FOCUSED_FOR(`device:${device}`), trackEvents: true })
  await until(async () => (await search(withDevice)).ids[0] === focused[0], { message: 'the device is chosen' })
  const bare = await search((path) => harness.call(core.url, 'GET', path))
  assert.deepEqual(bare.ids, coverage)

  assert.equal((await placing(other, short[0] as ProductId)).status, 201)
  await until(() => lines().some(({ requestId }) => requestId === bare.requestId), { message: 'the request is told' })
  const toldOf = (id: string | null) => lines().find(({ requestId }) => requestId === id)?.['flags']
  assert.deepEqual(toldOf(first.requestId), { 'search.ranking': 'focused' })
  assert.deepEqual(toldOf(bare.requestId), { 'search.ranking': 'coverage' })
  await core.service.close()
  await until(() => provider.events.some(({ kind }) => kind === 'custom'), { message: 'the events have come' })
  const custom = provider.events.filter(({ kind, context }) => kind === 'custom' && JSON.stringify(context).includes(other.id))
  assert.deepEqual(
    custom.map(({ key }) => key),
    ['order.placed'],
  )
  core = await harness.start()
})

test('partners of a plan that is in the beta may run two imports at once, others one', async () => {
  provider.set('imports.parallel', {
    variations: [false, true],
    rules: [{ id: 'r', variation: 1, clauses: [{ contextKind: 'user', attribute: 'plan', op: 'in', values: ['large'], negate: false }] }],
  })
  const partner = await newPartner(harness, core.url)
  const token = (plan: string) => harness.issuer.token({ sub: partner.id as never, scopes: ['catalogue'], plan })
  const open = async (plan: string, id: string) => {
    const headers = {
      ...{ 'content-type': 'application/x-ndjson', 'import-id': id, authorization: `Bearer ${await token(plan)}` },
      'x-service-token': await harness.issuer.serviceToken('api-gateway'),
    }
    const outgoing = httpRequest(`${core.url}/v1/partner/products/import`, { method: 'POST', headers })
    outgoing.flushHeaders()
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
    const end = (): void => {
      outgoing.end()
      answer.resume()
    }
    return { status: answer.statusCode, end }
  }
  const first = await open('standard', 'first')
  const second = await until(
    async () => {
      const opened = await open('large', 'second')
      if (opened.status !== 200) opened.end()
      return opened.status === 200 && opened
    },
    { message: 'the beta has begun' },
  )
  assert.equal(first.status, 200)
  const [refused, third] = [await open('standard', 'other'), await open('large', 'third')]
  assert.deepEqual([refused.status, third.status], [429, 429])
  for (const each of [first, second, refused, third]) each.end()
})

test('an operator sees each flag as everybody has it, or one caller, and whether the provider decided', async () => {
  const authorization = `Bearer ${await harness.issuer.token({ scopes: ['ops'], acr: ACR.multi })}`
  const list = async (query = '') => {
    const { status, body } = await harness.call(core.url, 'GET', `/v1/ops/flags${query}`, undefined, { authorization })
    const items = (body.items ?? []) as { name: string; value: unknown; decidedBy: string }[]
    return { status, flags: Object.fromEntries(items.map(({ name, value, decidedBy }) => [name, `${String(value)} by ${decidedBy}`])) }
  }
  const partner = newId('partner')
  assert.deepEqual((await list()).flags['imports.parallel'], 'false by provider')
  assert.deepEqual((await list(`?caller=${partner}&plan=large`)).flags['imports.parallel'], 'true by provider')
  assert.deepEqual((await list(`?caller=${partner}&plan=small`)).flags['imports.parallel'], 'false by provider')
  provider.set('search.ranking', 'by the moon')
  await until(async () => (await list()).flags['search.ranking'] === 'coverage by default', {
    message: 'a value it may not take is not taken',
  })
  assert.deepEqual(Object.keys((await list()).flags).sort(), Object.keys(FLAGS).sort())
  for (const query of ['?plan=large', '?caller=ord_1', '?user=x']) assert.equal((await list(query)).status, 400)
})
