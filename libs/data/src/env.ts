import { env } from '@catamaran/platform'
import { z } from 'zod'

/** Environment variables of the stores, for a service's configuration schema. */
export const databaseEnv = { DATABASE_URL: env.text, DATABASE_CONNECTIONS: env.count.default(10) }
export const redisEnv = { REDIS_URL: env.text, REDIS_KEY_PREFIX: z.string().default('') }
export const dynamoEnv = { DYNAMODB_ENDPOINT: env.url.optional(), DYNAMODB_TABLE_PREFIX: z.string().default(''), AWS_REGION: env.text }
/** What a service seals secrets with before it stores them (`seal`). */
export const dataKeysEnv = {
  DATA_KEYS: env.list.refine(
    (keys) => keys.length > 0 && keys.every((key) => /^[\w-]{43}$/.test(key)),
    'expected keys of 32 bytes as base64url, the one that seals first',
  ),
}

const database = z.object(databaseEnv)
const redis = z.object(redisEnv)
const dataKeys = z.object(dataKeysEnv)
const dynamo = z.object(dynamoEnv)

/** The same, nested for the clients' constructors. */
export const databaseConfig = (flat: z.infer<typeof database>) => ({ url: flat.DATABASE_URL, connections: flat.DATABASE_CONNECTIONS })
export const redisConfig = (flat: z.infer<typeof redis>) => ({ url: flat.REDIS_URL, keyPrefix: flat.REDIS_KEY_PREFIX })
export const dynamoConfig = (flat: z.infer<typeof dynamo>) => ({
  endpoint: flat.DYNAMODB_ENDPOINT,
  region: flat.AWS_REGION,
  tablePrefix: flat.DYNAMODB_TABLE_PREFIX,
})
export const dataKeysConfig = (flat: z.infer<typeof dataKeys>) => flat.DATA_KEYS.map((key) => Buffer.from(key, 'base64url'))
