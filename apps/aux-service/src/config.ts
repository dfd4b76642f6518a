import { databaseConfig, databaseEnv, dynamoConfig, dynamoEnv } from '@catamaran/data'
import { kafkaConfig, kafkaEnv } from '@catamaran/messaging'
import { env, serviceConfig, serviceEnv } from '@catamaran/platform'
import { z } from 'zod'

/** aux-service's configuration: flat environment variables in, nested values out. Times are milliseconds. */
export const Config = z
  .object({
    ...serviceEnv,
    ...databaseEnv,
    ...dynamoEnv,
    ...kafkaEnv,
    /** How long a notification is kept. */
    NOTIFICATION_TTL_MS: env.ms.default(90 * 24 * 3_600_000),
  })
  .transform((flat) => ({
    service: serviceConfig(flat),
    database: databaseConfig(flat),
    dynamo: dynamoConfig(flat),
    kafka: kafkaConfig(flat),
    notifications: { ttlMs: flat.NOTIFICATION_TTL_MS },
  }))
export type Config = z.infer<typeof Config>

/** Injection token of the configuration. */
export const CONFIG = Symbol('config')
