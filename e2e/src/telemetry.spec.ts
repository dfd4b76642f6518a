import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { SERVICES } from '@catamaran/contracts'
import { startSystem, type RunningSystem, type Started } from '@catamaran/stack'
import { OtlpSink, until } from '@catamaran/testing'
import { journey, type Journey } from './journey.js'
import { logFaults, metricFaults, personalIn, secretsOf, seriesOf, spanFaults, type Series } from './telemetry.walk.js'

let own: Started<RunningSystem>
let sink: OtlpSink
let done: Journey
/** The gateway forwards by prefix, and names the route all the same. */
const EDGE = 'POST /v1/orders'
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'

before(async () => {
  sink = await OtlpSink.start()
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, OTEL_TRACES_SAMPLER_ARG: '1', OTEL_PROPAGATORS: 'tracecontext,xray' }
  own = await startSystem({ env })
  done = await journey(own.system, () => undefined)
  await journey(own.system, () => undefined)
})
after(async () => {
  await own?.stop()
  await sink?.close()
})

const call = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(own.system.gateway + path, { ...init, signal: AbortSignal.timeout(10_000) })

const partnerToken = async (): Promise<string> => {
  const { clientId, clientSecret } = own.system.demo?.partner ?? { clientId: '', clientSecret: '' }
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    scope: 'catalogue',
  })
  const granted = await fetch(`${own.system.issuer}/token`, { method: 'POST', body, signal: AbortSignal.timeout(10_000) })
  return ((await granted.json()) as { access_token: string }).access_token
}

test('an order is one trace, from the edge through payment, outbox and Kafka to the webhook, and every span of it has its parent', async () => {
  const listed = await call('/v1/partner/products?limit=1', { headers: { authorization: `Bearer ${await partnerToken()}` } })
  const { items } = (await listed.json()) as { items: { id: string }[] }
  const [traceId, callersSpan] = [TRACE_ID, 'b7ad6b7169203331']
  const placed = await call('/v1/orders', {
    method: 'POST',
    headers: {
      ...{ authorization: `Bearer ${done.accessToken}`, 'content-type': 'application/json', 'idempotency-key': 'to-be-traced' },
      traceparent: `00-${traceId}-${callersSpan}-00`, // a caller's own sampling is not ours
    },
    body: JSON.stringify({
      lines: [{ productId: items[0]?.id, quantity: 1 }],
      deliveryAddress: { name: 'A. Buyer', line1: 'Havenkade 12', city: 'Rotterdam', postalCode: '3011 AA', country: 'NL' },
      paymentMethod: 'card_ok',
    }),
  })
  assert.equal(placed.status, 201, await placed.clone().text())
  const spans = () => sink.trace(traceId)
  const isThere = (service: string, name: string) => spans().some((span) => span.service === service && span.name === name)
  const expected = [
    ['api-gateway', EDGE],
    ['core-service', 'POST /v1/orders'],
    ['core-service', 'place-orders'],
    ['core-service', 'payment authorise'],
    ['core-service', 'end-holds'],
    ['aux-service', 'process orders'],
    ['aux-service', 'deliver webhook'],
  ] as const
  await until(() => {
    const missing = expected.filter(([service, name]) => !isThere(service, name))
    assert.deepEqual(missing, [])
    return true
  })
  // A parent ends, and is told, after its children.
  await until(() => {
    const ids = new Set(spans().map(({ spanId }) => spanId))
    const orphans = spans().filter(({ parentSpanId }) => parentSpanId !== undefined && !ids.has(parentSpanId))
    assert.deepEqual(
      orphans.map(({ name, service, parentSpanId }) => [service, name, parentSpanId]),
      [['api-gateway', EDGE, callersSpan]],
    )
    return true
  })
  const parentOf = (service: string, name: string) => {
    const span = spans().find((each) => each.service === service && each.name === name)
    const parent = spans().find(({ spanId }) => spanId === span?.parentSpanId)
    return `${parent?.service} ${parent?.name}`
  }
  assert.equal(parentOf('core-service', 'POST /v1/orders'), 'api-gateway POST')
  assert.equal(parentOf('api-gateway', 'POST'), `api-gateway ${EDGE}`)
  assert.equal(parentOf('core-service', 'payment authorise'), 'core-service POST /v1/orders')
  assert.ok(spans().every(({ isError }) => !isError))
})

test('a trace that a load balancer of AWS began is gone on with inside', async () => {
  const traceId = `${Math.floor(Date.now() / 1000).toString(16)}a006649127e371903a2de979`
  const headers = { 'x-amzn-trace-id': `Root=1-${traceId.slice(0, 8)}-${traceId.slice(8)};Sampled=0` }
  assert.equal((await call('/v1/products?limit=1', { headers })).status, 200)
  const told = () => sink.trace(traceId).map(({ service, name }) => `${service} ${name}`)
  await until(() => ['api-gateway GET /v1/products', 'core-service GET /v1/products'].every((span) => told().includes(span)))
  const roots = sink.trace(traceId).filter(({ parentSpanId }) => parentSpanId === undefined)
  assert.deepEqual(
    roots.map(({ service, name }) => `${service} ${name}`),
    ['api-gateway GET /v1/products'],
  )
})

