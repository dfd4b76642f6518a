import type { ServiceName } from '@catamaran/contracts'
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { databasePasswords, dataKey, makeKeys, newSecrets, readSecrets, type Secrets } from './keys.js'
import { POSTGRES_ADMIN } from './postgres.js'
import type { ProvisionOrder } from './provision.js'
import { databaseUrls, SERVICES } from './services.js'

const PARTNER = 'http://partner:4000'

/**
 * The secret half of each container's environment; the other half stands in docker-compose.yml. `local` is the image of the jobs and of the
 * sandbox. `database` is PostgreSQL's host and port. Without arguments: an example.
 */
export function containerSecrets(
  secrets: Secrets = newSecrets(),
  database = 'postgres:5432',
): Record<ServiceName | 'local', Record<string, string>> {
  const admin = `postgres://${POSTGRES_ADMIN}:${secrets.postgresPassword}@${database}/postgres`
  const urls = databaseUrls(admin, secrets)
  const psp = { PSP_API_KEY: secrets.pspApiKey, PSP_CALLBACK_SECRET: secrets.pspCallbackSecret }
  const flags = { FLAGS_SDK_KEY: secrets.flagsSdkKey }
  const order: ProvisionOrder = {
    databaseUrl: admin,
    databases: databasePasswords(admin, secrets),
    ownsServer: true,
    kafkaBrokers: ['kafka:9092'],
  }
  return {
    'api-gateway': flags,
    'auth-service': { DATABASE_URL: urls.auth, COOKIE_KEYS: secrets.cookieKeys, DATA_KEYS: dataKey('auth', admin, secrets), ...flags },
    'core-service': { DATABASE_URL: urls.core, ...psp, ...flags },
    'aux-service': { DATABASE_URL: urls.aux, DATA_KEYS: dataKey('aux', admin, secrets), ...flags },
    local: {
      PROVISION_ORDER: JSON.stringify(order),
      ...{ AUTH_DATABASE_URL: urls.auth, CORE_DATABASE_URL: urls.core, AUX_DATABASE_URL: urls.aux },
      ...{ AUTH_DATA_KEY: dataKey('auth', admin, secrets), AUX_DATA_KEY: dataKey('aux', admin, secrets) },
      ...{ WEBHOOK_URL: `${PARTNER}/webhooks`, WEBHOOK_SECRET: secrets.webhookSecret, WEBHOOK_SECRETS: secrets.webhookSecret },
      ...psp,
    },
  }
}

/**
 * Makes the keys once, in `<home>/own`, and lays out for each container what it reads, in the folder of its name: variables in `env`, key files
 * beside it. Each folder is a volume that only its reader mounts.
 */
export async function writeContainerKeys(home: string, database: string): Promise<void> {
  const secrets = readSecrets(join(home, 'own'))
  const keys = await makeKeys(join(home, 'own'), SERVICES)
  for (const [reader, variables] of Object.entries(containerSecrets(secrets, database))) put(join(home, reader, 'env'), envFile(variables))
  for (const service of SERVICES) copy(keys.privateKeyOf(service), join(home, service, 'key.json'))
  copy(keys.signingKeys, join(home, 'auth-service', 'signing.json'))
  for (const name of readdirSync(keys.publicKeysDir)) copy(join(keys.publicKeysDir, name), join(home, 'auth-service', 'services', name))
  // PostgreSQL's image reads it as a user of its own.
  put(join(home, 'postgres', 'password'), secrets.postgresPassword, 0o444)
}

/** As `node --env-file` reads it. */
const envFile = (variables: Record<string, string>): string =>
  Object.entries(variables)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join('')

const copy = (from: string, to: string) => put(to, readFileSync(from))

/** Whole or not at all: whoever reads the old file may be running. */
function put(path: string, content: string | Buffer, mode = 0o400): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.part`, content)
  chmodSync(`${path}.part`, mode)
  renameSync(`${path}.part`, path)
}
