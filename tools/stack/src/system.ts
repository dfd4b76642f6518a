import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { Cache } from './cache.js'
import type { EngineContext, EngineName } from './engine-context.js'
import { ENGINE_NAMES, engineUrls, startEngine, type EngineUrls } from './engines.js'
import { Refusal } from './errors.js'
import { FLAG_DEFAULTS, FlagRelay } from './flag-relay.js'
import { findJava } from './java.js'
import { databasePasswords, dataKey, makeKeys, type Secrets } from './keys.js'
import type { Logs } from './logs.js'
import type { Options } from './options.js'
import type { Ports } from './ports.js'
import type { Processes } from './processes.js'
import type { Progress } from './progress.js'
import type { ProvisionOrder } from './provision.js'
import type { DemoPartner, RunningEngines, RunningEnginesOnly, RunningSystem } from './running-system.js'
import { databaseUrls, local, MIGRATED, migration, sandbox, SANDBOX, service, serviceEnv, SERVICES, type Surroundings } from './services.js'

export interface Bringing {
  /** The repository. */
  readonly root: string
  readonly options: Options
  /** The launcher's own environment, where engines of one's own are named. */
  readonly own: NodeJS.ProcessEnv
  /** What every child inherits. */
  readonly env: NodeJS.ProcessEnv
  readonly cache: Cache
  readonly ports: Ports
  readonly secrets: Secrets
  readonly logs: Logs
  readonly processes: Processes
  readonly progress: Progress
}

/** Starts the engines with their databases and topics, all at once. */
export async function bringUpEngines(bringing: Bringing): Promise<RunningEnginesOnly> {
  const urls = engineUrls(engineContext(bringing), bringing.own)
  await Promise.all(Object.values(startEngines(bringing, urls)))
  return { engines: enginesOf(bringing, urls), ...whereabouts(bringing) }
}

/** Starts everything, each part as soon as what it needs is there. */
export async function bringUp(bringing: Bringing): Promise<RunningSystem> {
  const { root, options, own, ports, secrets, processes, progress } = bringing
  const urls = engineUrls(engineContext(bringing), own)
  const gateway = options.gateway ?? `http://${outsideHost(options.listen)}:${ports['api-gateway']}`
  const here = options.gateway === undefined ? SERVICES : []
  const flagFile = join(options.dataDir, 'flags.json')
  const relay = startRelay(bringing, flagFile)
  const engines = startEngines(bringing, urls)
  const keys = makeKeys(options.dataDir, SERVICES)
  const around: Promise<Surroundings> = keys.then((made) => ({
    ...{ root, ports, urls, secrets, gateway, keys: made },
    ...{ dataDir: options.dataDir, listen: options.listen, aws: awsOf(own) },
  }))
  const outside = SANDBOX.map((name) => progress.step(`Sandbox: ${name}`, async () => processes.start(sandbox(name, await around))))
  const migrated = Promise.all([around, engines.databases, engines.dynamodb]).then(([surroundings]) => migrate(bringing, surroundings))
  const seeded = options.seed ? migrated.then(() => seed(bringing, urls)) : Promise.resolve(undefined)
  const services = here.map((name) =>
    progress.step(name, async () => {
      await Promise.all([relay, engines.redis, ...(MIGRATED.includes(name) ? [migrated, engines.topics, outside[0]] : [])])
      await processes.start(service(name, await around))
    }),
  )
  const [demo] = await Promise.all([seeded, migrated, ...services, ...outside, ...Object.values(engines)])
  const surroundings = await around
  const { mail, partner, psp, smtp, flags } = ports
  return {
    gateway,
    issuer: `${gateway}/oidc`,
    services: Object.fromEntries(
      here.map((name) => [name, { url: local(ports[name]), admin: local(ports[`${name}-admin`]), pid: processes.pidOf(name) }]),
    ),
    sandbox: {
      mail: { url: local(mail), smtpUrl: `smtp://127.0.0.1:${smtp}`, pid: processes.pidOf('mail') },
      partner: { url: local(partner), pid: processes.pidOf('partner') },
      psp: { url: local(psp), pid: processes.pidOf('psp') },
    },
    engines: enginesOf(bringing, urls),
    flags: { url: local(flags), file: flagFile },
    ...(demo && { demo }),
    ...whereabouts(bringing),
    serviceEnv: Object.fromEntries(SERVICES.map((name) => [name, serviceEnv(name, surroundings)])),
  }
}

function engineContext({ options, ports, env, cache, secrets, processes, progress }: Bringing): EngineContext {
  let java: ReturnType<typeof findJava> | undefined
  const { dataDir, fast, reach } = options
  const report = (line: string) => progress.note(line)
  return { dataDir, ports, fast, reach, env, cache, secrets, processes, report, java: (say) => (java ??= findJava(cache, env, say)) }
}

/** What each part promises: the four engines, then the databases and the topics in them. */
function startEngines(bringing: Bringing, urls: EngineUrls): Record<EngineName | 'databases' | 'topics', Promise<void>> {
  const { own, processes, progress } = bringing
  const context = engineContext(bringing)
  const engines = Object.fromEntries(ENGINE_NAMES.map((name) => [name, startEngine(name, context, own, processes, progress)]))
  const parts = provision(bringing, urls, engines as Record<EngineName, Promise<void>>)
  return { ...(engines as Record<EngineName, Promise<void>>), ...parts }
}

