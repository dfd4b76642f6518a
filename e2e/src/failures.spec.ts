import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { audit, openBooks, told } from '@catamaran/audit'
import { startEngines, startSystem, type RunningEnginesOnly, type RunningSystem, type Started } from '@catamaran/stack'
import { OutageProxy, until } from '@catamaran/testing'
import { journey, signIn, type Journey } from './journey.js'

// docs/when-a-part-fails.md, row by row, on a running system: what a buyer sees while a part is gone, and what happens afterwards.

type Engine = 'DATABASE_URL' | 'REDIS_URL' | 'DYNAMODB_ENDPOINT' | 'KAFKA_BROKERS'
/** Answers at once, not after a time-out. */
const AT_ONCE_MS = 2_500
const SETTLED_MS = 60_000
const ADDRESS = { name: 'A Buyer', line1: 'Havenkade 12', city: 'Rotterdam', postalCode: '3011 AA', country: 'NL' }

let engines: Started<RunningEnginesOnly>
let proxies: Record<Engine, OutageProxy>
let own: Started<RunningSystem>
let buyer: Journey
let productId: string

before(async () => {
  engines = await startEngines()
  const { databaseUrl, redisUrl, dynamodbEndpoint, kafkaBrokers } = engines.system.engines
  proxies = {
    DATABASE_URL: await OutageProxy.before(databaseUrl),
    REDIS_URL: await OutageProxy.before(redisUrl),
    DYNAMODB_ENDPOINT: await OutageProxy.before(dynamodbEndpoint),
    KAFKA_BROKERS: await OutageProxy.before(kafkaBrokers[0] ?? ''),
  }
  own = await startSystem({ env: Object.fromEntries(Object.entries(proxies).map(([name, { url }]) => [name, url])) })
  buyer = await journey(own.system, () => undefined)
  productId = buyer.order.lines[0]?.productId ?? ''
})
after(async () => {
  await own?.stop()
  await Promise.all(Object.values(proxies ?? {}).map((proxy) => proxy.close()))
  await engines?.stop()
})

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly tookMs: number
  readonly body: { id: string; status: string; code: string; items: { orderId: string; type: string }[] }
}

