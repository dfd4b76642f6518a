import type { ServiceName } from '@catamaran/contracts'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { EngineUrls } from './engines.js'
import { Refusal } from './errors.js'
import { dataKey, databasePasswords, DATABASES, type DatabaseName, type KeyFiles, type Secrets } from './keys.js'
import type { PortName, Ports } from './ports.js'
import { httpAnswers } from './probes.js'
import type { ProcessSpec } from './processes.js'

/** Each service and its database, in the order of the last page. */
const DATABASE_OF: Record<ServiceName, DatabaseName | undefined> = {
  'api-gateway': undefined,
  'auth-service': 'auth',
  'core-service': 'core',
  'aux-service': 'aux',
}
export const SERVICES = Object.keys(DATABASE_OF) as ServiceName[]
export const MIGRATED = SERVICES.filter((name) => DATABASE_OF[name])
export const SANDBOX = ['mail', 'partner', 'psp'] as const
export type SandboxName = (typeof SANDBOX)[number]

export const SYSTEM_PORTS: PortName[] = [...SERVICES, ...SERVICES.map((name) => `${name}-admin` as const), ...SANDBOX, 'smtp', 'flags']

export interface Surroundings {
  /** The repository. */
  readonly root: string
  readonly dataDir: string
  readonly ports: Ports
  readonly urls: EngineUrls
  readonly secrets: Secrets
  readonly keys: KeyFiles
  /** The gateway as the outside sees it. */
  readonly gateway: string
  readonly listen: string
  /** Region and credentials of DynamoDB. */
  readonly aws: Record<string, string>
}

/** How long a service may drain: within what processes.ts gives it before it is killed. */
const DRAIN_WITHIN_MS = 4000

export const local = (port: number) => `http://127.0.0.1:${port}`

/** The URL of each service's own database. */
export function databaseUrls(adminUrl: string, secrets: Secrets): Record<DatabaseName, string> {
  const passwords = databasePasswords(adminUrl, secrets)
  const urls = DATABASES.map((name) => {
    const url = new URL(adminUrl)
    url.username = name
    url.password = passwords[name]
    url.pathname = `/${name}`
    return [name, url.href]
  })
  return Object.fromEntries(urls) as Record<DatabaseName, string>
}

/** The variables a service is started with, beyond what it inherits. */
export function serviceEnv(name: ServiceName, { ports, urls, secrets, keys, gateway, listen, aws }: Surroundings): Record<string, string> {
  const database = DATABASE_OF[name]
  return {
    HOST: name === 'api-gateway' ? listen : '127.0.0.1',
    PORT: String(ports[name]),
    ADMIN_PORT: String(ports[`${name}-admin`]),
    ...(database && { DATABASE_URL: databaseUrls(urls.postgres, secrets)[database] }),
    REDIS_URL: urls.redis,
    DYNAMODB_ENDPOINT: urls.dynamodb,
    ...aws,
    KAFKA_BROKERS: urls.kafka,
    ISSUER_URL: `${gateway}/oidc`,
    AUTH_URL: local(ports['auth-service']),
    CORE_URL: local(ports['core-service']),
    AUX_URL: local(ports['aux-service']),
    SERVICE_KEY_FILE: keys.privateKeyOf(name),
    FLAGS_SDK_KEY: secrets.flagsSdkKey,
    FLAGS_URL: local(ports.flags),
    SHUTDOWN_MS: String(DRAIN_WITHIN_MS),
    ...(name === 'auth-service' && {
      SERVICE_KEYS_DIR: keys.publicKeysDir,
      SIGNING_KEYS_FILE: keys.signingKeys,
      COOKIE_KEYS: secrets.cookieKeys,
      DATA_KEYS: dataKey('auth', urls.postgres, secrets),
      SMTP_URL: `smtp://127.0.0.1:${ports.smtp}`,
    }),
    ...(name === 'aux-service' && {
      DATA_KEYS: dataKey('aux', urls.postgres, secrets),
      SMTP_URL: `smtp://127.0.0.1:${ports.smtp}`,
      WEBHOOK_ALLOW_HTTP: 'true',
      WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8',
    }),
    ...(name === 'core-service' && {
      PSP_URL: local(ports.psp),
      RETURN_URL_ORIGINS: 'http://localhost,http://127.0.0.1',
      ...pspSecrets(secrets),
    }),
  }
}

