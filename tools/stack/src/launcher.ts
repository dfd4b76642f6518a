import { existsSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Cache, needSpace } from './cache.js'
import { ENGINE_VARIABLES, enginePorts } from './engines.js'
import { Refusal } from './errors.js'
import { readSecrets } from './keys.js'
import { lock, LockHeld } from './lock.js'
import { Logs } from './logs.js'
import type { Options } from './options.js'
import { enginesPage, systemPage } from './page.js'
import { choosePorts } from './ports.js'
import { Processes } from './processes.js'
import { Progress } from './progress.js'
import { Reaper } from './reaper.js'
import type { RunningEnginesOnly, RunningSystem } from './running-system.js'
import { entryPoints, requireBuilt, SYSTEM_PORTS } from './services.js'
import { bringUp, bringUpEngines, type Bringing } from './system.js'

/** What a first start writes: a PostgreSQL cluster, Kafka's logs and indexes, the logs. */
const DATA_NEEDS_BYTES = 300 * 1024 * 1024
/** A second Ctrl-C this long after the first means it. */
const IMPATIENT_AFTER_MS = 1000
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Starts the system and keeps it until a signal, or the end of the process that started it, stops it. Resolves once all is stopped.
 * @throws Refusal when it can't be started; whatever had been started is stopped by then
 */
export async function launch(options: Options, root: string, own: NodeJS.ProcessEnv): Promise<void> {
  const since = performance.now()
  const { dataDir } = options
  if (process.platform !== 'linux') throw new Refusal(`This runs on Linux only; this is ${process.platform}.`)
  if (!options.onlyEngines) for (const path of entryPoints()) requireBuilt(root, path)
  mkdirSync(dataDir, { recursive: true })
  const release = await lockData(dataDir)
  const out = options.json ? process.stderr : process.stdout
  const progress = new Progress(out, options.quiet)
  const systemFile = join(dataDir, 'system.json')
  const reaper = await Reaper.start(dataDir)
  prepareData(options)
  const logs = new Logs(join(dataDir, 'logs'))
  const cacheDir = own['CATAMARAN_CACHE'] || join(homedir(), '.cache', 'catamaran')
  // Compiled once for all that start: an eighth less processor time for a warm start.
  const env = { ...inherited(own), NODE_COMPILE_CACHE: join(cacheDir, 'compiled') }
  const processes = new Processes(logs, reaper, env, (line) => progress.note(line))
  const asked = stopAsked(own, processes)
  try {
    const bringing = { root, options, own, env, logs, processes, progress, secrets: readSecrets(dataDir) }
    const starting = start({ ...bringing, ...(await places(options, own, cacheDir, processes)) }, out, systemFile, since)
    await Promise.race([starting, asked])
    await asked
    progress.note('Stopping ...')
  } finally {
    progress.finish()
    await processes.stopAll()
    rmSync(systemFile, { force: true })
    await reaper.close()
    await release()
  }
}

async function places(options: Options, own: NodeJS.ProcessEnv, cacheDir: string, processes: Processes) {
  const names = [...enginePorts(own), ...(options.onlyEngines ? [] : SYSTEM_PORTS)]
  if (options.reach !== undefined) names.push('kafka-outside')
  return { ports: await choosePorts(options.portBase, names, options.listen), cache: new Cache(cacheDir, processes) }
}

async function start(bringing: Bringing, out: NodeJS.WriteStream, systemFile: string, since: number): Promise<void> {
  const { options, progress } = bringing
  const seconds = () => ((performance.now() - since) / 1000).toFixed(1)
  let running: RunningEnginesOnly | RunningSystem
  let page: string
  if (options.onlyEngines) {
    running = await bringUpEngines(bringing)
    page = enginesPage(running, seconds())
  } else {
    const system = await bringUp(bringing)
    running = system
    page = systemPage(system, seconds())
  }
  progress.finish()
  const tell = (): void => {
    writeFileSync(`${systemFile}.part`, JSON.stringify(withPids(running, bringing.processes), undefined, 2), { mode: 0o600 })
    renameSync(`${systemFile}.part`, systemFile)
  }
  tell()
  bringing.processes.whenBack(tell)
  if (options.json) process.stdout.write(`${JSON.stringify(running)}\n`)
  else out.write(page)
}