const call = async (method: string, path: string, body?: unknown, key: string = randomUUID()): Promise<Answer> => {
  const since = performance.now()
  const response = await fetch(own.system.gateway + path, {
    method,
    headers: {
      ...{ authorization: `Bearer ${buyer.accessToken}`, 'idempotency-key': key },
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(15_000),
  })
  const answer = (await response.json()) as Answer['body']
  return { status: response.status, headers: response.headers, tookMs: performance.now() - since, body: answer }
}
const ORDER = () => ({ lines: [{ productId, quantity: 1 }], deliveryAddress: ADDRESS, paymentMethod: 'card_ok' })
const order = async (key?: string): Promise<string> => {
  const { status, body } = await call('POST', '/v1/orders', ORDER(), key)
  assert.equal(status, 201, JSON.stringify(body))
  return body.id
}
const isRefusedAtOnce = ({ status, headers, tookMs, body }: Answer): void => {
  assert.equal(status, 503, JSON.stringify(body))
  assert.ok(Number(headers.get('retry-after')) > 0)
  assert.ok(tookMs < AT_ONCE_MS, `it took ${tookMs} ms`)
}
const becomes = (id: string, wanted: string): Promise<true> =>
  until(async () => (await call('GET', `/v1/orders/${id}`)).body.status === wanted, {
    ...{ deadlineMs: SETTLED_MS, everyMs: 100, message: `the order is ${wanted}` },
  })
/** What the buyer's feed tells of an order, each as often as it stands there. */
const heardOf = async (id: string): Promise<string[]> => {
  const { body } = await call('GET', '/v1/notifications')
  return (body.items ?? []).filter(({ orderId }) => orderId === id).map(({ type }) => type)
}
const isHeardOfOnce = async (id: string): Promise<void> => {
  await until(async () => (await heardOf(id)).length >= 2, {
    deadlineMs: SETTLED_MS,
    everyMs: 100,
    message: 'the buyer hears of the order',
  })
  assert.deepEqual((await heardOf(id)).sort(), ['order_confirmed', 'order_placed'])
}
/** What openid-client throws when the server answers 503. */
const isUnavailable = ({ cause }: { cause?: { status?: number } }): boolean => cause?.status === 503
const canSignIn = (): Promise<unknown> => signIn(own.system, buyer.email, buyer.password)

const away = async (engine: Engine, meanwhile: () => Promise<void>): Promise<void> => {
  proxies[engine].cut()
  try {
    await meanwhile()
  } finally {
    proxies[engine].restore()
  }
}
/** Kills a process, and lets nobody bring it back meanwhile. */
const killed = async (pid: number, admin: string, meanwhile: () => Promise<void>): Promise<void> => {
  process.kill(own.system.pid, 'SIGSTOP')
  try {
    process.kill(-pid, 'SIGKILL')
    await meanwhile()
  } finally {
    process.kill(own.system.pid, 'SIGCONT')
  }
  await until(async () => (await fetch(admin)).ok, { deadlineMs: SETTLED_MS, everyMs: 50, message: 'it is back' })
}
const serviceKilled = (name: string, meanwhile: () => Promise<void>): Promise<void> => {
  const { pid = 0, admin = '' } = own.system.services[name] ?? {}
  return killed(pid, `${admin}/readyz`, meanwhile)
}

test('Redis gone: everything works', async () => {
  let id = ''
  await away('REDIS_URL', async () => {
    const answers = [
      await call('GET', `/v1/products/${productId}`),
      await call('POST', '/v1/cart/lines', { productId, quantity: 1 }),
      await call('POST', '/v1/orders', ORDER()),
    ]
    assert.deepEqual(
      answers.map(({ status, tookMs }) => [status, tookMs < AT_ONCE_MS]),
      [200, 200, 201].map((status) => [status, true]),
    )
    id = answers[2]?.body.id ?? ''
    await canSignIn()
  })
  await becomes(id, 'confirmed')
})

test('Kafka gone: orders are accepted and paid, notifications wait; afterwards each comes once', async () => {
  let id = ''
  await away('KAFKA_BROKERS', async () => {
    id = await order()
    await becomes(id, 'confirmed')
    assert.deepEqual(await heardOf(id), [])
  })
  await isHeardOfOnce(id)
})

test('DynamoDB gone: browsing and ordering by lines work, carts and sign-in answer 503; afterwards nothing is a dead letter', async () => {
  let id = ''
  await away('DYNAMODB_ENDPOINT', async () => {
    assert.equal((await call('GET', '/v1/products?q=tea')).status, 200)
    id = await order()
    isRefusedAtOnce(await call('GET', '/v1/cart'))
    isRefusedAtOnce(await call('GET', '/v1/notifications'))
    await assert.rejects(canSignIn())
  })
  await isHeardOfOnce(id)
  await canSignIn()
})

test('auth-service gone: valid tokens keep working, sign-in and new keys answer 503', async () => {
  await serviceKilled('auth-service', async () => {
    await becomes(await order(), 'confirmed')
    await assert.rejects(canSignIn(), isUnavailable)
    const { apiKey } = own.system.demo?.partner ?? { apiKey: '' }
    const response = await fetch(`${own.system.gateway}/v1/partner/products`, { headers: { authorization: `Bearer ${apiKey}` } })
    assert.equal(response.status, 503)
  })
  await canSignIn()
})

test('aux-service gone: nothing but its own pages; afterwards it catches up', async () => {
  let id = ''
  await serviceKilled('aux-service', async () => {
    await becomes((id = await order()), 'confirmed')
    isRefusedAtOnce(await call('GET', '/v1/notifications'))
  })
  await isHeardOfOnce(id)
})

test('the payment provider gone: orders stay pending; afterwards they are paid for', async () => {
  const { pid, url } = own.system.sandbox.psp
  let id = ''
  await killed(pid, `${url}/livez`, async () => {
    id = await order()
    assert.equal((await call('GET', `/v1/orders/${id}`)).body.status, 'pending_payment')
  })
  await becomes(id, 'confirmed')
})

test('PostgreSQL gone: a known product is served stale, the rest is 503 at once; afterwards the same key places the order', async () => {
  const key = randomUUID()
  assert.equal((await call('GET', `/v1/products/${productId}`)).status, 200)
  await away('DATABASE_URL', async () => {
    proxies.REDIS_URL.cut() // with its shared copy, which is fresh for a minute
    const stale = await until(
      async () => {
        const answer = await call('GET', `/v1/products/${productId}`)
        return answer.headers.get('cache-status')?.includes('stale') === true && answer
      },
      { everyMs: 50, message: 'a stale product is told to be so' },
    )
    proxies.REDIS_URL.restore()
    assert.equal(stale.status, 200)
    isRefusedAtOnce(await call('POST', '/v1/orders', ORDER(), key))
    isRefusedAtOnce(await call('GET', '/v1/orders'))
  })
  const id = await until(async () => (await call('POST', '/v1/orders', ORDER(), key)).body.id, { message: 'it is back by itself' })
  assert.equal(await order(key), id)
})

test('core-service killed amid a request: that connection is all that is lost, and a retry finds one order', async () => {
  const key = randomUUID()
  const { 'core-service': core } = own.system.services
  const cut = call('POST', '/v1/orders', ORDER(), key).catch(() => undefined)
  process.kill(-(core?.pid ?? 0), 'SIGKILL')
  await cut
  const id = await until(async () => (await call('POST', '/v1/orders', ORDER(), key)).body.id, {
    ...{ deadlineMs: SETTLED_MS, everyMs: 100, message: 'core-service is back by itself' },
  })
  await becomes(id, 'confirmed')
  assert.equal(await order(key), id)
})

test('after all of that the books are right', async () => {
  const report = await until(
    async () => {
      const { books, close } = await openBooks(own.system)
      try {
        const found = await audit(books)
        return found.findings.length === 0 && found.stuck === 0 && books.lags.every(({ behind }) => behind === 0) && found
      } finally {
        await close()
      }
    },
    { deadlineMs: SETTLED_MS, everyMs: 500, message: 'the auditor finds nothing' },
  )
  assert.ok(report.orders >= 8, told(report))
})
