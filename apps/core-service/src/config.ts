import { databaseConfig, databaseEnv, dynamoConfig, dynamoEnv, redisConfig, redisEnv } from '@catamaran/data'
import { flagsConfig, flagsEnv } from '@catamaran/flags'
import { kafkaConfig, kafkaEnv } from '@catamaran/messaging'
import { env, serviceConfig, serviceEnv } from '@catamaran/platform'
import { z } from 'zod'

/** core-service's configuration: flat environment variables in, nested values out. Times are milliseconds. */
export const Config = z
  .object({
    ...serviceEnv,
    ...databaseEnv,
    ...redisEnv,
    ...dynamoEnv,
    ...kafkaEnv,
    ...flagsEnv,
    AUX_URL: env.url,
    /** How long stock is held for an order that isn't paid. */
    HOLD_MS: env.ms.default(15 * 60_000),
    /** How often holds that have ended are looked for. */
    HOLD_SWEEP_MS: env.ms.default(1_000),
    /** How long a duplicate of a running order waits for it. */
    ORDER_JOIN_MS: env.ms.default(8_000),
    /** How long an unused cart is kept. */
    CART_TTL_MS: env.ms.default(30 * 24 * 3_600_000),
    /** How often erasures are gone on with. */
    ERASURE_SWEEP_MS: env.ms.default(5_000),
    /** How long after an account was closed its tokens may still be good: their lifetime, and clocks that differ. */
    ERASURE_SETTLE_MS: env.ms.default(10 * 60_000),
  })
  .transform((flat) => ({
    service: serviceConfig(flat),
    database: databaseConfig(flat),
    redis: redisConfig(flat),
    dynamo: dynamoConfig(flat),
    kafka: kafkaConfig(flat),
    flags: flagsConfig(flat),
    auxUrl: flat.AUX_URL,
    orders: { holdMs: flat.HOLD_MS, sweepMs: flat.HOLD_SWEEP_MS, joinMs: flat.ORDER_JOIN_MS },
    carts: { ttlMs: flat.CART_TTL_MS },
    erasure: { sweepMs: flat.ERASURE_SWEEP_MS, settleMs: flat.ERASURE_SETTLE_MS },
  }))
export type Config = z.infer<typeof Config>

/** Injection tokens of the configuration and of the clients to aux-service and auth-service. */
export const CONFIG = Symbol('config')
export const AUX = Symbol('aux')
export const AUTH = Symbol('auth')
