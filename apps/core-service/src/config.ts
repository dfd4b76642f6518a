import { databaseConfig, databaseEnv, dynamoConfig, dynamoEnv, redisConfig, redisEnv, retentionEnv } from '@catamaran/data'
import { flagsConfig, flagsEnv } from '@catamaran/flags'
import { kafkaConfig, kafkaEnv, messagingKeepConfig, messagingKeepEnv } from '@catamaran/messaging'
import { env, serviceConfig, serviceEnv } from '@catamaran/platform'
import { z } from 'zod'
import { ReturnOrigins } from './orders/return-urls.js'

/** core-service's configuration: flat environment variables in, nested values out. Times are milliseconds. */
export const Config = z
  .object({
    ...serviceEnv,
    ...databaseEnv,
    ...redisEnv,
    ...dynamoEnv,
    ...kafkaEnv,
    ...flagsEnv,
    ...retentionEnv,
    ...messagingKeepEnv,
    /** How long an import that was left can be gone on with. */
    IMPORT_KEEP_MS: env.ms.default(30 * 24 * 3_600_000),
    AUX_URL: env.url,
    /** The payment provider, the key it knows us by, and the secret that it signs its callbacks with. */
    PSP_URL: env.url,
    PSP_API_KEY: env.text,
    PSP_CALLBACK_SECRET: env.text,
    /** How long a call to the payment provider may take. Then it is made again, with the same key. */
    PSP_DEADLINE_MS: env.ms.default(5_000),
    /** Payment operations in hand at once. */
    PAYMENT_CONCURRENCY: env.count.default(32),
    /** How often due payment operations are looked for; placing an order wakes the worker at once. */
    PAYMENT_POLL_MS: env.ms.default(500),
    /** The wait after a first call without outcome; it doubles each time, up to a minute. */
    PAYMENT_RETRY_MS: env.ms.default(500),
    /** This build. Payment operations go first to the build that wrote them (canaries). */
    RELEASE: z.string().default('local'),
    /** How long after the last shipment something can be returned; then the order is completed. */
    RETURN_MS: env.ms.default(14 * 24 * 3_600_000),
    /** How long stock is held for an order that isn't paid. */
    HOLD_MS: env.ms.default(15 * 60_000),
    /** How often holds that have ended are looked for. */
    HOLD_SWEEP_MS: env.ms.default(1_000),
    /** How many orders a buyer may have that wait for payment: each holds stock. */
    ORDER_MAX_UNPAID: env.count.default(20),
    /** The origins that a buyer may be sent back to after 3-D Secure; http on this machine alone, there with any port. */
    RETURN_URL_ORIGINS: env.list.pipe(ReturnOrigins).default([]),
    /** How long a duplicate of a running order waits for it. */
    ORDER_JOIN_MS: env.ms.default(8_000),
    /** How often an open status stream looks for itself whether something has happened. */
    ORDER_STREAM_LOOK_MS: env.ms.default(5_000),
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
    retention: { everyMs: flat.RETENTION_EVERY_MS, messaging: messagingKeepConfig(flat), importMs: flat.IMPORT_KEEP_MS },
    auxUrl: flat.AUX_URL,
    release: flat.RELEASE,
    psp: { url: flat.PSP_URL, apiKey: flat.PSP_API_KEY, callbackSecret: flat.PSP_CALLBACK_SECRET, deadlineMs: flat.PSP_DEADLINE_MS },
    payments: { concurrency: flat.PAYMENT_CONCURRENCY, pollMs: flat.PAYMENT_POLL_MS, retryMs: flat.PAYMENT_RETRY_MS },
    orders: {
      holdMs: flat.HOLD_MS,
      sweepMs: flat.HOLD_SWEEP_MS,
      returnOrigins: flat.RETURN_URL_ORIGINS,
      maxUnpaid: flat.ORDER_MAX_UNPAID,
      joinMs: flat.ORDER_JOIN_MS,
      streamLookMs: flat.ORDER_STREAM_LOOK_MS,
      returnMs: flat.RETURN_MS,
    },
    carts: { ttlMs: flat.CART_TTL_MS },
    erasure: { sweepMs: flat.ERASURE_SWEEP_MS, settleMs: flat.ERASURE_SETTLE_MS },
  }))
export type Config = z.infer<typeof Config>

/** Injection tokens of the configuration and of the clients to aux-service and auth-service. */
export const CONFIG = Symbol('config')
export const AUX = Symbol('aux')
export const AUTH = Symbol('auth')
