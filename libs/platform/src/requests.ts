import { newId } from '@catamaran/contracts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { SpanKind, SpanStatusCode, type Span } from '@opentelemetry/api'
import { runInContext, type RequestContext } from './context.js'
import { causesOf, type AppError } from './errors.js'
import type { Logger } from './logging.js'
import { histogram } from './metrics.js'
import { carriedIn } from './propagation.js'
import type { SpanAttributes } from './signals.schema.js'
import { forceSpan, incoming, startSpan, type Incoming } from './tracing.js'

const REQUEST_ID = /^[\w-]{8,64}$/
const DEVICE_ID = /^[\w-]{16,64}$/

/** The id of a request: an inner service takes the one it is given, the public door makes its own. */
export const requestIdOf = (given: string | string[] | undefined, trustsGiven: boolean): string =>
  trustsGiven && typeof given === 'string' && REQUEST_ID.test(given) ? given : newId('request')

const contexts = new WeakMap<FastifyRequest, RequestContext>()

/** The context made for a request when it came in. */
export const contextOf = (request: FastifyRequest): RequestContext => contexts.get(request) as RequestContext

const newContext = ({ id, headers }: FastifyRequest, { traceparent }: Incoming): RequestContext => {
  const context: RequestContext = { requestId: id, traceparent, fields: {} }
  if (headers.authorization !== undefined) context.authorization = headers.authorization
  const deviceId = headers['device-id']
  if (typeof deviceId === 'string' && DEVICE_ID.test(deviceId)) context.deviceId = deviceId
  return context
}

/** Remembers what went wrong, for the request's log line. Unforeseen errors are told with all their causes. */
export const noteError = (request: FastifyRequest, error: AppError): void => {
  const { fields } = contextOf(request)
  fields.problem = error.code // `code` is an OAuth secret's name, so it is struck out
  if (error.spec.status >= 500) {
    fields.causes = causesOf(error)
    if (error.code === 'internal') fields.stack = error.cause instanceof Error ? error.cause.stack : error.stack
    fields.errorLevel = error.spec.level
  }
}

const setHeaders = (request: FastifyRequest, reply: FastifyReply, headers: Readonly<Record<string, string>>): void => {
  reply.header('x-request-id', request.id)
  for (const name in headers) reply.header(name, headers[name])
  // What is only for callers with a scope is about somebody: no cache may keep it, unless the route says otherwise.
  if (!request.is404 && request.routeOptions.config.access?.scope != null) reply.header('cache-control', 'no-store')
}

/**
 * Gives every request its context, its X-Request-Id header and `headers`, its metric and its one wide log line, written when the connection
 * has the answer or is gone. Returns what does so, for requests that reach no hook.
 */
export const registerRequests = (
  fastify: FastifyInstance,
  logger: Logger,
  { headers = {}, isEdge = false }: { headers?: Readonly<Record<string, string>> | undefined; isEdge?: boolean } = {},
): ((request: FastifyRequest, reply: FastifyReply) => RequestContext) => {
  const finishRequest = finisher(logger)

  const begin = (request: FastifyRequest, reply: FastifyReply): RequestContext => {
    const arrived = incoming(carriedIn(request.headers), isEdge)
    const context = newContext(request, arrived)
    contexts.set(request, context)
    setHeaders(request, reply, headers)
    const startedAt = performance.now()
    const span = startSpan(spanName(request), arrived, { kind: SpanKind.SERVER })
    // Unlike Fastify's onResponse this also comes when the client has gone.
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) context.fields.aborted = true
      const elapsedMs = performance.now() - startedAt
      const told = span ?? lateSpan(request, reply, arrived, elapsedMs)
      finishRequest(request, reply.raw.statusCode, elapsedMs, told !== undefined)
      endSpan(request, reply, told)
    })
    return context
  }
  fastify.addHook('onRequest', (request, reply, done) => runInContext(begin(request, reply), done))
  return begin
}

/** Makes what records an answered request and writes its line. */
const finisher = (logger: Logger) => {
  const duration = histogram('http.server.request.duration')
  return (request: FastifyRequest, status: number, elapsedMs: number, hasSpan: boolean): void => {
    const context = contextOf(request)
    const route = routeOf(request)
    const method = METHODS.has(request.method) ? request.method : '_OTHER'
    const labels = { 'http.request.method': method, 'http.route': route, 'http.response.status_code': status }
    if (hasSpan) duration.recordTraced(elapsedMs / 1000, context.traceparent, labels)
    else duration.record(elapsedMs / 1000, labels)
    const { errorLevel, ...fields } = context.fields
    logger[(errorLevel as 'error' | undefined) ?? 'info'](
      {
        requestId: context.requestId,
        trace: context.traceparent.slice(3, 35),
        method: request.method,
        route,
        status,
        durationMs: Math.round(elapsedMs * 100) / 100,
        caller: context.caller?.sub,
        from: context.service,
        flags: context.flags,
        ...fields,
      },
      'request',
    )
  }
}

/** Any other is one of a kind, so that callers can't make series (semantic conventions for HTTP metrics). */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** From here on a request is worth a trace, whether or not it was chosen for one; ms. */
const SLOW_MS = 1_000

const routeOf = (request: FastifyRequest): string => {
  const { url, config } = request.routeOptions
  return request.is404 ? 'none' : (config.nameOf?.(request) ?? url ?? 'none')
}
const spanName = (request: FastifyRequest): string => `${request.method} ${routeOf(request)}`

/** The span of a request that was not chosen but failed or was slow, from the times it knows. A stream of events is long, not slow. */
const lateSpan = (request: FastifyRequest, { raw }: FastifyReply, arrived: Incoming, elapsedMs: number): Span | undefined => {
  const isStream = String(raw.getHeader('content-type')).startsWith('text/event-stream')
  if (raw.statusCode < 500 && (isStream || elapsedMs < SLOW_MS)) return undefined
  return forceSpan(spanName(request), arrived, { kind: SpanKind.SERVER, startedAt: Date.now() - elapsedMs })
}

/** Attributes by the semantic conventions for HTTP server spans. Paths and queries are left out: they may hold what is somebody's. */
const endSpan = (request: FastifyRequest, { raw }: FastifyReply, span: Span | undefined): void => {
  if (span === undefined) return
  const { requestId, fields, flags = {} } = contextOf(request)
  // Semantic conventions for feature flags, one event each.
  for (const key in flags)
    span.addEvent('feature_flag.evaluation', { 'feature_flag.key': key, 'feature_flag.result.value': flags[key] } satisfies SpanAttributes)
  span.setAttributes({
    'http.request.method': request.method,
    'http.route': routeOf(request),
    'http.response.status_code': raw.statusCode,
    'catamaran.request_id': requestId,
  } satisfies SpanAttributes)
  if (raw.statusCode >= 500) {
    const problem = fields.problem as string | undefined
    span
      .setAttribute('error.type' satisfies keyof SpanAttributes, problem ?? String(raw.statusCode))
      .setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end()
}

/** Whether an answer can still be written. */
export const isOpen = (reply: FastifyReply): boolean => !reply.sent && !reply.raw.headersSent && !reply.raw.destroyed
