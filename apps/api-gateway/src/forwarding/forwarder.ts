import { SERVICES, type ServiceName } from '@catamaran/contracts'
import { AppError, contextOf, ServiceTokens, startStep, type Claims } from '@catamaran/platform'
import { SpanKind } from '@opentelemetry/api'
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationShutdown } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CONFIG, type Config } from '../config.js'
import { AuthState } from '../credentials/auth-state.js'
import { Revocations } from '../credentials/revocations.js'
import type { Admission } from '../limits/admission.js'
import { countedFor } from '../limits/caller.js'
import { InHand } from '../limits/in-hand.js'
import { RateLimiter, type Counted } from '../limits/rate-limiter.js'
import { securityHeadersOf } from '../security-headers.js'
import { Usage } from '../usage/usage.js'
import { takeBody, type InnerBody } from './body.js'
import { Exchange } from './exchange.js'
import { innerRequestHeaders } from './headers.js'
import { refuse } from './refusals.js'
import type { RouteRule } from './routes.js'
import { Upstream, type Lane } from './upstream.js'

const STREAM_RETRY_S = 5

/** What the steps before the exchange have brought together. */
interface Prepared {
  token: string
  body: InnerBody | undefined
  lane: Lane
  /** Flat headers of our own on the answer. */
  own: string[]
  counted: Counted
}

/** Takes a verified request to the inner service it is for: limit, service token, body, exchange. No step makes a promise it can do without. */
@Injectable()
export class Forwarder implements BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly upstreams: ReadonlyMap<ServiceName, Upstream>
  /** Flat. */
  private readonly security: readonly string[]
  private readonly streams = new Map<string, Set<Exchange>>()
  private readonly callers = new WeakMap<Exchange, Claims>()
  private readonly inHand: InHand
  private isDraining = false

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly limiter: RateLimiter,
    private readonly tokens: ServiceTokens,
    private readonly authState: AuthState,
    private readonly revocations: Revocations,
    private readonly usage: Usage,
  ) {
    const { upstreams, forwarding, service } = config
    this.upstreams = new Map(
      SERVICES.flatMap((name) => {
        const url = (upstreams as Partial<Record<ServiceName, string>>)[name]
        return url === undefined ? [] : [[name, new Upstream(name, url, forwarding)] as const]
      }),
    )
    this.security = Object.entries(securityHeadersOf(service.issuer)).flat()
    this.inHand = new InHand(forwarding.maxInFlightPerCaller)
    revocations.onAdded(() => this.endRevokedStreams())
  }

  /** Forwards one request. Whatever goes wrong is answered here: the reply is hijacked. */
  forward(request: FastifyRequest, reply: FastifyReply, rule: RouteRule): void {
    reply.hijack()
    const own = ['x-request-id', request.id]
    if (this.isDraining) own.push('connection', 'close')
    const refused = (error: unknown): void => refuse(request, reply, error, [...own, ...this.security])
    const step =
      <T>(next: (value: T) => void) =>
      (value: T): void => {
        try {
          next(value)
        } catch (error) {
          refused(error)
        }
      }
    const counted = countedFor(request, rule.isSignIn && request.method === 'POST', this.planOf)
    const isStream = !rule.isUpload && request.headers.accept?.includes('text/event-stream') === true
    const lane = rule.isUpload ? 'uploads' : isStream ? 'streams' : 'requests'
    this.usage.watch(request, reply)
    const admitted = step(({ rateLimit, rateLimitPolicy, retryAfterS }: Admission) => {
      own.push('ratelimit', rateLimit, 'ratelimit-policy', rateLimitPolicy)
      if (retryAfterS !== undefined) throw new AppError('request.rate-limited', { retryAfterS })
      const token = this.tokens.current()
      if (typeof token === 'string') authorised(token)
      else token.then(authorised, refused)
    })
    const authorised = step((token: string) => takeBody(request, reply, rule.maxBodyBytes, bodyTaken(token), refused))
    const bodyTaken = (token: string) =>
      step((body: InnerBody | undefined) => this.exchange(request, reply, rule, { token, body, lane, own, counted }))
    try {
      // Before the limit: what is refused here must not count there. Streams have a cap of their own.
      if (!isStream) this.inHand.enter(counted.who, reply.raw)
      this.limiter.admit(counted, admitted)
    } catch (error) {
      refused(error)
    }
  }

  /** @throws AppError service.overloaded, or request.rate-limited for a caller with too many streams open */
  private exchange(request: FastifyRequest, reply: FastifyReply, rule: RouteRule, prepared: Prepared): void {
    const { token, body, lane, own, counted } = prepared
    if (reply.raw.destroyed) return
    const upstream = this.upstreams.get(rule.upstream) as Upstream
    const streams = lane === 'streams' ? this.streamsOf(counted.who) : undefined
    upstream.enter(lane)
    const { requestId, traceparent } = contextOf(request)
    const attributes = { 'http.request.method': request.method, 'peer.service': upstream.name }
    const step = startStep(traceparent, request.method, { kind: SpanKind.CLIENT, attributes })
    const exchange: Exchange = new Exchange(request, reply, {
      upstream,
      headers: innerRequestHeaders(request, { requestId, traceparent: step?.traceparent ?? traceparent }, token),
      span: step?.span,
      body,
      lane,
      deadlineMs: rule.deadlineMs,
      own,
      security: this.security,
      onDone: () => {
        upstream.leave(lane)
        streams?.delete(exchange)
        if (streams?.size === 0) this.streams.delete(counted.who)
      },
    })
    if (streams !== undefined) this.keepStream(streams, exchange, contextOf(request).caller)
    exchange.start()
  }

  /** Since the guard admitted the caller of a stream, they may have been shut out: nothing else would tell it. */
  private keepStream(streams: Set<Exchange>, exchange: Exchange, caller: Claims | undefined): void {
    streams.add(exchange)
    if (caller === undefined) return
    this.callers.set(exchange, caller)
    if (this.revocations.covers(caller)) exchange.end(new AppError('auth.token-revoked'))
  }

  private endRevokedStreams(): void {
    for (const streams of this.streams.values()) {
      for (const stream of streams) {
        const caller = this.callers.get(stream)
        if (caller !== undefined && this.revocations.covers(caller)) stream.end(new AppError('auth.token-revoked'))
      }
    }
  }

  private readonly planOf = (id: string | undefined) => this.authState.planOf(id)

  /** The event streams that somebody has open. */
  private streamsOf(who: string): Set<Exchange> {
    const open = this.streams.get(who) ?? new Set()
    if (open.size >= this.config.forwarding.maxStreamsPerCaller) {
      throw new AppError('request.rate-limited', { detail: 'Close one of your event streams first.', retryAfterS: STREAM_RETRY_S })
    }
    this.streams.set(who, open)
    return open
  }

  /** Ends what would never end by itself; requests in hand are finished. */
  beforeApplicationShutdown(): void {
    this.isDraining = true
    for (const streams of this.streams.values()) for (const stream of streams) stream.drain()
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.upstreams.values()].map((upstream) => upstream.close()))
  }
}
