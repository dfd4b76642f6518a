import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { request } from 'undici'
import { keepLog } from './secrets.js'
import { until } from './until.js'

/** A service in a process of its own. */
export interface SpawnedService {
  readonly url: string
  readonly adminUrl: string
  readonly pid: number
  /** Everything it has written so far, line by line. */
  readonly output: readonly string[]
  /** Sends a signal and waits for the end. Default SIGKILL. @returns the exit code, or the signal that ended it */
  kill(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>
}

export interface SpawnOptions {
  /** Arguments for node before the file. Default `--enable-source-maps`. */
  nodeArgs?: readonly string[]
  /** How long it may take to be ready, in milliseconds. Default 60,000. */
  readyMs?: number
}

const addressesIn = (line: string): { url: string; adminUrl: string } | undefined => {
  if (!line.startsWith('{') || !line.includes('"listening"')) return undefined
  const { url, adminUrl } = JSON.parse(line) as { url?: string; adminUrl?: string }
  return url === undefined || adminUrl === undefined ? undefined : { url, adminUrl }
}

/**
 * Starts a service's main.js with PORT=0 and ADMIN_PORT=0, reads its addresses from its `listening` line and waits until it is ready.
 * Kill it when the test ends.
 * @throws Error with its last lines when it ends before, or isn't ready in time
 */
export const spawnService = async (
  mainPath: string,
  env: Record<string, string>,
  { nodeArgs = ['--enable-source-maps'], readyMs = 60_000 }: SpawnOptions = {},
): Promise<SpawnedService> => {
  const LOG_LEVEL = env['LOG_LEVEL'] === 'debug' ? 'debug' : 'info' // its `listening` line must be seen
  const { LOG_FILE: _file, ...rest } = env // its output is kept instead
  const child = spawn(process.execPath, [...nodeArgs, mainPath], { env: { ...rest, LOG_LEVEL }, stdio: ['ignore', 'pipe', 'pipe'] })
  const output: string[] = []
  let addresses: { url: string; adminUrl: string } | undefined
  createInterface({ input: child.stdout }).on('line', (line) => {
    output.push(line)
    addresses ??= addressesIn(line)
  })
  createInterface({ input: child.stderr }).on('line', (line) => output.push(line))
  const ended = once(child, 'exit').then(([code, signal]) => {
    keepLog(`spawned-${child.pid}`, output.join('\n'))
    return (signal ?? code) as number | NodeJS.Signals
  })
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  const kill = (signal: NodeJS.Signals = 'SIGKILL'): Promise<number | NodeJS.Signals> => {
    if (!hasEnded()) child.kill(signal)
    return ended
  }
  try {
    const { url, adminUrl } = await until(() => addresses ?? hasEnded(), { deadlineMs: readyMs, message: 'the service listens' }).then(
      (found) => (found === true ? Promise.reject(new Error(`The service ended with ${child.exitCode ?? child.signalCode}`)) : found),
    )
    await until(async () => (await request(`${adminUrl}/readyz`)).statusCode === 200, { deadlineMs: readyMs, message: 'it is ready' })
    return { url, adminUrl, pid: child.pid ?? 0, output, kill }
  } catch (error) {
    await kill()
    throw new Error(`${mainPath} did not start:\n${output.slice(-30).join('\n')}`, { cause: error })
  }
}
