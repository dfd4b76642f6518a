import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { SpanKind } from '@opentelemetry/api'
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace'
import { currentContext, runInContext } from './context.js'
import { AppError } from './errors.js'
import { carriedIn } from './propagation.js'
import { forceSpan, incoming, isSampled, startTracing, traced } from './tracing.js'

const GIVEN = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const given = (traceparent: string | undefined) => carriedIn({ traceparent })
const INTERNAL = { kind: SpanKind.INTERNAL }

describe('tracing', () => {
  let exporter: InMemorySpanExporter
  let stop: () => Promise<void>
  const start = async (ratio: number) => {
    exporter = new InMemorySpanExporter()
    stop = await startTracing('core-service', { endpoint: undefined, ratio }, new SimpleSpanProcessor({ exporter }))
  }
  beforeEach(() => start(1))
  afterEach(() => stop())
  const within = <T>(traceparent: string, work: () => Promise<T>): Promise<T> =>
    runInContext({ requestId: 'req_1', traceparent, fields: {} }, work)

  it('goes on with the trace of a request, and at the edge decides itself whether it is sampled', async () => {
    const inner = incoming(given(GIVEN), false)
    assert.match(inner.traceparent, /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01$/)
    assert.equal(inner.parent, GIVEN)
    assert.ok(isSampled(incoming(given(GIVEN.replace(/01$/, '00')), true).traceparent))
    await stop()
    await start(0)
    assert.ok(!isSampled(incoming(given(GIVEN), true).traceparent))
    assert.ok(isSampled(incoming(given(GIVEN), false).traceparent))
    const [zeroTrace, zeroSpan] = [GIVEN.replace(/-\w{32}-/, `-${'0'.repeat(32)}-`), GIVEN.replace(/-\w{16}-/, `-${'0'.repeat(16)}-`)]
    for (const none of [undefined, 'rubbish', zeroTrace, zeroSpan]) assert.equal(given(none), undefined)
    assert.equal(incoming(undefined, false).parent, undefined)
    const seconds = Number.parseInt(incoming(undefined, true).traceparent.slice(3, 11), 16)
    assert.ok(Math.abs(seconds - Date.now() / 1000) < 60, 'a trace of our own begins with its time, as X-Ray wants it')
  })

  it('puts what is done under a span, below the one around it, and gives its context the span’s', async () => {
    const arrived = incoming(given(GIVEN), false)
    const inside = await within(arrived.traceparent, () =>
      traced('outer', INTERNAL, () => traced('inner', INTERNAL, async () => currentContext()?.traceparent)),
    )
    const [inner, outer] = exporter.getFinishedSpans()
    assert.deepEqual([inner?.name, outer?.name], ['inner', 'outer'])
    assert.equal(inner?.parentSpanContext?.spanId, outer?.spanContext().spanId)
    assert.equal(outer?.parentSpanContext?.spanId, arrived.traceparent.slice(36, 52))
    assert.equal(inside, `00-${inner?.spanContext().traceId}-${inner?.spanContext().spanId}-01`)
  })

  it('makes no span where the trace was not chosen, and one afterwards when asked', async () => {
    const arrived = incoming(given(GIVEN.replace(/01$/, '00')), false)
    assert.equal(await within(arrived.traceparent, () => traced('work', INTERNAL, async () => 7)), 7)
    assert.equal(exporter.getFinishedSpans().length, 0)
    forceSpan('late', arrived, { ...INTERNAL, startedAt: Date.now() - 5_000 })?.end()
    const [late] = exporter.getFinishedSpans()
    assert.equal(late?.spanContext().spanId, arrived.traceparent.slice(36, 52))
    assert.ok((late?.duration[0] ?? 0) >= 4)
  })

  it('tells of a failure its code and none of its words', async () => {
    const failing = () => Promise.reject(new AppError('orders.not-found', { detail: 'Havenkade 12' }))
    await assert.rejects(
      within(GIVEN, () => traced('work', INTERNAL, failing)),
      { code: 'orders.not-found' },
    )
    const [span] = exporter.getFinishedSpans()
    assert.equal(span?.attributes['error.type'], 'orders.not-found')
    assert.ok(!JSON.stringify([span?.attributes, span?.events, span?.status]).includes('Havenkade'))
  })
})
