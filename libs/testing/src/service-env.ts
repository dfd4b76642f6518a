import { SERVICES, type ServiceName } from '@catamaran/contracts'
import type { TestIssuer } from './issuer.js'
import type { TestScope } from './scope.js'
import { testLogging } from './secrets.js'

/** Where nobody listens. */
const NOWHERE = 'http://127.0.0.1:1'

/**
 * The environment of a service under test, for `readConfig(Config, …)` or `spawnService`: free ports, the engines of the run with the
 * scope's prefixes, the issuer in place of auth-service, other services nowhere, flags at their defaults.
 * @param overrides what is added or changed; DATABASE_URL comes from `scope.database(…)`
 */
export const serviceEnvFor = (
  scope: TestScope,
  issuer: TestIssuer,
  name: ServiceName,
  overrides: Record<string, string> = {},
): Record<string, string> => ({
  HOST: '127.0.0.1',
  PORT: '0',
  ADMIN_PORT: '0',
  ...testLogging(),
  ISSUER_URL: issuer.issuer,
  SERVICE_KEY_FILE: issuer.serviceKeyFile,
  ...Object.fromEntries(SERVICES.filter((service) => service !== name).map((service) => [urlVariable(service), NOWHERE])),
  AUTH_URL: issuer.url,
  REDIS_URL: scope.engines.redisUrl,
  REDIS_KEY_PREFIX: scope.keyPrefix,
  DYNAMODB_ENDPOINT: scope.engines.dynamodbEndpoint,
  DYNAMODB_TABLE_PREFIX: scope.tablePrefix,
  AWS_REGION: 'local',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
  KAFKA_BROKERS: scope.kafka.brokers.join(','),
  KAFKA_TOPIC_PREFIX: scope.kafka.topicPrefix,
  FLAGS_SDK_KEY: 'sdk-test',
  FLAGS_URL: NOWHERE,
  ...overrides,
})

/** `core-service` → CORE_URL. */
const urlVariable = (service: ServiceName): string => `${service.replace(/^api-|-service$/g, '').toUpperCase()}_URL`
