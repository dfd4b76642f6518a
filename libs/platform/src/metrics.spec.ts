import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { counter, histogram, observe } from './metrics.js'
import { startTelemetry } from './telemetry.js'
import type { Format } from './exposition.js'

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

describe('metrics', () => {
  let scrape: (format: Format) => Promise<string>
  before(() => {
    scrape = startTelemetry('core-service')
  })
  const linesOf = async (start: string, format: Format = 'text') =>
    (await scrape(format)).split('\n').filter((line) => line.startsWith(start))

  it('stand at 0 from the start for all that their labels may say', async () => {
    counter('orders.cancelled').add(1, { reason: 'buyer' })
    counter('orders.placed')
    counter('messaging.consumed', { group: 'aux.sales' })
    const cancelled = await linesOf('orders_cancelled_total')
    assert.deepEqual(cancelled.toSorted(), [
      'orders_cancelled_total{reason="buyer"} 1',
      'orders_cancelled_total{reason="hold_expired"} 0',
      'orders_cancelled_total{reason="payment_declined"} 0',
      'orders_cancelled_total{reason="seller"} 0',
    ])
    assert.deepEqual(await linesOf('orders_placed_total'), ['orders_placed_total 0'])
    assert.equal((await linesOf('messaging_consumed_total{group="aux.sales"')).length, 5)
    histogram('outbox.batch.size')
    assert.deepEqual((await linesOf('outbox_batch_size')).slice(-3), [
      'outbox_batch_size_bucket{le="+Inf"} 0',
      'outbox_batch_size_sum 0',
      'outbox_batch_size_count 0',
    ])
  })

  it('have their unit in their name, and are told of the process itself', async () => {
    const text = await scrape('text')
    for (const name of ['nodejs_eventloop_delay_p50_seconds', 'nodejs_eventloop_delay_p99_seconds', 'nodejs_eventloop_utilization_ratio'])
      assert.match(text, new RegExp(`^${name} [0-9.e-]+$`, 'm'))
    assert.match(text, /^process_memory_usage_bytes \d{7,}$/m)
    assert.match(text, /^process_cpu_time_seconds_total\{cpu_mode="user"\} [0-9.]+$/m)
    assert.match(text, /^# TYPE process_cpu_time_seconds_total counter$/m)
    assert.match(text, /^target_info\{service_name="core-service"\} 1$/m)
  })

  it('that are observed are told of only while somebody tells of them', async () => {
    let partitions = [0, 1]
    const end = observe('messaging.lag', (tell) => partitions.forEach((partition) => tell(7, { group: 'g', topic: 'orders', partition })))
    assert.equal((await linesOf('messaging_lag{')).length, 2)
    partitions = [1]
    assert.deepEqual(await linesOf('messaging_lag{'), ['messaging_lag{group="g",topic="orders",partition="1"} 7'])
    end()
    assert.deepEqual(await linesOf('messaging_lag{'), [])
  })

  it('carry the last trace of a bucket in OpenMetrics, and none in the older format', async () => {
    const labels = { 'http.request.method': 'GET', 'http.route': '/v1/"odd"', 'http.response.status_code': 200 }
    const duration = histogram('http.server.request.duration')
    duration.record(0.03, labels)
    duration.recordTraced(0.3, TRACEPARENT.replace(/^00-0/, '00-1'), labels)
    duration.recordTraced(0.4, TRACEPARENT, labels)
    duration.recordTraced(9, TRACEPARENT, labels)
    const bucket =
      'http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/v1/\\"odd\\"",http_response_status_code="200"'
    const told = (await linesOf(bucket, 'openmetrics')).filter((line) => line.includes('#'))
    const trace = '# {trace_id="0af7651916cd43dd8448eb211c80319c",span_id="b7ad6b7169203331"}'
    assert.deepEqual(
      told.map((line) => line.replace(/ \S+$/, '')),
      [`${bucket},le="0.5"} 3 ${trace} 0.4`, `${bucket},le="+Inf"} 4 ${trace} 9`],
    )
    assert.ok((await linesOf(bucket)).every((line) => /\} \d+$/.test(line)))
    const text = await scrape('openmetrics')
    assert.ok(text.endsWith('\n# EOF\n'))
    assert.match(text, /^# TYPE orders_cancelled counter$/m)
    assert.match(text, /^# UNIT http_server_request_duration_seconds seconds$/m)
  })

  it('that are not declared, or have other labels or values, do not compile', () => {
    // @ts-expect-error -- no such metric
    assert.ok(counter.bind(undefined, 'orders.imagined'))
    const cancelled = counter('orders.cancelled')
    // @ts-expect-error -- no such reason
    cancelled.add(0, { reason: 'boredom' })
    // @ts-expect-error -- no such label
    cancelled.add(0, { reason: 'buyer', buyerId: 'usr_1' })
    // @ts-expect-error -- a label is missing
    cancelled.add(0)
  })
})
