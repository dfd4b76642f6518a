import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { SERVICES, type ServiceName } from '@catamaran/contracts'
import type { RunningSystem } from '@catamaran/stack'
import { root } from './cluster.js'

/** The gateway Pods of the mesh, as they were found. */
export interface Ingress {
  readonly namespace: string
  readonly serviceAccount: string
  readonly labels: Record<string, string>
  /** A Pod's address, and the port it takes plain http on. */
  readonly host: string
  readonly port: number
}

export interface Surroundings {
  readonly system: RunningSystem
  readonly ingress: Ingress
  /** The address by which Pods reach this machine. */
  readonly reach: string
  /** True where Pods are processes of this machine, told by an annotation what to run. */
  readonly areProcesses: boolean
  /** Where Flagger reads the services' own series; none: no canaries. */
  readonly series?: string
}

/** Keys of each service's Secret that the charts make variables of. */
const VARIABLES: Record<ServiceName, readonly string[]> = {
  'api-gateway': ['FLAGS_SDK_KEY'],
  'auth-service': ['COOKIE_KEYS', 'DATA_KEYS', 'SMTP_URL'],
  'core-service': ['FLAGS_SDK_KEY', 'PSP_API_KEY', 'PSP_CALLBACK_SECRET'],
  'aux-service': ['DATA_KEYS', 'SMTP_URL'],
}
/** Files that the charts mount, by the variable that names them. */
const FILES: Record<string, string> = {
  SERVICE_KEY_FILE: 'key.json',
  SIGNING_KEYS_FILE: 'signing.json',
  DATABASE_PASSWORD_FILE: 'database-password',
}

/** The same address as Pods reach it. */
const outside = (url: string, reach: string): string => url.replace(/(127\.0\.0\.1|localhost)(?=:\d)/, reach)

/** The text of each file of a service's Secret. */
const filesOf = (name: ServiceName, system: RunningSystem): Record<string, string> => {
  const { SERVICE_KEY_FILE = '', SIGNING_KEYS_FILE, DATABASE_URL } = system.serviceEnv[name] ?? {}
  return {
    'key.json': readFileSync(SERVICE_KEY_FILE, 'utf8'),
    ...(SIGNING_KEYS_FILE !== undefined && { 'signing.json': readFileSync(SIGNING_KEYS_FILE, 'utf8') }),
    ...(DATABASE_URL !== undefined && { 'database-password': new URL(DATABASE_URL).password }),
  }
}

/** What must be there before the charts are installed: a Secret for each service, and the services' public keys. */
export const prerequisites = ({ system, reach }: Surroundings, namespace: string): object[] => {
  const secrets = SERVICES.map((name) => {
    const env = system.serviceEnv[name] ?? {}
    const variables = VARIABLES[name].map((key) => [key, outside(env[key] ?? '', reach)])
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace },
      stringData: { ...Object.fromEntries(variables), ...filesOf(name, system) },
    }
  })
  const folder = system.serviceEnv['auth-service']?.['SERVICE_KEYS_DIR'] ?? ''
  const data = Object.fromEntries(SERVICES.map((name) => [`${name}.json`, readFileSync(join(folder, `${name}.json`), 'utf8')]))
  return [...secrets, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'service-keys', namespace }, data }]
}

/** A later release of some services: with variables of their own, if any. */
export interface Change {
  readonly name: string
  readonly services: Partial<Record<ServiceName, Record<string, string>>>
}

export const VERSION = '0.1.0'
/** The one service whose releases are watched: each canary is a second Pod. */
export const CANARY: ServiceName = 'core-service'

/** The release of a service as its charts name it, by its image's tag: payment operations and metrics go by it. */
export const releaseOf = (name: ServiceName, change?: Change): string =>
  change?.services[name] === undefined ? VERSION : `${VERSION}-${change.name}`

