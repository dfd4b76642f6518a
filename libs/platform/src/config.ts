import { z } from 'zod'
import { PROPAGATOR_NAMES } from './propagation.js'
import type { TracingOptions } from './tracing.js'

/** Thrown when a service can't start with the configuration it was given. Names each bad key and what was expected, never a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/**
 * Reads configuration from a flat record (usually `process.env`, passed by main.ts) through a zod schema that may nest the result.
 * @throws ConfigError listing every bad key at once
 */
export const readConfig = <T extends z.ZodType>(schema: T, record: Record<string, string | undefined>): z.infer<T> => {
  const given = Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  const lines = parsed.error.issues.map((issue) => {
    const key = issue.path.join('.')
    return `  ${key}: ${key in given ? issue.message : 'is missing'}`
  })
  throw new ConfigError(`The configuration is not complete:\n${lines.join('\n')}\nSet these environment variables and start again.`)
}

const port = z.coerce.number().int().min(0).max(65535)
const url = z.url({ protocol: /^https?$/ }).transform((text) => text.replace(/\/$/, ''))

/** A comma separated list. */
export const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
)

/** Zod types for the usual shapes of environment variables. `url` loses its trailing slash. */
export const env = { port, url, list, text: z.string().min(1), count: z.coerce.number().int().min(0), ms: z.coerce.number().int().min(0) }

/** The variables every service reads, flat as they come. Extend it with the service's own and nest with `serviceConfig`. */
export const serviceEnv = {
  HOST: z.string().default('127.0.0.1'),
  PORT: port,
  /** Probes and metrics are nobody's but the operator's: a container sets this to where its probes come from. */
  ADMIN_HOST: z.string().default('127.0.0.1'),
  ADMIN_PORT: port,
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  /** A file for the log, instead of standard output. */
  LOG_FILE: z.string().optional(),
  ISSUER_URL: url,
  AUTH_URL: url,
  SERVICE_KEY_FILE: env.text,
  SHUTDOWN_MS: env.ms.default(10_000),
  /** Where spans go, by OTLP over HTTP; without it there are none. Names as OpenTelemetry has them. */
  OTEL_EXPORTER_OTLP_ENDPOINT: url.optional(),
  /** The share of requests from outside that are traced. */
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(0.01),
  /** How trace context travels: `tracecontext`, `xray` (X-Amzn-Trace-Id), or both; of what comes in the last one counts. */
  OTEL_PROPAGATORS: list.pipe(z.array(z.enum(PROPAGATOR_NAMES)).min(1)).default(['tracecontext']),
}
const flat = z.object(serviceEnv)

/** What `createService` needs to know, nested out of the flat variables. */
export const serviceConfig = (flatEnv: z.infer<typeof flat>) => ({
  host: flatEnv.HOST,
  port: flatEnv.PORT,
  adminHost: flatEnv.ADMIN_HOST,
  adminPort: flatEnv.ADMIN_PORT,
  logLevel: flatEnv.LOG_LEVEL,
  logFile: flatEnv.LOG_FILE,
  issuer: flatEnv.ISSUER_URL,
  authUrl: flatEnv.AUTH_URL,
  serviceKeyFile: flatEnv.SERVICE_KEY_FILE,
  shutdownMs: flatEnv.SHUTDOWN_MS,
  tracing: {
    endpoint: flatEnv.OTEL_EXPORTER_OTLP_ENDPOINT,
    ratio: flatEnv.OTEL_TRACES_SAMPLER_ARG,
    propagators: flatEnv.OTEL_PROPAGATORS,
  } satisfies TracingOptions as TracingOptions,
})
export type ServiceConfig = ReturnType<typeof serviceConfig>
