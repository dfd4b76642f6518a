import type { LoggerService } from '@nestjs/common'
import { destination, pino, type Logger } from 'pino'

export type { Logger } from 'pino'

/** Injection token of the service's logger. */
export const LOGGER = Symbol('logger')

const SECRET_KEYS = [
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
]

/**
 * The service's JSON logger: one line an event, on standard output, secrets and personal data struck out by key at two depths.
 * Lines are written in blocks of up to 4 KiB, at least twice a second.
 */
export const createLogger = (service: string, level: string): Logger => {
  const out = destination({ fd: 1, sync: false, minLength: 4096, periodicFlush: 500 })
  const logger = pino(
    {
      level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_KEYS.flatMap((key) => [`["${key}"]`, `*["${key}"]`]), censor: '[redacted]' },
    },
    out,
  )
  return logger
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