const pspSecrets = ({ pspApiKey, pspCallbackSecret }: Secrets) => ({ PSP_API_KEY: pspApiKey, PSP_CALLBACK_SECRET: pspCallbackSecret })

/** @throws Refusal when the file was not built */
export function requireBuilt(root: string, path: string): string {
  const file = join(root, path)
  if (!existsSync(file)) throw new Refusal(`${path} is not there: build the project first (npm run build).`)
  return file
}

/** All that must have been built before anything is started. */
export const entryPoints = (): string[] => [
  ...SERVICES.map((name) => `apps/${name}/dist/src/main.js`),
  ...MIGRATED.map((name) => `apps/${name}/dist/src/migrate.js`),
  ...SANDBOX.map((name) => `sandbox/${name}/dist/src/main.js`),
]

/**
 * A young generation of 4 MB halves for the services that no buyer waits for at every click: V8's default lets each keep 50 MB of garbage. In
 * the gateway and core it cost a fifth of the processor time of a read (docs/performance.md).
 */
const LEAN = ['--max-semi-space-size=4']
/** On a large machine V8 would let garbage grow to four times what lives before it looks: with a bound, as a container gives one, it looks sooner. */
const BOUNDED = ['--max-old-space-size=384']
const ON_THE_HOT_PATH: readonly ServiceName[] = ['api-gateway', 'core-service']

const node = (root: string, path: string, flags: readonly string[] = []) => ({
  command: process.execPath,
  args: ['--enable-source-maps', ...flags, requireBuilt(root, path)],
})

export const migration = (name: ServiceName, around: Surroundings) => ({
  name: `${name}-migrate`,
  ...node(around.root, `apps/${name}/dist/src/migrate.js`),
  env: serviceEnv(name, around),
})

export const service = (name: ServiceName, around: Surroundings): ProcessSpec => ({
  name,
  rank: name === 'api-gateway' ? 'door' : 'service',
  ...node(around.root, `apps/${name}/dist/src/main.js`, ON_THE_HOT_PATH.includes(name) ? BOUNDED : [...BOUNDED, ...LEAN]),
  env: serviceEnv(name, around),
  stopSignal: 'SIGTERM',
  readyWithinMs: 60_000,
  isReady: () => httpAnswers(`${local(around.ports[`${name}-admin`])}/readyz`),
})

export const sandbox = (name: SandboxName, { root, ports, dataDir, secrets, gateway }: Surroundings): ProcessSpec => ({
  name,
  rank: 'sandbox',
  ...node(root, `sandbox/${name}/dist/src/main.js`),
  env: {
    HOST: '127.0.0.1',
    PORT: String(ports[name]),
    ...(name === 'mail' && { SMTP_PORT: String(ports.smtp), DATA_DIR: join(dataDir, 'mail') }),
    ...(name === 'partner' && { DATA_DIR: join(dataDir, 'partner'), WEBHOOK_SECRETS: secrets.webhookSecret }),
    ...(name === 'psp' && {
      DATA_DIR: join(dataDir, 'psp'),
      PSP_CALLBACK_URL: `${gateway}/v1/payments/callbacks`,
      PUBLIC_URL: local(ports.psp),
      ...pspSecrets(secrets),
    }),
  },
  stopSignal: 'SIGTERM',
  readyWithinMs: 30_000,
  isReady: () => httpAnswers(`${local(ports[name])}/livez`),
})