/** What `values-dev.yaml` leaves open: where this machine's stores, sandbox and ingress gateway are. */
export const valuesFor = (around: Surroundings, change?: Change): Record<string, unknown> => {
  const { system, ingress, reach } = around
  const { engines, gateway, issuer, flags, sandbox } = system
  const networks = [`${reach}/32`]
  const at = (url: string) => outside(url, reach)
  const portOf = (url: string) => Number(new URL(url).port)
  const own = (name: ServiceName, config: object) => ({
    // The cores of one machine have everything on them: how long a request takes says little of a release.
    canary: { enabled: name === CANARY, requests: { p99Ms: 5000 } },
    ...(change?.services[name] !== undefined && { tag: releaseOf(name, change) }),
    config: { ...config, ...(around.areProcesses ? {} : change?.services[name]) },
    ...(around.areProcesses && { podAnnotations: { 'cluster/command': command(name, around, change) } }),
  })
  return {
    global: {
      domain: new URL(gateway).hostname,
      issuer,
      mesh: { ingress: { namespace: ingress.namespace, serviceAccount: ingress.serviceAccount, labels: ingress.labels } },
      stores: {
        postgres: { host: reach, port: portOf(engines.databaseUrl), networks },
        redis: { url: at(engines.redisUrl), port: portOf(engines.redisUrl), networks },
        kafka: { brokers: [engines.kafkaOutside], port: Number(engines.kafkaOutside?.split(':')[1]), networks },
        dynamodb: { endpoint: at(engines.dynamodbEndpoint) },
      },
      ...canaries(around),
      egress: [{ to: [{ ipBlock: { cidr: `${reach}/32` } }] }],
    },
    'api-gateway': own('api-gateway', { FLAGS_URL: at(flags.url), RATE_LIMIT_CALLER: '1000000/1000000' }),
    'auth-service': own('auth-service', {}),
    'core-service': own('core-service', { FLAGS_URL: at(flags.url), PSP_URL: at(sandbox.psp.url) }),
    'aux-service': own('aux-service', { WEBHOOK_ALLOWED_NETWORKS: `${reach}/32` }),
  }
}

/** As fast as Flagger goes, and judged by the business metrics as they come with the charts; with the gates where LOAD_TESTER_URL names Flagger's load tester. */
const canaries = ({ series, system }: Surroundings) => {
  if (series === undefined) return {}
  const loadTester = process.env['LOAD_TESTER_URL']
  const gates = loadTester === undefined ? {} : { loadTester, url: system.gateway }
  return { canary: { enabled: true, interval: '10s', window: '30s', prometheus: series, ...gates } }
}

/** What runs in a Pod that is a process: the same program as in an image. It has no volumes, so the files are this machine's. */
const command = (name: ServiceName, { system }: Surroundings, change?: Change): string => {
  const folder = join(system.dataDir, 'pods', name)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const files = filesOf(name, system)
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text, { mode: 0o600 })
  const variables: Record<string, string> = {
    RELEASE: releaseOf(name, change),
    SHUTDOWN_MS: '2500',
    // As the launcher has it: a start costs half.
    NODE_COMPILE_CACHE: join(process.env['CATAMARAN_CACHE'] ?? join(homedir(), '.cache', 'catamaran'), 'compiled'),
    ...Object.fromEntries(Object.entries(FILES).flatMap(([variable, file]) => (file in files ? [[variable, join(folder, file)]] : []))),
    ...(name === 'auth-service' && { SERVICE_KEYS_DIR: system.serviceEnv[name]?.['SERVICE_KEYS_DIR'] ?? '' }),
    ...change?.services[name],
  }
  const assignments = Object.entries(variables).map(([key, value]) => `${key}='${value}'`)
  return [
    'env',
    ...assignments,
    'sh',
    join(root, 'e2e/cluster/pod.sh'),
    process.execPath,
    '--enable-source-maps',
    join(root, `apps/${name}/dist/src/main.js`),
  ].join(' ')
}
