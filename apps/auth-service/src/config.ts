import { API_KEY_MODES } from '@catamaran/contracts'
import {
  databaseConfig,
  databaseEnv,
  dataKeysConfig,
  dataKeysEnv,
  dynamoConfig,
  dynamoEnv,
  redisConfig,
  redisEnv,
  retentionEnv,
} from '@catamaran/data'
import { kafkaConfig, kafkaEnv, messagingKeepConfig, messagingKeepEnv } from '@catamaran/messaging'
import { env, serviceConfig, serviceEnv } from '@catamaran/platform'
import { z } from 'zod'

const DAY_MS = 24 * 3_600_000
const stores = { ...databaseEnv, ...dynamoEnv }

/** The environment of auth-service; the result is nested by what uses it. */
export const schema = z
  .object({
    ...serviceEnv,
    ...stores,
    ...redisEnv,
    ...kafkaEnv,
    SERVICE_KEYS_DIR: env.text,
    /** Where the signing keys are: a file, or a secret of AWS Secrets Manager (its name or ARN). */
    SIGNING_KEYS_FILE: env.text.optional(),
    SIGNING_KEYS_SECRET: env.text.optional(),
    SIGNING_KEYS_POLL_MS: env.ms.default(60_000),
    SECRETS_ENDPOINT: env.url.optional(),
    SIGNING_DELAY_MS: env.ms.default(5_000),
    COOKIE_KEYS: env.list.refine(
      (keys) => keys.length > 0 && keys.every((key) => key.length >= 32),
      'expected secrets of 32 characters or more',
    ),
    ...dataKeysEnv,
    SMTP_URL: z.url({ protocol: /^smtps?$/ }),
    /** Lets mail go in clear to another host than this one: for the sandbox's mailbox in a container beside. */
    SMTP_ALLOW_PLAIN: z.enum(['true', 'false']).default('false'),
    MAIL_FROM: z.string().min(3).default('Catamaran <no-reply@catamaran.local>'),
    API_KEY_MODE: z.enum(API_KEY_MODES).default('test'),
    CORE_URL: env.url,
    /** How often erasures that others have confirmed are ended. */
    ERASURE_SWEEP_MS: env.ms.default(5_000),
    ...retentionEnv,
    ...messagingKeepEnv,
    /** How long somebody who does nothing stays signed in; what is stored of it goes then (TTL). */
    SESSION_KEEP_MS: env.ms.min(60_000).default(30 * DAY_MS),
    /** How long a browser that somebody signed in with is known. */
    DEVICE_KEEP_MS: env.ms.default(365 * DAY_MS),
    /** How long partners can see their use by the day; they may ask for 366 days. */
    USAGE_KEEP_MS: env.ms.default(400 * DAY_MS),
    PASSWORD_LANES: env.count.min(1).default(1),
    PASSWORD_QUEUE: env.count.min(1).default(32),
  })
  .refine((flat) => (flat.SIGNING_KEYS_FILE === undefined) !== (flat.SIGNING_KEYS_SECRET === undefined), {
    path: ['SIGNING_KEYS_FILE'],
    message: 'expected either this or SIGNING_KEYS_SECRET',
  })
  .transform((flat) => ({
    service: serviceConfig(flat),
    database: databaseConfig(flat),
    dynamo: dynamoConfig(flat),
    redis: redisConfig(flat),
    kafka: kafkaConfig(flat),
    oidc: {
      serviceKeysDir: flat.SERVICE_KEYS_DIR,
      signingKeys: {
        file: flat.SIGNING_KEYS_FILE,
        secret: {
          ...{ secretId: flat.SIGNING_KEYS_SECRET ?? '', region: flat.AWS_REGION },
          ...{ endpoint: flat.SECRETS_ENDPOINT, pollMs: flat.SIGNING_KEYS_POLL_MS },
        },
      },
      // Every process must publish a key before any signs with it.
      signingDelayMs:
        flat.SIGNING_KEYS_SECRET === undefined ? flat.SIGNING_DELAY_MS : Math.max(flat.SIGNING_DELAY_MS, 2 * flat.SIGNING_KEYS_POLL_MS),
      cookieKeys: flat.COOKIE_KEYS,
    },
    dataKeys: dataKeysConfig(flat),
    apiKeyMode: flat.API_KEY_MODE,
    mail: { smtpUrl: flat.SMTP_URL, allowPlain: flat.SMTP_ALLOW_PLAIN === 'true', from: flat.MAIL_FROM },
    coreUrl: flat.CORE_URL,
    erasure: { sweepMs: flat.ERASURE_SWEEP_MS },
    retention: {
      everyMs: flat.RETENTION_EVERY_MS,
      messaging: messagingKeepConfig(flat),
      sessionMs: flat.SESSION_KEEP_MS,
      deviceMs: flat.DEVICE_KEEP_MS,
      usageMs: flat.USAGE_KEEP_MS,
    },
    passwords: { lanes: flat.PASSWORD_LANES, queue: flat.PASSWORD_QUEUE },
  }))
export type Config = z.infer<typeof schema>

/** Injection tokens of the configuration, of the wall clock (epoch milliseconds) and of the client to core-service. */
export const CONFIG = Symbol('config')
export const CLOCK = Symbol('clock')
export const CORE = Symbol('core')
export type Clock = () => number

/** What migrate.ts needs of it. */
export const migrateSchema = z.object(stores).transform((flat) => ({ database: databaseConfig(flat), dynamo: dynamoConfig(flat) }))
