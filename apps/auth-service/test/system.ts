import { generateKeyPairSync, randomUUID, type JsonWebKey } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SERVICES, USER_SCOPES } from '@catamaran/contracts'
import { Database } from '@catamaran/data'
import { readConfig, type Service } from '@catamaran/platform'
import { OutageProxy, testLogging, testScope, type TestScope } from '@catamaran/testing'
import { createApp, type Overrides } from '../src/app.js'
import { schema } from '../src/config.js'
import { migrateAuth } from '../src/migrate.js'
import { Gateway } from './gateway.js'
import { Mailbox } from './mailbox.js'

export const privateJwk = (type: 'ed25519' | 'rsa'): JsonWebKey => {
  const { privateKey } = type === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ed25519')
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID() }
}

/** All that auth-service needs around it, and what a test looks at; auth-service itself is not running yet. */
export interface Surroundings {
  readonly scope: TestScope
  /** What auth-service is started with. */
  readonly environment: Record<string, string>
  /** Where the outside is, and the issuer's base. */
  readonly publicUrl: string
  readonly issuer: string
  readonly mailbox: Mailbox
  readonly gateway: Gateway
  /** Stands before the service's database. */
  readonly postgres: OutageProxy
  /** A look at the same database past it. */
  readonly database: Database['pool']
  readonly folder: string
  /** The private key of a service, for its assertions. */
  keyOf(service: string): JsonWebKey
  writeSigningKeys(keys: readonly JsonWebKey[]): void
  /** Lets the gateway forward to where auth-service listens. */
  openTo(innerUrl: string): void
  close(): Promise<void>
}

const writeServiceKeys = (folder: string): Record<string, JsonWebKey> => {
  const keys = Object.fromEntries(SERVICES.map((service) => [service, privateJwk('ed25519')]))
  mkdirSync(join(folder, 'services'))
  for (const [service, { d: _private, ...publicJwk }] of Object.entries(keys)) {
    writeFileSync(join(folder, `${service}.json`), JSON.stringify(keys[service]))
    writeFileSync(join(folder, 'services', `${service}.json`), JSON.stringify(publicJwk))
  }
  return keys
}

/** Engines of the run, a gateway, a mailbox, keys, and a migrated database. `env` is added to the environment. */
export const prepareAuth = async (name: string, env: Record<string, string> = {}): Promise<Surroundings> => {
  const scope = testScope(name)
  const folder = mkdtempSync(join(tmpdir(), 'catamaran-auth-'))
  const [gateway, mailbox] = await Promise.all([Gateway.start(), Mailbox.start()])
  const keys = writeServiceKeys(folder)
  const signingFile = join(folder, 'signing.json')
  const writeSigningKeys = (list: readonly JsonWebKey[]): void => writeFileSync(signingFile, JSON.stringify({ keys: list }))
  writeSigningKeys([privateJwk('ed25519'), privateJwk('rsa')])

  const url = await scope.database('auth')
  const postgres = await OutageProxy.before(url)
  const database = new Database({ url, connections: 2 }).pool
  const environment: Record<string, string> = {
    ...{ HOST: '127.0.0.1', PORT: '0', ADMIN_PORT: '0', SHUTDOWN_MS: '5000', ...testLogging() },
    ...{ ISSUER_URL: `${gateway.url}/oidc`, AUTH_URL: gateway.url },
    ...{ SERVICE_KEY_FILE: join(folder, 'auth-service.json'), SERVICE_KEYS_DIR: join(folder, 'services') },
    ...{ SIGNING_KEYS_FILE: signingFile, SIGNING_DELAY_MS: '300', COOKIE_KEYS: 'a-cookie-key-for-tests-of-32-characters' },
    DATA_KEYS: Buffer.alloc(32, 'a data key for tests').toString('base64url'),
    ...{ DATABASE_URL: postgres.url, DATABASE_CONNECTIONS: '5' },
    ...{ REDIS_URL: scope.engines.redisUrl, REDIS_KEY_PREFIX: scope.keyPrefix },
    ...{ DYNAMODB_ENDPOINT: scope.engines.dynamodbEndpoint, DYNAMODB_TABLE_PREFIX: scope.tablePrefix, AWS_REGION: 'local' },
    KAFKA_BROKERS: '127.0.0.1:1', // nowhere: events stay in the outbox, where a test can count them
    ...{ SMTP_URL: mailbox.url, CORE_URL: 'http://127.0.0.1:1' },
    ...env,
  }
  await migrateAuth({ ...environment, DYNAMODB_ENDPOINT: scope.engines.dynamodbEndpoint })
  await database.query(
    `insert into oidc_client (id, name, application_type, auth_method, grant_types, redirect_uris, post_logout_redirect_uris, scopes)
      values ('catamaran-demo', 'Catamaran demo', 'native', 'none', '{authorization_code,refresh_token}',
        '{http://127.0.0.1/callback}', '{http://127.0.0.1/signed-out}', $1)`,
    [[...USER_SCOPES]],
  )
  return {
    ...{ scope, environment, mailbox, gateway, postgres, database, folder, writeSigningKeys },
    publicUrl: gateway.url,
    issuer: `${gateway.url}/oidc`,
    keyOf: (service) => keys[service] as JsonWebKey,
    openTo: (innerUrl) => gateway.openTo(innerUrl, join(folder, 'api-gateway.json')),
    close: async () => {
      await Promise.all([gateway.close(), mailbox.close(), database.end()])
      await postgres.close()
      rmSync(folder, { recursive: true })
      await scope.close()
    },
  }
}

export interface AuthSystem extends Surroundings {
  readonly service: Service
  /** Where the service itself listens, for calls past the gateway. */
  readonly innerUrl: string
}

export interface SystemOptions extends Overrides {
  env?: Record<string, string>
}

/** auth-service in this process, with all that it needs around it. */
export const startAuth = async (name: string, { env, ...overrides }: SystemOptions = {}): Promise<AuthSystem> => {
  const surroundings = await prepareAuth(name, env)
  const service = await createApp(readConfig(schema, surroundings.environment), overrides)
  const { url: innerUrl } = await service.listen()
  surroundings.openTo(innerUrl)
  const close = async (): Promise<void> => {
    await service.close()
    await surroundings.close()
  }
  return { ...surroundings, service, innerUrl, close }
}
