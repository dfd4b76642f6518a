import { Agent, errors, type Dispatcher } from 'undici'
import { AddressRefused, type Addresses } from './addresses.js'
import type { AttemptRecord } from './queue.repository.js'

const MAX_BODY_BYTES = 1_024
/** A status decides; whoever sends its body slower than this has said enough. */
const MAX_BODY_MS = 1_000
const MAX_HEADER_BYTES = 8 * 1_024
const MAX_HEADERS_TOLD = 40
const MAX_HEADER_LENGTH = 512
const CONNECT_MS = 5_000
const KEEP_ALIVE_MS = 30_000

export interface SenderOptions {
  readonly addresses: Addresses
  /** The whole attempt. */
  readonly timeoutMs: number
}

export interface Post {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Posts webhooks: over connections that are kept, to addresses that were judged, never following a redirect, reading no more of an answer than is told. */
export class Sender {
  private readonly agent: Agent

  constructor(private readonly options: SenderOptions) {
    this.agent = new Agent({
      connect: { lookup: options.addresses.lookup, timeout: CONNECT_MS },
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
    })
  }

  /** Never rejects: what went wrong is in the record. */
  async send({ url, headers, body }: Post): Promise<AttemptRecord> {
    const startedAt = new Date()
    const startedMs = performance.now()
    const requestHeaders = { ...headers, 'content-type': 'application/json', 'user-agent': 'Catamaran-Webhooks/1' }
    const elapsed = (): number => performance.now() - startedMs
    try {
      const response = await this.agent.request({
        ...targetOf(this.options.addresses.parse(url)),
        method: 'POST',
        headers: requestHeaders,
        body,
        signal: AbortSignal.timeout(this.options.timeoutMs),
      })
      const firstByteMs = elapsed()
      const told = { status: response.statusCode, headers: headersOf(response.headers), body: await startOf(response.body) }
      return { startedAt, requestHeaders, firstByteMs, durationMs: elapsed(), response: told, failure: failureOfStatus(told.status) }
    } catch (error) {
      return { startedAt, requestHeaders, firstByteMs: undefined, durationMs: elapsed(), response: undefined, failure: failureOf(error) }
    }
  }

  /** Ends all connections. */
  close(): Promise<void> {
    return this.agent.destroy()
  }
}

const targetOf = ({ origin, pathname, search }: URL): { origin: string; path: string } => ({ origin, path: pathname + search })

/** The first KiB, as text that the database takes. */
const startOf = async (body: Dispatcher.ResponseData['body']): Promise<string> => {
  const chunks: Buffer[] = []
  let bytes = 0
  const timer = setTimeout(() => body.destroy(), MAX_BODY_MS)
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes >= MAX_BODY_BYTES) break
    }
  } catch {
    // The receiver has given its answer with the status; a body that breaks off takes nothing from it.
  } finally {
    clearTimeout(timer)
  }
  return Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES).toString('utf8').replaceAll('\0', '\uFFFD')
}

const headersOf = (headers: Dispatcher.ResponseData['headers']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers)
      .slice(0, MAX_HEADERS_TOLD)
      .map(([name, value]) => [name, [value].flat().join(', ').replaceAll('\0', '').slice(0, MAX_HEADER_LENGTH)]),
  )

const failureOfStatus = (status: number): string | undefined => {
  if (status < 300) return undefined
  return status < 400 ? 'redirect' : 'status'
}

/** In words for the partner. Nothing of the error's own text: it may tell of addresses inside. */
const failureOf = (error: unknown): string => {
  const chain = causes(error)
  if (chain.some((each) => each instanceof AddressRefused)) return 'address_refused'
  const codes = chain.map((each) => (each as { code?: unknown }).code).filter((code) => typeof code === 'string')
  const isAny = (pattern: RegExp): boolean => codes.some((code) => pattern.test(code))
  if (chain.some(({ name }) => name === 'TimeoutError') || isAny(/TIMEOUT|^ETIMEDOUT$/)) return 'timeout'
  if (isAny(/^(ENOTFOUND|ENODATA|ESERVFAIL|EAI_AGAIN|EREFUSED|ENONAME|EBADRESP|EBADNAME)$/)) return 'name_not_resolved'
  if (isAny(/CERT|^ERR_TLS|^ERR_SSL|SELF_SIGNED|UNABLE_TO_VERIFY|^EPROTO$/)) return 'tls'
  if (isAny(/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH)$/)) return 'connection_refused'
  if (chain.some((each) => each instanceof errors.HeadersOverflowError || each instanceof errors.HTTPParserError)) return 'answer_malformed'
  return 'connection_closed'
}

const causes = (error: unknown): Error[] => {
  if (!(error instanceof Error)) return []
  const inner = error instanceof AggregateError ? error.errors : [error.cause]
  return [error, ...inner.flatMap(causes)]
}
