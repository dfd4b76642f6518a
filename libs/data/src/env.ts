import { env, refuseConfig } from '@catamaran/platform'
import { z } from 'zod'
import { awsToken } from './aws-token.js'
import { googleToken, secretIn, type Secret } from './identity.js'

/** Environment variables of the stores, for a service's configuration schema. */
export const databaseEnv = {
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).refine((url) => {
    const mode = new URL(url).searchParams.get('sslmode')
    return mode === null || mode === 'disable' || mode === 'verify-full'
  }, 'expected sslmode=verify-full, disable or none: the others do not look who the server is'),
  /** The CA of the server's certificate (PEM); with it, connections are made with sslmode=verify-full. */
  DATABASE_CA_FILE: env.certificates.optional(),
  /** How the server knows us: the password (of the URL or the file), or a token of the workload's own identity for each connection. */
  DATABASE_AUTH: z.enum(['password', 'aws-iam', 'google-iam']).default('password'),
  /** Read for each new connection, so that it may be changed under a running service. */
  DATABASE_PASSWORD_FILE: env.file.optional(),
  DATABASE_CONNECTIONS: env.count.default(10),
}
export const redisEnv = {
  /** `rediss:` for TLS. */
  REDIS_URL: z.url({ protocol: /^rediss?$/ }),
  REDIS_CA_FILE: env.certificates.optional(),
  REDIS_PASSWORD_FILE: env.file.optional(),
  /** `cluster` where keys lie on several nodes (cluster mode enabled, serverless); the URL then names any of them. */
  REDIS_MODE: z.enum(['single', 'cluster']).default('single'),
  REDIS_KEY_PREFIX: z.string().default(''),
}
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
export const databaseConfig = (flat: z.infer<typeof database> & { AWS_REGION?: string | undefined }) => ({
  url: flat.DATABASE_URL,
  connections: flat.DATABASE_CONNECTIONS,
  ca: flat.DATABASE_CA_FILE,
  password: passwordOf(flat),
})
export const redisConfig = (flat: z.infer<typeof redis>) => {
  const { REDIS_URL: url, REDIS_CA_FILE: ca, REDIS_PASSWORD_FILE: file } = flat
  if (ca !== undefined && !url.startsWith('rediss:')) refuseConfig('REDIS_URL', 'expected rediss:// where REDIS_CA_FILE is set')
  const password = file === undefined ? undefined : () => secretIn(file)
  return { url, ca, password, isCluster: flat.REDIS_MODE === 'cluster', keyPrefix: flat.REDIS_KEY_PREFIX }
}
export const dynamoConfig = (flat: z.infer<typeof dynamo>) => ({
  endpoint: flat.DYNAMODB_ENDPOINT,
  region: flat.AWS_REGION,
  tablePrefix: flat.DYNAMODB_TABLE_PREFIX,
})
export const dataKeysConfig = (flat: z.infer<typeof dataKeys>) => flat.DATA_KEYS.map((key) => Buffer.from(key, 'base64url'))

const passwordOf = (flat: z.infer<typeof database> & { AWS_REGION?: string | undefined }): Secret | undefined => {
  const { DATABASE_AUTH: auth, DATABASE_PASSWORD_FILE: file, DATABASE_CA_FILE: ca, AWS_REGION: region } = flat
  const { hostname, port, username, searchParams } = new URL(flat.DATABASE_URL)
  if (auth === 'password') return file === undefined ? undefined : () => Promise.resolve().then(() => secretIn(file))
  // Who reads a token on its way is us for a quarter of an hour.
  if (ca === undefined && searchParams.get('sslmode') !== 'verify-full')
    refuseConfig('DATABASE_URL', `expected sslmode=verify-full, or DATABASE_CA_FILE, where DATABASE_AUTH is ${auth}`)
  if (auth === 'google-iam') return async () => (await googleToken()).token
  if (region === undefined) return refuseConfig('AWS_REGION', 'is missing, and DATABASE_AUTH is aws-iam')
  const query = { Action: 'connect', DBUser: decodeURIComponent(username) }
  return () => awsToken({ service: 'rds-db', region, host: `${hostname}:${port || '5432'}`, query })
}
