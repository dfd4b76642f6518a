import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type AddressInfo } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { until, type Identity, type TestCa } from '@catamaran/testing'
import { Redis } from 'ioredis'
import { Cache } from '../src/cache.js'
import type { EngineContext } from '../src/engine-context.js'
import { findJava } from '../src/java.js'
import { kafka } from '../src/kafka.js'
import { newSecrets } from '../src/keys.js'
import { Logs } from '../src/logs.js'
import { choosePorts } from '../src/ports.js'
import { postgres, POSTGRES_ADMIN } from '../src/postgres.js'
import { accepts } from '../src/probes.js'
import { Processes } from '../src/processes.js'
import { Reaper } from '../src/reaper.js'
import { redis } from '../src/redis.js'

const quiet = (): void => undefined

/** A folder, ports and processes for engines of one test's own. */
export const makeContext = async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'catamaran-secure-'))
  const [logs, reaper] = [new Logs(join(dataDir, 'logs')), await Reaper.start(dataDir)]
  const processes = new Processes(logs, reaper, process.env, quiet)
  const cache = new Cache(process.env['CATAMARAN_CACHE'] ?? join(homedir(), '.cache', 'catamaran'), processes)
  const ports = await choosePorts(0, ['postgres', 'redis', 'kafka', 'kafka-controller'], '127.0.0.1')
  const java = findJava(cache, process.env, quiet)
  const context: EngineContext = {
    ...{ dataDir, ports, cache, processes },
    ...{ fast: true, env: process.env, secrets: newSecrets(), report: quiet, java: () => java },
  }
  const close = async (): Promise<void> => {
    await processes.stopAll()
    await reaper.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
  return { context, processes, close }
}

/** Writes a certificate and its key where an engine reads them. */
export const keep = (dir: string, name: string, { cert, key }: Identity) => {
  const files = { cert: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) }
  writeFileSync(files.cert, cert)
  writeFileSync(files.key, key, { mode: 0o600 })
  return files
}

/** PostgreSQL with TLS; `url` is the admin's, by the name in the certificate. */
export const securePostgres = async ({ context, processes }: Awaited<ReturnType<typeof makeContext>>, identity: Identity) => {
  const spec = await postgres(context)
  const { cert, key } = keep(context.dataDir, 'postgres-tls', identity)
  await processes.start({
    ...spec,
    args: [...spec.args, ...['ssl=on', `ssl_cert_file=${cert}`, `ssl_key_file=${key}`].flatMap((set) => ['-c', set])],
  })
  return `postgres://${POSTGRES_ADMIN}:${context.secrets.postgresPassword}@localhost:${context.ports.postgres}/postgres`
}

