import type { ServiceName } from '@catamaran/contracts'
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags, type Span, type SpanContext } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import type { SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { currentContext, runInContext, spanIdHex, traceparentOf, type RequestContext } from './context.js'
import { usePropagators, type Carried, type PropagatorName } from './propagation.js'
import type { SpanAttributes } from './signals.schema.js'

export interface TracingOptions {
  /** Base address of an OTLP/HTTP receiver. Undefined: no spans are made. */
  readonly endpoint?: string | undefined
  /** The share of requests from outside that are traced, 0 to 1. */
  readonly ratio: number
  /** How trace context travels between services. Default: W3C Trace Context alone. */
  readonly propagators?: readonly PropagatorName[]
}

/** What a span tells besides its name, its attributes and its times. */
export interface SpanAbout {
  readonly kind: SpanKind
  readonly attributes?: SpanAttributes
  /** Trace contexts that it has to do with and that are not its parent. */
  readonly links?: readonly string[]
  /** When it began, if that is not now; epoch ms. */
  readonly startedAt?: number
}

let provider: TracerProvider | undefined
let sampledShare = 0
/** The ids of the next span: its trace context stands in logs and headers before there is a span, so the SDK has to take them. */
let nextIds = { traceId: '', spanId: '' }

/**
 * Starts tracing in this process. Which requests are traced is decided once, at the edge, and told in the sampled flag of `traceparent`: nothing
 * is wrapped, so that a request which is not traced pays for no span. @returns what sends the spans that are left, when the process ends
 */
export const startTracing = async (
  service: ServiceName,
  { endpoint, ratio, propagators = ['tracecontext'] }: TracingOptions,
  processor?: SpanProcessor,
): Promise<() => Promise<void>> => {
  usePropagators(propagators)
  if (endpoint === undefined && processor === undefined) return async () => undefined
  // Loaded only where spans go somewhere: it takes its share of start-up and memory.
  const { BatchSpanProcessor, TracerProvider } = await import('@opentelemetry/sdk-trace')
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http')
  const exporting = () =>
    new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }), scheduledDelayMillis: 1_000 })
  const started = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    spanProcessors: [processor ?? exporting()],
    idGenerator: { generateTraceId: () => nextIds.traceId, generateSpanId: () => nextIds.spanId },
  })
  provider = started
  sampledShare = ratio
  return async () => {
    if (provider === started) provider = undefined
    await started.shutdown()
  }
}

const SAMPLED = '01'
/** Whether the trace that a context belongs to was chosen. */
export const isSampled = (traceparent: string): boolean => traceparent.endsWith(SAMPLED)
const withFlag = (traceparent: string, flag: string): string => traceparent.slice(0, 53) + flag

/** The trace context of something that came in: the sender's trace, a span of our own in it, and the span of the sender that it belongs under. */
export interface Incoming {
  readonly traceparent: string
  readonly parent: string | undefined
}

/**
 * Reads the trace context a request came with. At the edge the trace is the caller's but whether it is sampled is ours to say: who asks from
 * outside can't make us trace. Inside, the flag holds (W3C Trace Context, section 4.3).
 */
export const incoming = (carried: Carried | undefined, isEdge: boolean): Incoming => {
  const isChosen = isEdge ? provider !== undefined && Math.random() < sampledShare : carried?.isSampled === true
  const flag = isChosen ? SAMPLED : '00'
  if (carried === undefined) return { traceparent: withFlag(traceparentOf(undefined), flag), parent: undefined }
  const { traceId, spanId } = carried
  const parent = spanId === undefined ? undefined : `00-${traceId}-${spanId}-${flag}`
  return { traceparent: `00-${traceId}-${spanIdHex()}-${flag}`, parent }
}

const spanContextOf = (traceparent: string): SpanContext => ({
  traceId: traceparent.slice(3, 35),
  spanId: traceparent.slice(36, 52),
  traceFlags: TraceFlags.SAMPLED,
  isRemote: true,
})

/** Starts the span whose trace context is `traceparent`, below `parent`. Undefined where it is not sampled. */
export const startSpan = (name: string, { traceparent, parent }: Incoming, about: SpanAbout): Span | undefined =>
  isSampled(traceparent) ? forceSpan(name, { traceparent, parent }, about) : undefined

/** The same, sampled or not: for what turned out to be worth a span when it was over. */
export const forceSpan = (name: string, { traceparent, parent }: Incoming, about: SpanAbout): Span | undefined => {
  if (provider === undefined) return undefined
  const { traceId, spanId } = spanContextOf(traceparent)
  nextIds = { traceId, spanId }
  const { kind, attributes = {}, links = [], startedAt } = about
  return provider.getTracer('catamaran').startSpan(
    name,
    {
      ...{ kind, attributes, links: links.map((link) => ({ context: spanContextOf(link) })) },
      ...(startedAt === undefined ? {} : { startTime: startedAt }),
    },
    parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContextOf(parent)),
  )
}

/** A step of a request: its span, and the trace context that names it, to be sent on. */
export interface SpanStep {
  readonly span: Span | undefined
  readonly traceparent: string
}

/** Begins a step below a span, for what ends in a callback (`traced` is for what ends in a promise). Undefined where the trace is not sampled. */
export const startStep = (parent: string, name: string, about: SpanAbout): SpanStep | undefined => {
  if (provider === undefined || !isSampled(parent)) return undefined
  const traceparent = `${parent.slice(0, 36)}${spanIdHex()}-${SAMPLED}`
  return { traceparent, span: startSpan(name, { traceparent, parent }, about) }
}

/** Ends a span as failed. What is told of the error is its code, never its words: these may hold what is somebody's. */
export const failSpan = (span: Span | undefined, error: unknown): void => {
  if (span === undefined) return
  const { code, name } = error as { code?: string; name?: string }
  span
    .setAttribute('error.type', code ?? name ?? '_OTHER')
    .setStatus({ code: SpanStatusCode.ERROR })
    .end()
}

/**
 * Does a part of the work in hand under a span of its own, in a context whose `traceparent` names that span. Without a sampled request around it,
 * just does it. Example: `traced('charge card', { kind: SpanKind.CLIENT }, () => psp.authorise(…))`.
 */
export const traced = <T>(name: string, about: SpanAbout, work: () => Promise<T>): Promise<T> => {
  const context = currentContext()
  const step = context && startStep(context.traceparent, name, about)
  if (context === undefined || step === undefined) return work()
  const { span, traceparent } = step
  // What is noted below is noted on the request: only the trace context is its own.
  const inner = Object.assign(Object.create(context) as RequestContext, { traceparent })
  return runInContext(inner, work).then(
    (result) => {
      span?.end()
      return result
    },
    (error: unknown) => {
      failSpan(span, error)
      throw error
    },
  )
}
