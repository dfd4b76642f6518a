import { carryOut, type RequestContext } from '@catamaran/platform'
import type { FastifyRequest } from 'fastify'
import { SECURITY_HEADER_NAMES } from '../security-headers.js'

/** What belongs to one connection and is never passed on (RFC 9110, section 7.6.1). */
const HOP_BY_HOP = [
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** What callers may not say: it is ours to say, or would be believed further in. The body's length is told anew from the body. */
const NOT_FROM_CALLERS = new Set([
  ...HOP_BY_HOP,
  'baggage',
  'content-length',
  'expect',
  'forwarded',
  'host',
  'traceparent',
  'true-client-ip',
  'via',
])
/** Every `X-` header is somebody's private language: callers get none of them through. */
const isPrivate = (name: string): boolean => name.charCodeAt(0) === 120 && name.charCodeAt(1) === 45

const isApiKeyHeader = (value: string | string[] | undefined): boolean => typeof value === 'string' && /^bearer +cat_/i.test(value)

/** What the outside needn't see, or what the gateway says itself. */
const NOT_TO_CALLERS = new Set([
  ...HOP_BY_HOP,
  'ratelimit',
  'ratelimit-policy',
  'server',
  'via',
  'x-powered-by',
  'x-request-id',
  'x-service-token',
])

/** The names a Connection header lists besides its own two words: they belong to the connection as well. */
const listedIn = (connection: string | undefined): ReadonlySet<string> | undefined => {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()))
}

/**
 * The headers of the inner request, flat. They are copied from the parsed ones, where a repeated Authorization or Host counts once, so what was
 * verified is what goes on.
 */
export const innerRequestHeaders = (
  request: FastifyRequest,
  context: Pick<RequestContext, 'requestId' | 'traceparent'>,
  serviceToken: string,
): string[] => {
  const { headers } = request
  const listed = listedIn(headers.connection)
  const flat = [
    'x-service-token',
    serviceToken,
    'x-request-id',
    context.requestId,
    'x-forwarded-for',
    request.ip,
    'x-forwarded-proto',
    request.protocol,
    'x-forwarded-host',
    request.host,
  ]
  carryOut(context.traceparent, (header, value) => flat.push(header, value))
  for (const name in headers) {
    const value = headers[name]
    // Where no token is judged (OpenID's own endpoints), an API key goes no further.
    if (name === 'authorization' && isApiKeyHeader(value)) continue
    if (typeof value !== 'string' || NOT_FROM_CALLERS.has(name) || isPrivate(name) || listed?.has(name) === true) continue
    flat.push(name, value)
  }
  return flat
}

export interface OuterAnswer {
  /** Flat, ready for writeHead; repeated ones (Set-Cookie) stay repeated. */
  headers: string[]
  /** Undefined where the length is not told. */
  contentLength: number | undefined
}

/**
 * The headers of the answer to the outside: the inner ones as they came, byte for byte, without what stays inside; `own` ones added, and those
 * `security` headers that the inner service left to us.
 */
export const outerAnswerHeaders = (raw: readonly Buffer[], own: readonly string[], security: readonly string[]): OuterAnswer => {
  const headers = [...own]
  let contentLength: number | undefined
  let said: Set<string> | undefined
  let listed: ReadonlySet<string> | undefined
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] as Buffer).toString('latin1').toLowerCase()
    const value = (raw[at + 1] as Buffer).toString('latin1')
    if (name === 'connection') listed = listedIn(value.toLowerCase())
    if (NOT_TO_CALLERS.has(name)) continue
    if (name === 'content-length') contentLength = Number(value)
    if (SECURITY_HEADER_NAMES.has(name)) (said ??= new Set()).add(name)
    headers.push(name, value)
  }
  const kept = listed === undefined ? headers : without(headers, listed)
  for (let at = 0; at < security.length; at += 2) {
    const name = security[at] as string
    if (said?.has(name) !== true) kept.push(name, security[at + 1] as string)
  }
  return { headers: kept, contentLength }
}

const without = (flat: readonly string[], names: ReadonlySet<string>): string[] =>
  flat.filter((_, at) => !names.has(flat[at - (at % 2)] as string))