const logOf = (service: string): string => readFileSync(join(own.system.logDir, `${service}.log`), 'utf8')
/** The log lines of a service, so far. */
const linesOf = (service: string): Record<string, unknown>[] =>
  logOf(service)
    .split('\n')
    .filter((line) => line.startsWith('{"level"'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
const scrape = async (service: string): Promise<string> => {
  const headers = { accept: 'application/openmetrics-text; version=1.0.0' }
  const response = await fetch(`${own.system.services[service]?.admin}/metrics`, { headers, signal: AbortSignal.timeout(10_000) })
  return response.text()
}

test('the trace’s id stands on one wide line of each request, message and job, and beside the buckets it is an example of', async () => {
  const ofTrace = (service: string, msg: string) => linesOf(service).filter((line) => line['trace'] === TRACE_ID && line['msg'] === msg)
  const lines = [
    ['api-gateway', 'request'],
    ['core-service', 'request'],
    ['core-service', 'payment operation'],
    ['aux-service', 'webhook delivered'],
  ] as const
  await until(() => {
    for (const [service, msg] of lines) assert.ok(ofTrace(service, msg).length > 0, `${service}: ${msg}`)
    return true
  })
  const [edge, inner] = [ofTrace('api-gateway', 'request'), ofTrace('core-service', 'request')]
  assert.deepEqual([edge.length, inner.length], [1, 1])
  assert.equal(edge[0]?.['requestId'], inner[0]?.['requestId'])
  const examples = [
    ['api-gateway', 'http_server_request_duration_seconds_bucket'],
    ['core-service', 'http_server_request_duration_seconds_bucket'],
    ['aux-service', 'webhooks_delay_seconds_bucket'],
  ] as const
  for (const [service, name] of examples) {
    const told = seriesOf(await scrape(service)).filter((series) => series.name === name && series.traceId !== undefined)
    assert.ok(told.length > 0 && told.every(({ traceId = '' }) => sink.trace(traceId).length > 0), `${service}: ${name}`)
  }
})

test('the journeys are counted as what they were', async () => {
  const { orders, auth } = { orders: seriesOf(await scrape('core-service')), auth: seriesOf(await scrape('auth-service')) }
  const valueOf = (series: readonly Series[], name: string, labels: Record<string, string> = {}) =>
    series.find((each) => each.name === name && Object.entries(labels).every(([label, value]) => each.labels[label] === value))?.value
  assert.equal(valueOf(orders, 'orders_placed_total'), 3)
  await until(async () => valueOf(seriesOf(await scrape('core-service')), 'orders_confirmed_total') === 3)
  const paid = { kind: 'authorise', outcome: 'succeeded' }
  await until(async () => valueOf(seriesOf(await scrape('core-service')), 'payments_operations_total', paid) === 3)
  assert.equal(valueOf(orders, 'payments_operations_total', { kind: 'refund', outcome: 'failed' }), 0)
  assert.equal(valueOf(orders, 'orders_cancelled_total', { reason: 'seller' }), 0)
  assert.ok((valueOf(auth, 'signins_total', { method: 'password', outcome: 'succeeded' }) ?? 0) >= 2)
  assert.equal(valueOf(auth, 'signins_total', { method: 'passkey', outcome: 'failed' }), 0)
  assert.equal(valueOf(orders, 'db_client_connection_max', { pool: 'main' }), 10)
  assert.equal(valueOf(orders, 'circuit_breaker_state', { peer: 'kafka' }), 0)
})

test('no signal has a metric, label, attribute or field that is not declared, nor more series than it may', async () => {
  const faults = SERVICES.map(async (service) => [...metricFaults(seriesOf(await scrape(service))), ...logFaults(linesOf(service))])
  assert.deepEqual([...(await Promise.all(faults)).flat(), ...spanFaults(sink.spans)], [])
  assert.ok(sink.spans.length > 100)
  for (const store of ['Put aux-audit', 'admitByPace'])
    assert.ok(
      sink.spans.some(({ name }) => name === store),
      store,
    )
})

test('no signal of the journeys holds what is somebody’s: addresses, mails, names, tokens, keys', async () => {
  const { partner, buyer, operator } = own.system.demo ?? assert.fail('no demo')
  const personal = [
    ...[done.email, done.password, done.accessToken, done.refreshToken, done.idToken],
    ...['Demo Buyer', 'A. Buyer', 'Havenkade', 'Rotterdam', '3011 AA'],
    ...[partner.clientSecret, partner.apiKey, partner.owner.password, buyer.password, operator.totpSecret],
    ...SERVICES.flatMap((service) => secretsOf(own.system.serviceEnv[service] ?? {})),
  ]
  const found = SERVICES.map(async (service) => [
    ...personalIn(await scrape(service), personal).map((each) => `the metrics of ${service}: ${each}`),
    ...personalIn(logOf(service), personal).map((each) => `the log of ${service}: ${each}`),
  ])
  assert.deepEqual([...(await Promise.all(found)).flat(), ...personalIn(JSON.stringify(sink.spans), personal)], [])
})
