import { redisConfig, redisEnv } from '@catamaran/data'
import { flagsConfig, flagsEnv } from '@catamaran/flags'
import { env, serviceConfig, serviceEnv } from '@catamaran/platform'
import { z } from 'zod'

/** `rate/burst`: so many requests a second in the long run, and so many at once. Example: `100/200`. */
const limit = z
  .string()
  .regex(/^\d+(\.\d+)?\/\d+$/, 'expected requests per second / burst, such as 100/200')
  .transform((text) => {
    const [ratePerS, burst] = text.split('/').map(Number) as [number, number]
    return { ratePerS, burst }
  })
  .refine(({ ratePerS, burst }) => ratePerS > 0 && burst > 0, 'expected both above 0')

/** api-gateway's configuration: flat environment variables in, nested values out. Times are milliseconds. */
export const Config = z
  .object({
    ...serviceEnv,
    ...redisEnv,
    ...flagsEnv,
    CORE_URL: env.url,
    /** How many proxies in front are trusted to tell the client's address. */
    TRUSTED_HOPS: env.count.default(0),
    /** For each signed-in caller. A bench lifts it: `1000000/1000000`. */
    RATE_LIMIT_CALLER: limit.default({ ratePerS: 100, burst: 200 }),
    /** For each address without a token. */
    RATE_LIMIT_ANONYMOUS: limit.default({ ratePerS: 50, burst: 100 }),
    /** For each address that signs up or signs in. */
    RATE_LIMIT_SIGN_IN: limit.default({ ratePerS: 0.5, burst: 30 }),
    /** How long Redis may take to count; then this process counts alone. */
    RATE_LIMIT_WAIT_MS: env.ms.default(50),
    /** How long an inner service has until the first byte of its answer. */
    DEADLINE_MS: env.ms.default(10_000),
    MAX_BODY_BYTES: env.count.default(64 * 1024),
    /** Event streams that one caller may hold open at once. */
    MAX_STREAMS_PER_CALLER: env.count.default(10),
    /** Requests in hand towards one inner service; more are refused with 503. */
    MAX_IN_FLIGHT: env.count.default(2_000),
  })
  .transform((flat) => ({
    service: serviceConfig(flat),
    redis: redisConfig(flat),
    flags: flagsConfig(flat),
    upstreams: { 'auth-service': flat.AUTH_URL, 'core-service': flat.CORE_URL },
    trustedHops: flat.TRUSTED_HOPS,
    limits: {
      caller: flat.RATE_LIMIT_CALLER,
      anonymous: flat.RATE_LIMIT_ANONYMOUS,
      'sign-in': flat.RATE_LIMIT_SIGN_IN,
      redisWaitMs: flat.RATE_LIMIT_WAIT_MS,
    },
    forwarding: {
      deadlineMs: flat.DEADLINE_MS,
      maxBodyBytes: flat.MAX_BODY_BYTES,
      maxStreamsPerCaller: flat.MAX_STREAMS_PER_CALLER,
      maxInFlight: flat.MAX_IN_FLIGHT,
    },
  }))
export type Config = z.infer<typeof Config>

/** Injection token of the configuration. */
export const CONFIG = Symbol('config')