/** The same with the processes as they are now: one that died came back under another pid. */
const withPids = <T extends RunningEnginesOnly | RunningSystem>(running: T, processes: Processes): T => {
  const fresh = <E extends { pid: number }>(each: Record<string, E>): Record<string, E> =>
    Object.fromEntries(Object.entries(each).map(([name, told]) => [name, { ...told, pid: processes.pidOf(name) }]))
  const pids = Object.fromEntries(Object.keys(running.engines.pids).map((name) => [name, processes.pidOf(name)]))
  const parts = 'services' in running ? { services: fresh(running.services), sandbox: fresh(running.sandbox) } : {}
  return { ...running, ...parts, engines: { ...running.engines, pids } }
}

/** @throws Refusal when another launcher has this folder */
async function lockData(dataDir: string): Promise<() => Promise<void>> {
  try {
    return await lock(realpathSync(dataDir), { wait: false })
  } catch (error) {
    if (!(error instanceof LockHeld)) throw error
    throw new Refusal(
      `Catamaran already runs on ${dataDir} (pid ${error.pid}). Stop it (kill ${error.pid}), ` +
        `or start a second copy: npm start -- --port-base 5000 --data .catamaran-5000`,
    )
  }
}

const OURS = [
  'keys',
  'logs',
  'postgres',
  'postgres.part',
  'postgres-lib',
  'redis',
  'dynamodb',
  'kafka',
  'mail',
  'psp',
  'kafka.part',
  'kafka.properties',
  'flags.json',
  'system.json',
]

/** Empties the folder if asked to (only what is ours in it), and sees that git never takes it up. */
function prepareData({ dataDir, reset }: Options): void {
  if (reset) for (const name of OURS) rmSync(join(dataDir, name), { recursive: true, force: true })
  if (!existsSync(join(dataDir, '.gitignore'))) writeFileSync(join(dataDir, '.gitignore'), '*\n')
  needSpace(dataDir, DATA_NEEDS_BYTES)
}

const DROPPED = new Set([...ENGINE_VARIABLES, 'CATAMARAN_PARENT_FD', 'NODE_TEST_CONTEXT', 'TEST_ENGINES', 'PORT', 'HOST'])

/** The environment of every child: this one's, without what is meant for the launcher, for npm, for a test runner, or for AWS itself. */
function inherited(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isDropped = (name: string) => DROPPED.has(name) || name.startsWith('npm_') || (name.startsWith('AWS_') && !own['DYNAMODB_ENDPOINT'])
  return Object.fromEntries(Object.entries(own).filter(([name]) => !isDropped(name)))
}

/** Resolves when a signal comes, or when the pipe to whoever started this ends; a second signal kills everything at once. */
function stopAsked(own: NodeJS.ProcessEnv, processes: Processes): Promise<void> {
  return new Promise((resolve) => {
    let askedAt: number | undefined
    const ask = () => {
      if (askedAt !== undefined && performance.now() - askedAt > IMPATIENT_AFTER_MS) processes.killAll()
      askedAt ??= performance.now()
      resolve()
    }
    for (const signal of SIGNALS) process.on(signal, ask)
    onParentGone(own, ask)
  })
}

/** Calls back when the process that started this one is gone, however it went: it holds the other end of an inherited pipe. */
export function onParentGone(env: NodeJS.ProcessEnv, callback: () => void): void {
  const fd = Number(env['CATAMARAN_PARENT_FD'])
  if (!fd) return
  const pipe = new Socket({ fd, readable: true, writable: false })
  pipe.on('error', () => undefined)
  pipe.once('close', callback)
  pipe.resume()
  pipe.unref()
}
