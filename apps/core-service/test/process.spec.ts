import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { uuidOf } from '@catamaran/contracts'
import { createTopics } from '@catamaran/messaging'
import { spawnService, until, type SpawnedService } from '@catamaran/testing'
import { freshKey, Harness, orderOf } from './harness.js'

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url))

let harness: Harness
let core: SpawnedService

before(async () => {
  harness = await Harness.create('process')
  await createTopics(harness.scope.kafka, { topics: ['orders', 'catalogue'], partitions: 1 })
  core = await spawnService(MAIN, harness.env)
  harness.scope.onClose(async () => void (await core.kill()))
})
after(() => harness.close())

const admin = async (path: string): Promise<[number, string]> => {
  const response = await fetch(core.adminUrl + path, { signal: AbortSignal.timeout(5_000) })
  return [response.status, await response.text()]
}

test('the admin port tells that it lives, has started, is ready, and what it has done', async () => {
  await harness.call(core.url, 'GET', '/v1/products?limit=1')
  for (const path of ['/livez', '/startupz', '/readyz']) assert.deepEqual(await admin(path), [200, 'ready\n'])
  assert.equal((await admin('/nothing'))[0], 404)
  const [status, metrics] = await admin('/metrics')
  assert.equal(status, 200)
  assert.match(metrics, /http_server_request_duration_seconds_count\{[^}]*http_route="\/v1\/products"[^}]*\} 1/)
  assert.match(metrics, /service_name="core-service"/)
  assert.match(metrics, /^outbox_/m)
  const [, level] = await admin('/log-level')
  assert.equal((JSON.parse(level) as { until: string | null }).until, null)
})

test('a request leaves one wide log line, without tokens, keys or addresses of people', async () => {
  const buyer = await harness.buyer(core.url)
  const product = await harness.product(5)
  const { body, headers } = await buyer.call('POST', '/v1/orders', orderOf([product, 1]), {
    'idempotency-key': 'key-of-this-test',
    'x-request-id': 'req_given_by_gateway',
  })
  assert.equal(headers.get('x-request-id'), 'req_given_by_gateway')
  const lines = await until(
    () => {
      const found = core.output.filter((line) => line.includes('req_given_by_gateway'))
      return found.length > 0 && found
    },
    { message: 'the line is written' },
  )
  assert.equal(lines.length, 1)
  const { durationMs, time, trace, ...line } = JSON.parse(lines[0] ?? '') as Record<string, unknown>
  assert.ok(typeof durationMs === 'number' && typeof time === 'string' && /^[0-9a-f]{32}$/.test(String(trace)))
  assert.deepEqual(line, {
    level: 'info',
    service: 'core-service',
    requestId: 'req_given_by_gateway',
    method: 'POST',
    route: '/v1/orders',
    status: 201,
    caller: buyer.id,
    from: 'api-gateway',
    orderId: body.id,
    totalMinor: 1000,
    msg: 'request',
  })
  for (const secret of ['Bearer', 'eyJ', 'key-of-this-test', 'Havenkade', 'A Buyer'])
    assert.ok(!core.output.some((text) => text.includes(secret)), secret)
})

test('SIGTERM lets the request in hand finish, takes no new one, and ends with 0', async () => {
  const product = await harness.product(5)
  const buyer = await harness.buyer(core.url)
  const client = harness.database.directClient()
  await client.connect()
  await client.query('begin')
  await client.query('select from stock where product_id = $1 for update', [uuidOf(product)])
  const inHand = buyer.call('POST', '/v1/orders', orderOf([product, 1]), freshKey())
  await harness.untilBlocked()
  const ended = core.kill('SIGTERM')
  await until(async () => (await admin('/readyz'))[0] === 503, { message: 'it is not ready any more' })
  assert.deepEqual(await admin('/livez'), [200, 'draining\n'])
  await until(
    () =>
      fetch(`${core.url}/v1/products`).then(
        () => false,
        () => true,
      ),
    { message: 'it takes no new connection' },
  )
  await client.query('commit')
  await client.end()
  assert.equal((await inHand).status, 201)
  assert.equal(await ended, 0)
})

test('bad configuration is told key by key, without values, and ends with 1', async () => {
  await assert.rejects(spawnService(MAIN, { ...harness.env, PORT: 'four thousand', DATABASE_URL: '' }), (error: Error) => {
    assert.match(error.message, /PORT: .*number/)
    assert.match(error.message, /DATABASE_URL: is missing/)
    assert.doesNotMatch(error.message, /four thousand/)
    return true
  })
})
