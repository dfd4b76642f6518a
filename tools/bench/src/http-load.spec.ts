import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import type { LoadJob, LoadResult } from './http-load.js'
import { Worker } from './worker.js'

let client: Worker<LoadJob, LoadResult>
before(() => (client = Worker.start('http-load.js')))
after(() => client.stop())

async function serving<T>(listener: RequestListener, work: (url: string) => Promise<T>): Promise<T> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const job = (url: string): LoadJob => ({ url, atOnce: 4, durationMs: 10_000, maxCount: 200, productIds: ['prd_1', 'prd_2'] })

test('every request is answered before it counts, also when answers come in pieces', async () => {
  let answered = 0
  const slowly: RequestListener = (_request, response) => {
    response.writeHead(200, { 'content-length': 10 }).write('hello')
    setImmediate(() => response.end('world', () => answered++))
  }
  const { count, p50Ms, p99Ms } = await serving(slowly, (url) => client.ask(job(url)))
  assert.ok(count >= 200 && count <= 204 && answered >= count - 4, `${count} counted, ${answered} answered`)
  assert.ok(p50Ms > 0 && p99Ms >= p50Ms)
})

test('an order has two different products and a key of its own', async () => {
  const seen: { key: string; products: string[] }[] = []
  const orders: RequestListener = (request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      const { lines } = JSON.parse(body) as { lines: { productId: string }[] }
      seen.push({ key: String(request.headers['idempotency-key']), products: lines.map(({ productId }) => productId) })
      response.writeHead(201, { 'content-length': 2 }).end('{}')
    })
  }
  await serving(orders, (url) => client.ask({ ...job(url), orders: { tokens: ['token'], everybodyWants: 'prd_1' } }))
  assert.equal(new Set(seen.map(({ key }) => key)).size, seen.length)
  for (const { products } of seen) assert.deepEqual(products, ['prd_1', 'prd_2'])
})

test('a refusal under load is an error that shows the answer, not a fast request', async () => {
  const refusing: RequestListener = (_request, response) => response.writeHead(429, { 'content-length': 8 }).end('too many')
  await assert.rejects(
    serving(refusing, (url) => client.ask(job(url))),
    /no success[\s\S]*429[\s\S]*too many/,
  )
})
