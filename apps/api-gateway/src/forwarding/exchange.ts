import { AppError, contextOf, failSpan } from '@catamaran/platform'
import type { Span } from '@opentelemetry/api'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Dispatcher } from 'undici'
import type { InnerBody } from './body.js'
import { outerAnswerHeaders } from './headers.js'
import { finish, hasUnreadBody, refuse } from './refusals.js'
import type { Lane, Upstream } from './upstream.js'

/** Answers up to this size are taken in whole and written at once, so that one which breaks off becomes a clean 503. */
const COLLECTED_BYTES = 64 * 1024
const RETRY_AFTER_MS = 100
/** The connection was never made: the request has not been sent. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
])
/** The connection was lost: a request may have been sent. */
const LOST = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

export interface ExchangeOptions {
  upstream: Upstream
  /** Flat headers of the inner request. */
  headers: readonly string[]
  /** The inner call's, where the request is traced. */
  span: Span | undefined
  body: InnerBody | undefined
  /** An event stream has no deadline. */
  lane: Lane
  /** Until the first byte of the answer, in milliseconds. */
  deadlineMs: number
  /** Flat headers of our own on the answer. */
  own: readonly string[]
  security: readonly string[]
  onDone: () => void
}

/** The path and query of a request target, which may come in absolute form (RFC 9112, section 3.2.2). */
const pathOf = (target: string): string => (target.startsWith('/') ? target : target.replace(/^[^:/?#]+:\/\/[^/?#]*/, ''))

/** One request on its way to an inner service and its answer on the way back. */
export class Exchange implements Dispatcher.DispatchHandler {
  private controller: Dispatcher.DispatchController | undefined
  private deadline: NodeJS.Timeout | undefined
  private attempts = 0
  private isDone = false
  private hasBegun = false
  /** Set while the answer is collected; it is streamed else. */
  private collected: Buffer[] | undefined
  private status = 0
  private headers: string[] = []
  private bytes = 0

  constructor(
    private readonly request: FastifyRequest,
    private readonly reply: FastifyReply,
    private readonly options: ExchangeOptions,
  ) {
    // Before the request's log line, which is written on the same event.
    reply.raw.prependOnceListener('close', this.onClientClosed)
    if (options.lane !== 'streams') this.deadline = setTimeout(this.onDeadline, options.deadlineMs)
  }

  /** Sends the inner request. */
  start(): void {
    this.options.upstream.send(this.inner(), this, this.options.lane)
  }

  private inner(): Dispatcher.DispatchOptions {
    this.attempts++
    const { body } = this.options
    const headers = this.options.headers as string[]
    const isFlow = body !== undefined && 'flow' in body
    return {
      method: this.request.method as Dispatcher.HttpMethod,
      path: pathOf(this.request.raw.url as string),
      headers: isFlow && body.contentLength !== undefined ? [...headers, 'content-length', body.contentLength] : headers,
      body: body === undefined ? null : isFlow ? body.flow() : body.whole,
    }
  }

  /** Ends an open event stream: the client comes back to another process. */
  drain(): void {
    if (!this.hasBegun) return
    this.reply.raw.end()
    this.done()
    this.controller?.abort(new AppError('service.unavailable'))
  }

  /** Ends it because its caller may not go on: an open stream is cut off, one that has not begun is refused. */
  end(error: AppError): void {
    if (this.hasBegun) this.drain()
    else if (!this.isDone) this.fail(error)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller
    if (this.isDone) controller.abort(new AppError('service.unavailable'))
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200 || this.isDone) return
    clearTimeout(this.deadline)
    this.hasBegun = true
    this.status = status
    const answer = outerAnswerHeaders(controller.rawHeaders as Buffer[], this.options.own, this.options.security)
    this.headers = answer.headers
    if (hasUnreadBody(this.request.raw) && !this.headers.includes('connection')) this.headers.push('connection', 'close')
    const isEmpty = this.request.method === 'HEAD' || status === 204 || status === 304
    if (isEmpty || (answer.contentLength !== undefined && answer.contentLength <= COLLECTED_BYTES)) this.collected = []
    else {
      this.reply.raw.writeHead(status, this.headers)
      this.reply.raw.flushHeaders()
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.isDone) return
    this.bytes += chunk.length
    if (this.collected !== undefined) return void this.collected.push(chunk)
    if (this.reply.raw.write(chunk)) return
    controller.pause()
    this.reply.raw.once('drain', () => controller.resume())
  }

  onResponseEnd(): void {
    if (this.isDone) return
    this.done()
    const { request, reply, collected } = this
    if (collected === undefined) return finish(request, reply)
    reply.raw.writeHead(this.status, this.headers)
    finish(request, reply, collected.length === 0 ? undefined : collected.length === 1 ? collected[0] : Buffer.concat(collected))
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.isDone) return
    if (this.mayRetry(error)) return this.retry(error)
    this.done(error)
    const code = (error as { code?: string }).code
    refuse(
      this.request,
      this.reply,
      error instanceof AppError
        ? error
        : new AppError(code === 'UND_ERR_INVALID_ARG' ? 'request.invalid' : 'service.unavailable', {}, { cause: error }),
      [...this.options.own, ...this.options.security],
    )
  }

  /**
   * Only what surely never reached the other side, or may safely reach it twice, on a connection that was closed meanwhile: a GET or HEAD, and what its
   * client has marked as safe to repeat.
   */
  private mayRetry(error: Error): boolean {
    if (this.attempts > 1 || this.hasBegun) return false
    const code = (error as { code?: string }).code ?? ''
    if (NEVER_SENT.has(code)) return true
    const { method, headers } = this.request
    const { body } = this.options
    if (!LOST.has(code)) return false
    if (method === 'GET' || method === 'HEAD') return body === undefined
    return headers['idempotency-key'] !== undefined && (body === undefined || 'whole' in body)
  }

  private retry(error: Error): void {
    const { upstream, lane } = this.options
    if (LOST.has((error as { code?: string }).code ?? '')) return upstream.sendAfresh(this.inner(), this, lane)
    setTimeout(() => {
      if (!this.isDone) this.start()
    }, RETRY_AFTER_MS)
  }

  private readonly onDeadline = (): void => this.fail(new AppError('service.timeout'))

  private readonly onClientClosed = (): void => {
    if (!this.isDone) this.fail(undefined)
  }

  /** Gives up: the inner request is aborted, and `error` answered where somebody still listens. */
  private fail(error: AppError | undefined): void {
    const reason = error ?? new AppError('service.unavailable')
    this.done(reason)
    this.controller?.abort(reason)
    if (error !== undefined) refuse(this.request, this.reply, error, [...this.options.own, ...this.options.security])
  }

  private done(error?: Error): void {
    this.isDone = true
    const { span } = this.options
    if (error !== undefined) failSpan(span, error)
    else span?.setAttribute('http.response.status_code', this.status).end()
    clearTimeout(this.deadline)
    const { fields } = contextOf(this.request)
    fields.upstream = this.options.upstream.name
    fields.bytes = this.bytes
    if (this.attempts > 1) fields.attempts = this.attempts
    this.options.onDone()
  }
}
