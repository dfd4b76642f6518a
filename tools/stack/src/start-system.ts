import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RunningEnginesOnly, RunningSystem } from './running-system.js'

export interface StartOptions {
  /** Where its data is kept; without it a temporary folder, removed by `stop`. */
  readonly dataDir?: string
  /** The first port; free ports for everything without it. */
  readonly portBase?: number
  /** The `main.js` that starts it, of another build. Default: this one's. */
  readonly launcher?: string
  /** Engines in memory and without fsync. Default true. */
  readonly fast?: boolean
  /** Further arguments of `npm start`, for example `--no-seed`. */
  readonly args?: readonly string[]
  /** Variables added to this process's own, for example DATABASE_URL. */
  readonly env?: Record<string, string>
  /** Where its progress and its warnings go. Default: kept, and shown when it fails. */
  readonly stderr?: NodeJS.WritableStream
}

export interface Started<T> {
  readonly system: T
  /** Stops all of it and resolves when no process is left. May be called twice. */
  readonly stop: () => Promise<void>
}

const MAIN = fileURLToPath(new URL('main.js', import.meta.url))

/**
 * Starts a whole system of one's own and resolves once it is ready. It stops by itself when this process ends, however it ends.
 * Example: `const { system, stop } = await startSystem()`.
 * @throws Error with the launcher's message when it can't be started
 */
export const startSystem = (options: StartOptions = {}): Promise<Started<RunningSystem>> => startLauncher(options, [])

/** The same with the engines only. */
export const startEngines = (options: StartOptions = {}): Promise<Started<RunningEnginesOnly>> =>
  startLauncher(options, ['--only', 'engines'])

/** Hands a system's logs to the run of `npm test` that it was part of, which searches them at its end. */
function keepLogs(dataDir: string): void {
  const run = process.env['TEST_RUN_DIR']
  if (run !== undefined) cpSync(join(dataDir, 'logs'), join(run, 'logs', basename(dataDir)), { recursive: true })
}

async function startLauncher<T>(options: StartOptions, extra: readonly string[]): Promise<Started<T>> {
  const { launcher: main = MAIN, portBase = 0, fast = true, args = [], env = {} } = options
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'catamaran-'))
  const all = ['--json', '--port-base', String(portBase), '--data', dataDir, ...(fast ? ['--fast'] : []), ...extra, ...args]
  const { NODE_TEST_CONTEXT: _context, ...inherited } = process.env
  // The launcher stops when the fourth descriptor, a pipe held by this process, ends.
  const launcher = spawn(process.execPath, [main, ...all], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { ...inherited, ...env, CATAMARAN_PARENT_FD: '3' },
  })
  let told = ''
  launcher.stderr?.setEncoding('utf8').on('data', (text: string) => {
    told = (told + text).slice(-8000)
    options.stderr?.write(text)
  })
  const exited = once(launcher, 'close')
  const stop = async () => {
    launcher.kill('SIGTERM')
    await exited
    keepLogs(dataDir)
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
  }
  let output = ''
  const ready = new Promise<void>((resolve) =>
    launcher.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (output.endsWith('\n')) resolve()
    }),
  )
  await Promise.race([ready, exited])
  if (output === '') {
    await stop()
    throw new Error(`The system could not be started:\n${told.trim()}`)
  }
  return { system: JSON.parse(output) as T, stop }
}

/** The system that runs on a data folder at the moment, if one does: what its launcher wrote to `system.json`. */
export function findSystem(dataDir: string): RunningSystem | undefined {
  try {
    const system = JSON.parse(readFileSync(join(dataDir, 'system.json'), 'utf8')) as RunningSystem
    process.kill(system.pid, 0)
    return system
  } catch {
    return undefined // no file, or one left by a launcher that is gone
  }
}
