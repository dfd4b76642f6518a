import { setTimeout as delay } from 'node:timers/promises'
import { ERRORS, Problem, type ErrorCode } from '@catamaran/contracts'
import type { OnApplicationShutdown } from '@nestjs/common'
import { SpanKind } from '@opentelemetry/api'
import { Client, Pool, type Dispatcher } from 'undici'
import type { z } from 'zod'
import { currentContext } from './context.js'
import { AppError, isUnavailable } from './errors.js'
import { carryOut } from './propagation.js'
import type { ServiceTokens } from './service-tokens.js'
import type { SpanAttributes } from './signals.schema.js'
import { traced } from './tracing.js'

export interface CallOptions<T extends z.ZodType> {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  query?: Record<string, string | number | undefined>
  body?: unknown
  /** What the answer must look like. */
  answer: T
  /** The whole call, retries included. Default 2,000 ms. */
  deadlineMs?: number
  /** Whether it may be sent twice. Default: all but POST may. */
  idempotent?: boolean
}

const RETRIES = 2
const CONNECTION = { pipelining: 1, connect: { timeout: 1_000 } }
const CALLERS_FAULT: ReadonlySet<string> = new Set(['invalid', 'not-found', 'conflict'])
const RETRIED_STATUS = new Set([502, 503, 504])

/**
 * Calls one inner service: keep-alive connections, the service's token and the caller's own, the request id and the trace on every call,
 * a deadline over everything, and a bounded retry with jitter for what may be sent twice.
 */
export class HttpClient implements OnApplicationShutdown {
  private readonly pool: Pool
  private readonly server: SpanAttributes

  constructor(
    private readonly baseUrl: string,
    private readonly tokens: ServiceTokens,
    pool: Pool.Options = {},
  ) {
    const { hostname, port } = new URL(baseUrl)
    this.server = { 'server.address': hostname, 'server.port': Number(port) || 80 }
    this.pool = new Pool(baseUrl, { connections: 32, ...CONNECTION, ...pool })
  }

  /**
   * @throws AppError service.unavailable or service.timeout; the other side's own code where it judged the caller's input; `internal` for
   * any other refusal, since inner calls are ours to get right
   */
  async call<T extends z.ZodType>(options: CallOptions<T>): Promise<z.infer<T>> {
    const { method = 'GET', deadlineMs = 2_000 } = options
    const signal = AbortSignal.timeout(deadlineMs)
    const attempts = (options.idempotent ?? method !== 'POST') ? 1 + RETRIES : 1
    for (let attempt = 1; ; attempt++) {
      try {
        return await traced(method, { kind: SpanKind.CLIENT, attributes: { ...this.server, 'http.request.method': method } }, () =>
          this.once(options, signal, attempt > 1),
        )
      } catch (error) {
        if (signal.aborted) throw new AppError('service.timeout', {}, { cause: error })
        if (!isUnavailable(error) || attempt >= attempts) throw error
        await delay(20 * 2 ** attempt * Math.random(), undefined, { signal }).catch(() => undefined)
      }
    }
  }

  /** Ends the connections once the calls in hand are done. */
  onApplicationShutdown(): Promise<void> {
    return this.pool.close()
  }

  private async once<T extends z.ZodType>(
    { method = 'GET', path, query, body, answer }: CallOptions<T>,
    signal: AbortSignal,
    isRetry: boolean,
  ): Promise<z.infer<T>> {
    const context = currentContext()
    const headers: Record<string, string> = { 'x-service-token': await this.tokens.current(), accept: 'application/json' }
    if (context !== undefined) {
      headers['x-request-id'] = context.requestId
      carryOut(context.traceparent, (header, value) => (headers[header] = value))
      if (context.authorization !== undefined) headers['authorization'] = context.authorization
    }
    if (body !== undefined) headers['content-type'] = 'application/json'
    const content = body === undefined ? null : JSON.stringify(body)
    const response = await this.send({ method, path, query: definedOf(query), headers, body: content, signal }, isRetry)
    const json: unknown = response.statusCode === 204 ? undefined : await response.body.json().catch(() => undefined)
    if (response.statusCode < 300) return answer.parse(json) as z.infer<T>
    const cause = new Error(`${method} ${path} answered ${response.statusCode}: ${JSON.stringify(json)}`)
    if (RETRIED_STATUS.has(response.statusCode)) throw new AppError('service.unavailable', {}, { cause })
    const problem = Problem.safeParse(json).data
    const code = problem?.code as ErrorCode | undefined
    if (code === undefined || !(code in ERRORS) || !CALLERS_FAULT.has(ERRORS[code].kind)) throw new AppError('internal', {}, { cause })
    throw new AppError(
      code,
      { detail: problem?.detail ?? '', ...(problem?.errors === undefined ? {} : { errors: problem.errors }) },
      { cause },
    )
  }

  /** A retry goes on a connection of its own: when a process stops, all connections kept to it are stale at once. */
  private async send(options: Dispatcher.RequestOptions, isRetry: boolean): Promise<Dispatcher.ResponseData> {
    const fresh = isRetry ? new Client(this.baseUrl, CONNECTION) : undefined
    try {
      return await (fresh ?? this.pool).request(options)
    } catch (error) {
      throw new AppError('service.unavailable', {}, { cause: error })
    } finally {
      void fresh?.close() // once its answer was read
    }
  }
}

const definedOf = (query: Record<string, string | number | undefined> = {}): Record<string, string | number> =>
  Object.fromEntries(Object.entries(query).filter((entry): entry is [string, string | number] => entry[1] !== undefined))
