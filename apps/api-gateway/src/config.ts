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
    /** Refused credentials (401) of each address; past it those that were not verified before are answered 429 unread. */
    RATE_LIMIT_REFUSED: limit.default({ ratePerS: 10, burst: 100 }),
    /** Look-ups at auth-service for API keys that were never good in this process: of each address, and of all together. */
    KEY_LOOK_UPS_PER_ADDRESS: limit.default({ ratePerS: 2, burst: 40 }),
    KEY_LOOK_UPS: limit.default({ ratePerS: 50, burst: 200 }),
    KEY_LOOK_UPS_AT_ONCE: env.count.default(32),
    /** How long an API key's access token is remembered, and that a key was refused. */
    KEY_REMEMBER_MS: env.ms.max(60_000).default(60_000),
    /** How often a partner's use is told to auth-service. */
    USAGE_REPORT_MS: env.ms.min(1).default(5_000),
    /** How long Redis may take to count; then this process counts alone. */
    RATE_LIMIT_WAIT_MS: env.ms.default(50),
    /** How long an inner service has until the first byte of its answer. */
    DEADLINE_MS: env.ms.default(10_000),
    MAX_BODY_BYTES: env.count.default(64 * 1024),
    /** Event streams that one caller may hold open at once. */
    MAX_STREAMS_PER_CALLER: env.count.default(10),
    /** Requests in hand towards one inner service; more are refused with 503. */
    MAX_IN_FLIGHT: env.count.default(2_000),
    /** Requests in hand of one caller; more are refused with 429. */
    MAX_IN_FLIGHT_PER_CALLER: env.count.default(128),
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
      refused: flat.RATE_LIMIT_REFUSED,
      redisWaitMs: flat.RATE_LIMIT_WAIT_MS,
    },
    apiKeys: {
      rememberMs: flat.KEY_REMEMBER_MS,
      lookUps: flat.KEY_LOOK_UPS,
      lookUpsPerAddress: flat.KEY_LOOK_UPS_PER_ADDRESS,
      lookUpsAtOnce: flat.KEY_LOOK_UPS_AT_ONCE,
    },
    usageReportMs: flat.USAGE_REPORT_MS,
    forwarding: {
      deadlineMs: flat.DEADLINE_MS,
      maxBodyBytes: flat.MAX_BODY_BYTES,
      maxStreamsPerCaller: flat.MAX_STREAMS_PER_CALLER,
      maxInFlight: flat.MAX_IN_FLIGHT,
      maxInFlightPerCaller: flat.MAX_IN_FLIGHT_PER_CALLER,
    },
  }))
export type Config = z.infer<typeof Config>

/** Injection token of the configuration. */
export const CONFIG = Symbol('config')
