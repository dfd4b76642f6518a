import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LEAN_JVM, type EngineContext } from './engine-context.js'
import type { Java } from './java.js'
import { kafkaAnswers } from './probes.js'
import type { ProcessSpec } from './processes.js'
import type { Say } from './progress.js'

const CLUSTER_ID = '4L6g3nShT-eMCtK--X86sw'
const HEAP = '-Xmx128m'

/** One node that is broker and controller. The internal topics get one partition; the buffers are those of a laptop, not of a data centre. */
/** Where the broker tells clients elsewhere to come. */
interface Outside {
  readonly address: string
  readonly port: number
}

const properties = (port: number, controllerPort: number, logDir: string, outside?: Outside): string =>
  Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'log.dirs': logDir,
    listeners: `CLIENT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}${outside ? `,OUTSIDE://127.0.0.1:${outside.port}` : ''}`,
    'advertised.listeners': `CLIENT://127.0.0.1:${port}${outside ? `,OUTSIDE://${outside.address}:${outside.port}` : ''}`,
    'listener.security.protocol.map': 'CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,OUTSIDE:PLAINTEXT',
    'inter.broker.listener.name': 'CLIENT',
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'auto.create.topics.enable': false,
    'group.initial.rebalance.delay.ms': 0,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'log.cleaner.dedupe.buffer.size': 2_097_152,
    'log.index.size.max.bytes': 1_048_576,
    'num.network.threads': 1,
    'num.io.threads': 2,
    'background.threads': 2,
    'group.coordinator.threads': 1,
    'share.coordinator.threads': 1,
    'broker.heartbeat.interval.ms': 500,
  })
    .map((pair) => pair.join('='))
    .join('\n')

/** Kafka in KRaft mode. A folder formatted once is kept in the cache and copied: formatting costs a JVM. */
export async function kafka(context: EngineContext, say: Say): Promise<ProcessSpec> {
  const { dataDir, ports, cache, reach } = context
  const jars = await cache.jars('kafka', say)
  const classPath = jars.join(':')
  const java = await context.java(say)
  const logDir = join(dataDir, 'kafka')
  await format(context, java, classPath, logDir)
  const config = join(dataDir, 'kafka.properties')
  const outside = reach === undefined ? undefined : { address: reach, port: ports['kafka-outside'] }
  writeFileSync(config, properties(ports.kafka, ports['kafka-controller'], logDir, outside))
  const archive = classArchive(cache.dir, java, classPath)
  return {
    name: 'kafka',
    rank: 'engine',
    command: java.path,
    args: [...LEAN_JVM, HEAP, archive.option, '-cp', classPath, 'kafka.Kafka', config],
    cwd: dataDir,
    stopSignal: 'SIGTERM',
    readyWithinMs: 90_000,
    isReady: () => kafkaAnswers('127.0.0.1', ports.kafka),
    afterStop: archive.keep,
  }
}

async function format({ cache, processes }: EngineContext, java: Java, classPath: string, logDir: string): Promise<void> {
  if (existsSync(join(logDir, 'meta.properties'))) return
  const version = createHash('sha256').update(classPath).digest('hex').slice(0, 12)
  const template = await cache.folder(`kafka-formatted-${version}`, async (into) => {
    const config = `${into}.properties`
    writeFileSync(config, properties(9092, 9093, into))
    const args = [...LEAN_JVM, HEAP, '-cp', classPath, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', config]
    await processes.runToEnd({ name: 'kafka-format', command: java.path, args })
    rmSync(config)
  })
  rmSync(`${logDir}.part`, { recursive: true, force: true })
  rmSync(logDir, { recursive: true, force: true })
  mkdirSync(join(logDir, '..'), { recursive: true })
  cpSync(template, `${logDir}.part`, { recursive: true })
  renameSync(`${logDir}.part`, logDir)
}

/**
 * An archive of loaded classes cuts the start from 3.2 to 1.9 s and memory by 45 MB. The JVM writes it as it exits, so it is made by the first
 * run that ends cleanly, under a name of its own and renamed, since two launchers may do it at once.
 */
function classArchive(cacheDir: string, java: Java, classPath: string): { option: string; keep: () => void } {
  const version = createHash('sha256').update(`${java.path} ${java.version} ${classPath}`).digest('hex').slice(0, 12)
  const path = join(cacheDir, `kafka-classes-${version}.jsa`)
  if (existsSync(path)) return { option: `-XX:SharedArchiveFile=${path}`, keep: () => undefined }
  // What a killed run left behind.
  for (const name of readdirSync(cacheDir)) {
    const pid = /^kafka-classes-.*\.(\d+)\.part$/.exec(name)?.[1]
    if (pid && !existsSync(`/proc/${pid}`)) rmSync(join(cacheDir, name), { force: true })
  }
  const partial = `${path}.${process.pid}.part`
  return { option: `-XX:ArchiveClassesAtExit=${partial}`, keep: () => void (existsSync(partial) && renameSync(partial, path)) }
}