/** Its process starts beside the engines and waits for them by itself, so that its own start costs no time. */
function provision({ own, secrets, processes, progress }: Bringing, urls: EngineUrls, engines: Record<EngineName, Promise<void>>) {
  const order: ProvisionOrder = {
    databaseUrl: urls.postgres,
    databases: databasePasswords(urls.postgres, secrets),
    ownsServer: !own['DATABASE_URL'],
    kafkaBrokers: urls.kafka.split(',').map((broker) => broker.trim()),
  }
  const parts = { databases: Promise.withResolvers<void>(), topics: Promise.withResolvers<void>() }
  // Whoever waits for a part hears of its failure; before that, it must not count as unheard.
  for (const { promise } of Object.values(parts)) promise.catch(() => undefined)
  const program = new URL('provision.js', import.meta.url).pathname
  processes
    .runToEnd({ name: 'provision', command: process.execPath, args: [program], env: { PROVISION_ORDER: JSON.stringify(order) } }, (part) =>
      parts[part as keyof typeof parts].resolve(),
    )
    .catch((error: unknown) => Object.values(parts).forEach(({ reject }) => reject(error)))
  return {
    databases: engines.postgres.then(() => progress.step('Databases', () => parts.databases.promise)),
    topics: engines.kafka.then(() => progress.step('Topics', () => parts.topics.promise)),
  }
}

async function migrate({ processes, progress }: Bringing, surroundings: Surroundings): Promise<void> {
  await progress.step('Migrations', () => Promise.all(MIGRATED.map((name) => processes.runToEnd(migration(name, surroundings)))))
}

async function seed({ options, ports, secrets, processes, progress }: Bringing, urls: EngineUrls): Promise<RunningSystem['demo']> {
  const databases = databaseUrls(urls.postgres, secrets)
  const variables = {
    ...{ AUTH_DATABASE_URL: databases.auth, CORE_DATABASE_URL: databases.core, AUX_DATABASE_URL: databases.aux },
    ...{ AUTH_DATA_KEY: dataKey('auth', urls.postgres, secrets), AUX_DATA_KEY: dataKey('aux', urls.postgres, secrets) },
    ...{ WEBHOOK_URL: `http://${options.reach ?? '127.0.0.1'}:${ports.partner}/webhooks`, WEBHOOK_SECRET: secrets.webhookSecret },
  }
  const program = new URL('seed.js', import.meta.url).pathname
  let line = ''
  await progress.step('Catalogue and demo accounts', () =>
    processes.runToEnd({ name: 'seed', command: process.execPath, args: [program], env: variables }, (text) => (line = text)),
  )
  const { demoBuyer, demoOperator, demoPartner } = JSON.parse(line) as {
    demoBuyer: { email: string; password: string }
    demoOperator: { email: string; password: string; totpSecret: string }
    demoPartner: DemoPartner
  }
  return { buyer: demoBuyer, operator: demoOperator, partner: demoPartner }
}

async function startRelay({ ports, progress }: Bringing, file: string): Promise<void> {
  const relay = new FlagRelay(file, (line) => progress.note(line))
  await progress.step('Flag relay', () => relay.start(ports.flags, FLAG_DEFAULTS))
}

function enginesOf({ options, ports, processes, secrets }: Bringing, urls: EngineUrls): RunningEngines {
  const started = ENGINE_NAMES.map((name) => [name, processes.pidOf(name)] as const).filter(([, pid]) => pid !== 0)
  return {
    databaseUrl: urls.postgres,
    databases: databaseUrls(urls.postgres, secrets),
    redisUrl: urls.redis,
    dynamodbEndpoint: urls.dynamodb,
    kafkaBrokers: urls.kafka.split(',').map((broker) => broker.trim()),
    ...(options.reach !== undefined && { kafkaOutside: `${options.reach}:${ports['kafka-outside']}` }),
    pids: Object.fromEntries(started),
  }
}

const whereabouts = ({ options, logs }: Bringing) => ({ dataDir: options.dataDir, logDir: logs.dir, pid: process.pid })

/** A DynamoDB of one's own needs one's own credentials; the local one takes any. */
function awsOf(own: NodeJS.ProcessEnv): Record<string, string> {
  const local = { AWS_REGION: 'local', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' }
  if (!own['DYNAMODB_ENDPOINT']) return local
  return Object.fromEntries(Object.entries(local).map(([name, value]) => [name, own[name] ?? value]))
}

/**
 * The address others reach the gateway by: where it listens on all, the machine's first one that isn't loopback. Loopback goes by its name,
 * since browsers keep passkeys for names only.
 */
function outsideHost(listen: string): string {
  if (listen === '127.0.0.1') return 'localhost'
  if (listen !== '0.0.0.0' && listen !== '::') return listen.includes(':') ? `[${listen}]` : listen
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const address = addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address
  if (!address) throw new Refusal(`This machine has no address that others could reach; give --listen one.`)
  return address
}
