import { isIP, isIPv6 } from 'node:net'
import { databaseConfig, databaseEnv, dataKeysConfig, dataKeysEnv, dynamoConfig, dynamoEnv, retentionEnv } from '@catamaran/data'
import { kafkaConfig, kafkaEnv, messagingKeepConfig, messagingKeepEnv } from '@catamaran/messaging'
import { env, serviceConfig, serviceEnv } from '@catamaran/platform'
import { z } from 'zod'

const isNetwork = (text: string): boolean => {
  const [address = '', prefix = '0', ...rest] = text.split('/')
  return rest.length === 0 && isIP(address) !== 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (isIPv6(address) ? 128 : 32)
}

/** From five seconds to ten hours, as is usual for Standard Webhooks. */
const RETRIES = '5000,300000,1800000,7200000,18000000,36000000'

const webhookEnv = {
  /** Lets webhooks go over http and to other ports than 443: for receivers on one's own machine. */
  WEBHOOK_ALLOW_HTTP: z.enum(['true', 'false']).default('false'),
  /** Networks (CIDR) that webhooks may go to although they are not of the public internet: for the same. */
  WEBHOOK_ALLOWED_NETWORKS: env.list
    .default([])
    .refine((networks) => networks.every(isNetwork), 'expected networks such as 127.0.0.0/8, separated by commas'),
  /** Which name servers are asked for the names of receivers (`address:port`). None: those of the machine. */
  WEBHOOK_NAME_SERVERS: env.list.default([]),
  /** How long a receiver may take for its answer. */
  WEBHOOK_TIMEOUT_MS: env.ms.default(10_000),
  /** The longest wait before each retry; the last one goes for all further ones. */
  WEBHOOK_RETRY_MS: z
    .string()
    .regex(/^\d+(,\d+)*$/, 'expected milliseconds, separated by commas')
    .default(RETRIES)
    .transform((text) => text.split(',').map(Number)),
  /** How long a delivery is tried, and how long an endpoint may go on failing before it is switched off. */
  WEBHOOK_WINDOW_MS: env.ms.default(24 * 3_600_000),
  /** The first pause of an endpoint that fails five times in a row; the longest is sixty times that. */
  WEBHOOK_PAUSE_MS: env.ms.default(5_000),
  /** Attempts at the same time: in all, to an endpoint that has answered lately, and to any other. */
  WEBHOOK_CONCURRENCY: env.count.min(4).default(2_000),
  WEBHOOK_MOST_SLOTS: env.count.min(1).default(32),
  WEBHOOK_SLOTS: env.count.min(1).default(4),
  /** How often what is due is looked for when nobody says that there is something. */
  WEBHOOK_POLL_MS: env.ms.default(500),
  /** How long deliveries that have ended can be seen. */
  WEBHOOK_KEEP_MS: env.ms.default(30 * 24 * 3_600_000),
}

/** aux-service's configuration: flat environment variables in, nested values out. Times are milliseconds. */
export const Config = z
  .object({
    ...serviceEnv,
    ...databaseEnv,
    ...dynamoEnv,
    ...dataKeysEnv,
    ...kafkaEnv,
    ...retentionEnv,
    ...messagingKeepEnv,
    /** How long a notification is kept. */
    NOTIFICATION_TTL_MS: env.ms.default(90 * 24 * 3_600_000),
    CORE_URL: env.url,
    SMTP_URL: z.url({ protocol: /^smtps?$/ }),
    /** Lets mail go in clear to another host than this one: for the sandbox's mailbox in a container beside. */
    SMTP_ALLOW_PLAIN: z.enum(['true', 'false']).default('false'),
    MAIL_FROM: z.string().min(3).default('Catamaran <no-reply@catamaran.local>'),
    /** How often mails that are due are looked for, and the wait before the second try; each later one waits twice as long. */
    MAIL_POLL_MS: env.ms.default(500),
    MAIL_RETRY_MS: env.ms.default(2_000),
    /** How long it can be seen that a mail was sent, or was not. */
    MAIL_KEEP_MS: env.ms.default(30 * 24 * 3_600_000),
    ...webhookEnv,
    /** How often letters to be replayed are looked for when nobody says that there are some. */
    DEAD_LETTER_POLL_MS: env.ms.default(1_000),
    /** How long dead letters are kept, replayed or not. */
    DEAD_LETTER_KEEP_MS: env.ms.default(90 * 24 * 3_600_000),
  })
  .transform((flat) => ({
    service: serviceConfig(flat),
    database: databaseConfig(flat),
    dynamo: dynamoConfig(flat),
    kafka: kafkaConfig(flat),
    retention: { everyMs: flat.RETENTION_EVERY_MS, messaging: messagingKeepConfig(flat) },
    notifications: { ttlMs: flat.NOTIFICATION_TTL_MS },
    coreUrl: flat.CORE_URL,
    mail: {
      smtpUrl: flat.SMTP_URL,
      allowPlain: flat.SMTP_ALLOW_PLAIN === 'true',
      from: flat.MAIL_FROM,
      pollMs: flat.MAIL_POLL_MS,
      retryMs: flat.MAIL_RETRY_MS,
      keepMs: flat.MAIL_KEEP_MS,
    },
    dataKeys: dataKeysConfig(flat),
    ops: { replayPollMs: flat.DEAD_LETTER_POLL_MS, keepMs: flat.DEAD_LETTER_KEEP_MS },
    webhooks: {
      addresses: {
        allowHttp: flat.WEBHOOK_ALLOW_HTTP === 'true',
        allowedNetworks: flat.WEBHOOK_ALLOWED_NETWORKS,
        nameServers: flat.WEBHOOK_NAME_SERVERS,
      },
      timeoutMs: flat.WEBHOOK_TIMEOUT_MS,
      retryMs: flat.WEBHOOK_RETRY_MS,
      windowMs: flat.WEBHOOK_WINDOW_MS,
      breaker: { threshold: 5, pauseMs: flat.WEBHOOK_PAUSE_MS, maxPauseMs: 60 * flat.WEBHOOK_PAUSE_MS },
      concurrency: flat.WEBHOOK_CONCURRENCY,
      slots: flat.WEBHOOK_SLOTS,
      mostSlots: flat.WEBHOOK_MOST_SLOTS,
      pollMs: flat.WEBHOOK_POLL_MS,
      keepMs: flat.WEBHOOK_KEEP_MS,
    },
  }))
export type Config = z.infer<typeof Config>

/** Injection token of the configuration. */
export const CONFIG = Symbol('config')
/** Injection token of the client that calls core-service. */
export const CORE = Symbol('core')