/** Valkey that asks for a password, behind something that ends TLS: the Valkey of the wheel is built without it. @returns port and how to let it go */
export const secureRedis = async (
  { context, processes }: Awaited<ReturnType<typeof makeContext>>,
  identity: Identity,
  password: string,
) => {
  const spec = await redis(context, quiet)
  await processes.start({ ...spec, args: [...spec.args, '--requirepass', password] })
  const server = createServer(identity, (socket) => {
    const inner = connect(context.ports.redis, '127.0.0.1')
    socket.pipe(inner).pipe(socket)
    for (const [one, other] of [
      [socket, inner],
      [inner, socket],
    ] as const)
      one.on('error', quiet).on('close', () => other.destroy())
  })
  server.on('tlsClientError', quiet)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

/** Three Valkeys that share the slots of a cluster. @returns the URL of one */
export const redisCluster = async ({ context, processes }: Awaited<ReturnType<typeof makeContext>>): Promise<string> => {
  const free = await choosePorts(0, ['api-gateway', 'auth-service', 'core-service', 'mail', 'partner', 'psp'], '127.0.0.1')
  const nodes = [
    { port: free['api-gateway'], bus: free.mail, slots: [0, 5460] },
    { port: free['auth-service'], bus: free.partner, slots: [5461, 10922] },
    { port: free['core-service'], bus: free.psp, slots: [10923, 16383] },
  ]
  const clients = await Promise.all(
    nodes.map(async ({ port, bus }, index) => {
      const dataDir = join(context.dataDir, `node-${index}`)
      const spec = await redis({ ...context, dataDir, ports: { ...context.ports, redis: port } }, quiet)
      await processes.start({
        ...spec,
        name: `redis-${index}`,
        args: [...spec.args, '--cluster-enabled', 'yes', '--cluster-port', String(bus)],
      })
      return new Redis(port, '127.0.0.1')
    }),
  )
  try {
    const [first] = clients
    for (const [index, { slots }] of nodes.entries()) await clients[index]?.cluster('ADDSLOTSRANGE', ...slots)
    for (const { port, bus } of nodes.slice(1)) await first?.call('CLUSTER', 'MEET', '127.0.0.1', port, bus)
    const isWhole = (info: unknown) => /cluster_state:ok/.test(String(info)) && /cluster_known_nodes:3/.test(String(info))
    await until(async () => (await Promise.all(clients.map((client) => client.cluster('INFO')))).every(isWhole), {
      message: 'the nodes are one cluster',
    })
  } finally {
    for (const client of clients) client.disconnect()
  }
  return `redis://127.0.0.1:${nodes[2]?.port}`
}

/** What a broker with TLS is told beyond what the local one is. It takes SCRAM, and OAuth tokens that nobody signed. */
const secured = (port: number, keyStore: string, trustStore: string): Record<string, string> => ({
  'listener.security.protocol.map': 'CLIENT:SASL_SSL,CONTROLLER:PLAINTEXT',
  'advertised.listeners': `CLIENT://localhost:${port}`,
  'sasl.enabled.mechanisms': 'SCRAM-SHA-512,OAUTHBEARER',
  'sasl.mechanism.inter.broker.protocol': 'SCRAM-SHA-512',
  'listener.name.client.scram-sha-512.sasl.jaas.config':
    'org.apache.kafka.common.security.scram.ScramLoginModule required username="broker" password="between-brokers";',
  'listener.name.client.oauthbearer.sasl.jaas.config':
    'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
  'ssl.keystore.type': 'PEM',
  'ssl.keystore.location': keyStore,
  'ssl.truststore.type': 'PEM',
  'ssl.truststore.location': trustStore,
})

/** Kafka with TLS that lets in `users` by SCRAM. */
export const secureKafka = async (
  { context, processes }: Awaited<ReturnType<typeof makeContext>>,
  ca: TestCa,
  users: Readonly<Record<string, string>>,
): Promise<string> => {
  const spec = await kafka(context, quiet)
  const port = context.ports.kafka
  const { cert, key } = ca.issue(['localhost'])
  const [keyStore, trustStore] = [join(context.dataDir, 'kafka-store.pem'), join(context.dataDir, 'kafka-trusted.pem')]
  writeFileSync(keyStore, key + cert, { mode: 0o600 })
  writeFileSync(trustStore, ca.cert)
  const settings = secured(port, keyStore, trustStore)
  const config = spec.args.at(-1) ?? ''
  const plain = readFileSync(config, 'utf8')
    .split('\n')
    .filter((line) => !(line.slice(0, line.indexOf('=')) in settings))
  writeFileSync(config, [...plain, ...Object.entries(settings).map((pair) => pair.join('='))].join('\n'))
  // Who may come in is written into the folder before the first start.
  rmSync(join(context.dataDir, 'kafka'), { recursive: true })
  const java = spec.args.slice(0, -2)
  const scram = Object.entries({ broker: 'between-brokers', ...users }).flatMap(([name, password]) => [
    '--add-scram',
    `SCRAM-SHA-512=[name=${name},password=${password}]`,
  ])
  const args = [...java, 'kafka.tools.StorageTool', 'format', '-t', '4L6g3nShT-eMCtK--X86sw', '-c', config, ...scram]
  await processes.runToEnd({ name: 'kafka-format', command: spec.command, args })
  const { afterStop: _archive, ...rest } = spec
  await processes.start({ ...rest, isReady: () => accepts('127.0.0.1', port) })
  return `localhost:${port}`
}
