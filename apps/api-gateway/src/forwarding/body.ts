import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { AppError } from '@catamaran/platform'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { hasBody } from './refusals.js'

/**
 * Bodies that can't be larger than this are taken in whole and sent in one write, so that slow clients hold no inner connection; larger ones
 * flow through.
 */
const COLLECTED_BYTES = 64 * 1024
/** How long a body that is taken in whole may take, and how long one that flows may stand still. */
const COLLECTED_WITHIN_MS = 30_000
const IDLE_MS = 60_000

const tooLarge = (maxBytes: number): AppError =>
  new AppError('request.too-large', { detail: `Send at most ${Math.floor(maxBytes / 1024)} KiB in one request.` })

export type InnerBody = { whole: Buffer } | { flow: () => Readable; contentLength: string | undefined }

/**
 * The body of a request as the inner request takes it, or undefined when it has none. A small one is handed over once it is here; the
 * others at once, to be read as the inner service takes them. `fail` hears of a body that turns out to be too large.
 * @throws AppError request.too-large, when the length is told and is too much
 */
export const takeBody = (
  { raw }: FastifyRequest,
  reply: FastifyReply,
  maxBytes: number,
  next: (body: InnerBody | undefined) => void,
  fail: (error: AppError) => void,
): void => {
  if (!hasBody(raw)) return next(undefined)
  const length = raw.headers['content-length']
  if (length !== undefined && Number(length) > maxBytes) throw tooLarge(maxBytes)
  if (raw.headers.expect !== undefined) reply.raw.writeContinue()
  if ((length === undefined ? maxBytes : Number(length)) > COLLECTED_BYTES) {
    return next({ flow: () => new LimitedBody(raw, maxBytes), contentLength: length })
  }
  const chunks: Buffer[] = []
  let bytes = 0
  const onChunk = (chunk: Buffer): void => {
    bytes += chunk.length
    chunks.push(chunk)
    if (bytes <= maxBytes) return
    end()
    fail(tooLarge(maxBytes))
  }
  const onEnd = (): void => {
    end()
    next({ whole: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks) })
  }
  const timer = setTimeout(() => {
    end()
    fail(new AppError('request.timeout'))
  }, COLLECTED_WITHIN_MS)
  const end = (): void => {
    clearTimeout(timer)
    raw.off('data', onChunk).off('end', onEnd).off('close', end)
  }
  raw.on('data', onChunk).on('end', onEnd).on('close', end)
}

/**
 * A request's body as a stream of its own: what destroys it (a lost inner connection) leaves the client's connection alone, and more bytes than
 * allowed end it with `request.too-large`.
 */
class LimitedBody extends Readable {
  private bytes = 0
  private isWired = false
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly raw: IncomingMessage,
    private readonly maxBytes: number,
  ) {
    super()
  }

  override _read(): void {
    if (!this.isWired) {
      this.isWired = true
      this.raw.on('data', this.onChunk).on('end', this.onEnd)
    }
    // Time counts only while more is wanted: an inner service that is slow is not the client's fault.
    this.timer ??= setTimeout(() => this.destroy(new AppError('request.timeout')), IDLE_MS)
    this.raw.resume()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.rest()
    this.raw.off('data', this.onChunk).off('end', this.onEnd).pause()
    done(error)
  }

  private rest(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }

  private readonly onChunk = (chunk: Buffer): void => {
    this.rest()
    this.bytes += chunk.length
    if (this.bytes > this.maxBytes) return void this.destroy(tooLarge(this.maxBytes))
    if (!this.push(chunk)) this.raw.pause()
  }
  private readonly onEnd = (): void => {
    this.rest()
    this.push(null)
  }
}
