import { AsyncLocalStorage } from 'node:async_hooks'
import { randomFillSync } from 'node:crypto'
import { isId } from '@catamaran/contracts'
import type { LogFields } from './signals.schema.js'
import type { Claims } from './tokens.js'

/** What belongs to the request (or message) being worked on, wherever the code is. */
export interface RequestContext {
  readonly requestId: string
  /** W3C trace context, forwarded on every hop and stored with every event. */
  readonly traceparent: string
  /** The caller's own Authorization header, forwarded on inner hops. */
  authorization?: string
  caller?: Claims
  /** The calling service, by its token. */
  service?: string
  /** An id that an app keeps for a device whose user isn't signed in; from a Device-Id header. It says nothing about who that is. */
  deviceId?: string
  /** The values of the flags that were looked at, told on the wide log line. */
  flags?: Record<string, boolean | number | string>
  /** Extra fields of the wide log line. */
  readonly fields: LogFields
}

const storage = new AsyncLocalStorage<RequestContext>()

/** The context of the request in hand, or undefined outside one. */
export const currentContext = (): RequestContext | undefined => storage.getStore()

/** Who the request in hand acts for, as an event tells it: the user, else the API key or client. Undefined for the system itself. */
export const currentActor = (): string | undefined => {
  const caller = storage.getStore()?.caller
  if (caller === undefined) return undefined
  return isId('user', caller.sub) || caller.clientId === '' ? caller.sub : caller.clientId
}

/** Runs `work` inside a context. */
export const runInContext = <T>(context: RequestContext, work: () => T): T => storage.run(context, work)

/** Adds fields to the one log line of the request in hand. Example: `logFields({ orderId })`. */
export const logFields = (fields: LogFields): void => {
  const context = storage.getStore()
  if (context !== undefined) Object.assign(context.fields, fields)
}

/**
 * Remembers the value by which the request in hand goes for a flag, and answers it. The request's log line tells it as `flags`; whatever else shall tell of
 * flags (a trace) takes it from here. Example: `followFlag('search.ranking', 'focused')`.
 */
export const followFlag = <T extends boolean | number | string>(key: string, value: T): T => {
  const context = storage.getStore()
  if (context !== undefined) (context.flags ??= {})[key] = value
  return value
}

/** Ids of zeros are none: a receiver of spans may refuse all that come with them. */
export const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

const pool = Buffer.alloc(8 * 512)
let used = pool.length
/** Eight random bytes in hex, out of a pool: asking the system each time costs more than all else here. */
export const spanIdHex = (): string => {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  return pool.toString('hex', used, (used += 8))
}

/** Begins with the time in seconds, as AWS X-Ray wants it; the other 96 bits are random. */
const newTraceId = (): string => Math.floor(Date.now() / 1000).toString(16) + spanIdHex() + spanIdHex().slice(8)

/** The given traceparent where it is well formed, else a new unsampled one (W3C Trace Context, section 3.2). */
export const traceparentOf = (given: string | undefined): string => {
  if (given !== undefined && TRACEPARENT.test(given)) return given
  return `00-${newTraceId()}-${spanIdHex()}-00`
}
