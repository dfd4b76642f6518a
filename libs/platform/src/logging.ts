import { openSync } from 'node:fs'
import type { LoggerService } from '@nestjs/common'
import { destination, pino } from 'pino'
import type { LogFields } from './signals.schema.js'

interface Line {
  (fields: LogFields, message: string): void
  (message: string): void
}

/** What code logs by: a message, and fields that `LOG_FIELDS` declares. */
export interface Logger extends Readonly<Record<'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal', Line>> {
  level: string
  flush(done?: () => void): void
}

/** Injection token of the service's logger. */
export const LOGGER = Symbol('logger')

const SECRET_KEYS: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'set-cookie',
  'x-service-token',
  'password',
  'token',
  'access_token',
  'refresh_token',
  'id_token',
  'code',
  'client_secret',
  'client_assertion',
  'email',
])
const CENSOR = '[redacted]'

const isRecord = (value: unknown): value is Record<string, unknown> => {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/**
 * The fields of a line without secrets and personal data, struck out by key there and one level below. Errors stay as they are. By hand,
 * because pino's own redaction took 6 % of the gateway's time.
 */
export const strikeSecrets = (fields: Record<string, unknown>, depth = 1): Record<string, unknown> => {
  let struck: Record<string, unknown> | undefined
  for (const key in fields) {
    const value = fields[key]
    if (value === undefined) continue
    const shown = SECRET_KEYS.has(key) ? CENSOR : depth > 0 && isRecord(value) ? strikeSecrets(value, depth - 1) : value
    if (shown !== value) (struck ??= { ...fields })[key] = shown
  }
  return struck ?? fields
}

/**
 * The service's JSON logger: one line an event, on standard output or into a file, secrets and personal data struck out by key at two depths.
 * Lines are written in blocks of 16 KiB, at least twice a second.
 */
export const createLogger = (service: string, level: string, file?: string): Logger => {
  const out = destination({
    fd: file === undefined ? 1 : openSync(file, 'a', 0o600),
    sync: false,
    minLength: 16_384,
    maxWrite: 65_536,
    periodicFlush: 500,
  })
  return pino(
    {
      level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => strikeSecrets(fields) },
    },
    out,
  )
}

/** Lets Nest's own messages through the same logger: its start-up chatter at debug. */
export const nestLogger = (logger: Logger): LoggerService => {
  const line =
    (level: 'debug' | 'warn' | 'error' | 'fatal') =>
    (message: unknown, ...rest: unknown[]) =>
      logger[level]({ nest: rest.filter((part) => typeof part === 'string') }, String(message instanceof Error ? message.stack : message))
  return {
    log: line('debug'),
    debug: line('debug'),
    verbose: line('debug'),
    warn: line('warn'),
    error: line('error'),
    fatal: line('fatal'),
  }
}
