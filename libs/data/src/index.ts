export { AUDIT, verifyChains, type ChainReport } from './audit-chains.js'
export { awsToken } from './aws-token.js'
export {
  Database,
  isConnectionLoss,
  wasTooSlow,
  type DatabaseAddress,
  type DatabaseOptions,
  type Queryable,
  type Statement,
} from './database.js'
export { createTables, Dynamo, isConditionFailed, type DynamoOptions, type KeyAttribute, type TableDefinition } from './dynamo.js'
export { databaseConfig, databaseEnv, dataKeysConfig, dataKeysEnv, dynamoConfig, dynamoEnv, redisConfig, redisEnv } from './env.js'
export { adviceFor, googleToken, secretIn, type Secret } from './identity.js'
export { migrate } from './migrate.js'
export { provideRetention, Retention, retentionEnv, retentionTextOf, type RetentionRule } from './retention.js'
export { createRedis, RedisClient, redisSpan, type RedisOptions } from './redis.js'
export { seal, unseal } from './sealed.js'
