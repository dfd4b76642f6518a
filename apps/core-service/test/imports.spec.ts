import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { uuidOf } from '@catamaran/contracts'
import { until } from '@catamaran/testing'
import { Harness, type Answer } from './harness.js'
import { LAMP, newPartner, prepareTopics, type TestPartner } from './partner.js'

let harness: Harness
let url: string
let partner: TestPartner

before(async () => {
  harness = await Harness.create('imports')
  await prepareTopics(harness)
  url = (await harness.start()).url
  partner = await newPartner(harness, url)
})
after(() => harness.close())

interface Result {
  line: number
  status: string
  productId?: string
  errors?: { pointer: string; detail: string }[]
}
const lineOf = (index: number, more: object = {}): string => `${JSON.stringify({ sku: `SKU-${index}`, ...LAMP, ...more })}\n`
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at)

/** An import whose lines are sent one by one, and whose results are read. */
const open = async (of: TestPartner, importId: string, query = '') => {
  const outgoing = httpRequest(`${url}/v1/partner/products/import${query}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-ndjson',
      'import-id': importId,
      authorization: `Bearer ${of.token}`,
      'x-service-token': await harness.issuer.serviceToken('api-gateway'),
    },
  })
  outgoing.flushHeaders()
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  const lines = createInterface({ input: answer })[Symbol.asyncIterator]()
  const next = async (): Promise<Result | undefined> => {
    const { value, done } = await lines.next()
    return done === true ? undefined : (JSON.parse(value) as Result)
  }
  const rest = async (): Promise<Result[]> => {
    const results: Result[] = []
    for (let result = await next(); result !== undefined; result = await next()) results.push(result)
    return results
  }
  return { outgoing, answer, next, rest }
}
const importAll = async (of: TestPartner, importId: string, lines: string, query = ''): Promise<Result[]> => {
  const { outgoing, rest } = await open(of, importId, query)
  outgoing.end(lines)
  return rest()
}
const statusesOf = (results: Result[]) => results.map(({ status }) => status)
const refusedWith = ({ status, body }: Answer) => [status, body.code]

test('each line is made, changed or left as it is, by its SKU', async () => {
  const first = await importAll(partner, 'first', lineOf(1, { available: 3 }) + lineOf(2))
  assert.deepEqual(statusesOf(first), ['created', 'created'])
  const page = await harness.call(url, 'GET', `/v1/products/${first[0]?.productId}`)
  assert.deepEqual([page.body.name, page.body.availability], [LAMP.name, 'low_stock'])
  const again = await importAll(partner, 'second', lineOf(1) + lineOf(2, { priceMinor: 100 }) + lineOf(3) + lineOf(1, { available: 50 }))
  assert.deepEqual(statusesOf(again), ['unchanged', 'changed', 'created', 'changed'])
  assert.deepEqual([again[0]?.productId, again[3]?.productId], [first[0]?.productId, first[0]?.productId])
  await until(async () => (await harness.call(url, 'GET', `/v1/products/${first[0]?.productId}`)).body.availability === 'in_stock', {
    deadlineMs: 1_000,
    message: 'the page follows',
  })
  assert.deepEqual((await partner.call('GET', `/products/${first[0]?.productId}/stock`)).body, { available: 50, held: 0, sold: 0 })
  const { startedAt, updatedAt, ...told } = (await partner.call('GET', '/imports/second')).body
  assert.ok(startedAt <= updatedAt)
  assert.deepEqual(told, { id: 'second', linesDone: 4, created: 1, changed: 2, unchanged: 1, refused: 0 })
})

test('a bad line refuses only itself and says why', async () => {
  const seller = await newPartner(harness, url)
  await importAll(seller, 'before', lineOf(9))
  const lines = [
    lineOf(1),
    'not json\n',
    '\n',
    lineOf(2, { priceMinor: 0, more: 1 }),
    `${JSON.stringify(LAMP)}\n`,
    lineOf(3, { name: 'a\u0000b' }),
    lineOf(9, { currency: 'USD' }),
    lineOf(4, { description: 'x'.repeat(70_000) }),
    lineOf(5).trimEnd(),
  ]
  const results = await importAll(seller, 'bad-lines', lines.join(''))
  assert.deepEqual(
    results.map(({ line, status, errors }) => [line, status, ...(errors ?? []).map(({ pointer }) => pointer)]),
    [
      [1, 'created'],
      ...[
        [2, 'refused', ''],
        [3, 'refused', ''],
        [4, 'refused', '/priceMinor', '/more'],
        [5, 'refused', '/sku'],
      ],
      ...[
        [6, 'refused', '/name'],
        [7, 'refused', '/currency'],
        [8, 'refused', ''],
      ],
      [9, 'created'],
    ],
  )
  assert.equal((await seller.call('GET', '/imports/bad-lines')).body.refused, 7)
})

test('results come while lines are still being sent', async () => {
  const { outgoing, next, rest } = await open(await newPartner(harness, url), 'talking')
  for (const index of [1, 2, 3]) {
    outgoing.write(lineOf(index))
    assert.deepEqual((await next())?.line, index)
  }
  outgoing.end()
  assert.deepEqual(await rest(), [])
})

test('an import that broke off goes on behind the lines that are done, or says of each that it is done', async () => {
  const seller = await newPartner(harness, url)
  const broken = await open(seller, 'long')
  broken.outgoing.on('error', () => undefined)
  broken.outgoing.write(
    range(1, 300)
      .map((index) => lineOf(index))
      .join('') + lineOf(301).slice(0, 20),
  )
  for (let line = 0; line !== 300;) line = (await broken.next())?.line ?? 0
  broken.outgoing.destroy()
  const { linesDone } = (await seller.call('GET', '/imports/long')).body
  assert.equal(linesDone, 300)
  const start = (query: string, lines: string) =>
    until(() => importAll(seller, 'long', lines, query).then((results) => (results[0]?.line === undefined ? undefined : results)), {
      message: 'the broken connection is given up',
    })
  const on = await start(
    '?firstLine=301',
    range(301, 310)
      .map((index) => lineOf(index))
      .join(''),
  )
  assert.deepEqual(new Set(statusesOf(on)), new Set(['created']))
  assert.deepEqual([on[0]?.line, on.at(-1)?.line], [301, 310])
  const all = await importAll(
    seller,
    'long',
    range(1, 312)
      .map((index) => lineOf(index))
      .join(''),
  )
  assert.deepEqual(statusesOf(all), [...Array(310).fill('done'), 'created', 'created'])
  const [row] = await harness.database.query(
    { name: '', text: 'select count(*) as n, count(distinct sku) as skus from product where seller_id = $1' },
    [uuidOf(seller.id)],
  )
  assert.deepEqual(row, { n: 312, skus: 312 })
})

test('what can’t be an import is refused', async () => {
  const seller = await newPartner(harness, url)
  const post = (headers: Record<string, string>, query = '') => seller.call('POST', `/products/import${query}`, lineOf(1), headers)
  const ndjson = { 'content-type': 'application/x-ndjson' }
  assert.deepEqual(refusedWith(await post({ 'import-id': 'x' })), [415, 'request.unsupported-media-type'])
  assert.deepEqual(refusedWith(await post(ndjson)), [400, 'request.invalid'])
  assert.deepEqual(refusedWith(await post({ ...ndjson, 'import-id': 'a b' })), [400, 'request.invalid'])
  assert.deepEqual(refusedWith(await post({ ...ndjson, 'import-id': 'x' }, '?firstLine=0')), [400, 'request.invalid'])
  const gap = await post({ ...ndjson, 'import-id': 'x' }, '?firstLine=2')
  assert.deepEqual([...refusedWith(gap), gap.body.linesDone], [409, 'catalogue.import-gap', 0])
  assert.deepEqual(refusedWith(await seller.call('POST', '/products', lineOf(1), ndjson)), [415, 'request.unsupported-media-type'])
  assert.deepEqual(refusedWith(await seller.call('GET', '/imports/first')), [404, 'catalogue.import-not-found'])
  const running = await open(seller, 'running')
  assert.deepEqual(refusedWith(await post({ ...ndjson, 'import-id': 'other' })), [429, 'request.rate-limited'])
  running.outgoing.end()
  assert.deepEqual(await running.rest(), [])
})

test('a sender that does not read its results is held back', async () => {
  const seller = await newPartner(harness, url)
  const { outgoing, answer } = await open(seller, 'deaf')
  answer.pause()
  answer.socket.pause()
  const wide = lineOf(1, { more: 'x'.repeat(1_000) }).trimEnd() // refused with a long result
  let sent = 0
  const pour = (): void => {
    while (outgoing.writable && sent < 200_000) {
      sent++
      if (!outgoing.write(`${wide.replace('SKU-1', `SKU-${sent}`)}\n`)) return void outgoing.once('drain', pour)
    }
  }
  outgoing.on('error', () => undefined)
  pour()
  let seen = -1
  await until(() => seen === (seen = sent) && sent > 0, { everyMs: 300, deadlineMs: 30_000, message: 'nothing moves any more' })
  assert.ok(sent < 100_000, `${sent} lines were taken in`)
  outgoing.destroy()
})
