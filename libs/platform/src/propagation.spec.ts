import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { defaultTextMapGetter, defaultTextMapSetter, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api'
import { AWSXRayPropagator } from '@opentelemetry/propagator-aws-xray'
import { carriedIn, carryOut, usePropagators } from './propagation.js'
import { incoming, startTracing } from './tracing.js'

const [TRACE, SPAN] = ['5759e988bd862e3fe1be46a994272793', '53995c3f42cd8ad8']
const W3C = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const XRAY = `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=${SPAN};Sampled=1`

const headersOf = (traceparent: string): Record<string, string> => {
  const headers: Record<string, string> = {}
  carryOut(traceparent, (name, value) => (headers[name] = value))
  return headers
}

describe('trace context', () => {
  afterEach(() => usePropagators(['tracecontext']))

  it('travels as W3C has it, and X-Ray’s header is nothing unless configured', () => {
    assert.deepEqual(headersOf(W3C), { traceparent: W3C })
    assert.deepEqual(carriedIn({ traceparent: W3C, 'x-amzn-trace-id': XRAY })?.traceId, W3C.slice(3, 35))
    assert.equal(carriedIn({ 'x-amzn-trace-id': XRAY }), undefined)
  })

  it('travels both ways at once where configured, and the last one named counts', async () => {
    await startTracing('core-service', { ratio: 1, propagators: ['tracecontext', 'xray'] })
    assert.deepEqual(headersOf(`00-${TRACE}-${SPAN}-01`), { traceparent: `00-${TRACE}-${SPAN}-01`, 'x-amzn-trace-id': XRAY })
    const both = { traceparent: W3C, 'x-amzn-trace-id': XRAY }
    assert.deepEqual(carriedIn(both), { traceId: TRACE, spanId: SPAN, isSampled: true })
    assert.equal(carriedIn({ ...both, 'x-amzn-trace-id': 'Root=2-rubbish' })?.traceId, W3C.slice(3, 35))
    usePropagators(['xray', 'tracecontext'])
    assert.equal(carriedIn(both)?.traceId, W3C.slice(3, 35))
  })

  it('of a load balancer, which names no span, is gone on with as a trace’s beginning', () => {
    usePropagators(['xray'])
    const carried = carriedIn({ 'x-amzn-trace-id': `Self=1-67891234-12456789abcdef012345678;Root=1-5759E988-bd862e3fe1be46a994272793` })
    assert.deepEqual(carried, { traceId: TRACE, spanId: undefined, isSampled: false })
    const { traceparent, parent } = incoming(carried, true)
    assert.match(traceparent, new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`))
    assert.equal(parent, undefined)
    for (const none of ['', 'Root=', `Root=1-${'0'.repeat(8)}-${'0'.repeat(24)}`, 'Root=1-5759e988-bd86', `Parent=${SPAN};Sampled=1`])
      assert.equal(carriedIn({ 'x-amzn-trace-id': none }), undefined, none)
  })

  it('is written and read as AWS’s own propagator does', () => {
    usePropagators(['xray'])
    const aws = new AWSXRayPropagator()
    for (const flag of ['00', '01']) {
      const read = trace.getSpanContext(aws.extract(ROOT_CONTEXT, headersOf(`00-${TRACE}-${SPAN}-${flag}`), defaultTextMapGetter))
      assert.deepEqual([read?.traceId, read?.spanId, read?.traceFlags], [TRACE, SPAN, Number(flag)])
      const written: Record<string, string> = {}
      const context = { traceId: TRACE, spanId: SPAN, traceFlags: flag === '01' ? TraceFlags.SAMPLED : TraceFlags.NONE }
      aws.inject(trace.setSpanContext(ROOT_CONTEXT, context), written, defaultTextMapSetter)
      const [value = ''] = Object.values(written)
      assert.deepEqual(carriedIn({ 'x-amzn-trace-id': value }), { traceId: TRACE, spanId: SPAN, isSampled: flag === '01' })
    }
  })
})
