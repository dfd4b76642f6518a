import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Debian's names first, then those of the projects themselves. */
const NAMES = { prometheus: ['prometheus'], promtool: ['promtool'], alertmanager: ['prometheus-alertmanager', 'alertmanager'] } as const
const FOLDERS = (process.env['PATH'] ?? '').split(delimiter)

/** Where a program is; undefined when the machine has none. */
export const find = (program: keyof typeof NAMES): string | undefined =>
  FOLDERS.flatMap((folder) => NAMES[program].map((name) => join(folder, name))).find((path) => existsSync(path))

/** @throws Error with all that promtool said, when something is not as expected */
export const promtool = async (...args: string[]): Promise<void> => {
  try {
    await promisify(execFile)(find('promtool') ?? 'promtool', args, { cwd: root, maxBuffer: 2 ** 24 })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`promtool ${args.join(' ')}\n${stdout}${stderr}`, { cause: error })
  }
}

export interface Program {
  /** All that it wrote so far. */
  readonly output: () => string
  readonly stop: () => Promise<void>
}

/** Starts a program that runs until it is stopped. It dies with this process. */
export const startProgram = (program: keyof typeof NAMES, args: readonly string[], env: Record<string, string> = {}): Program => {
  const child: ChildProcess = spawn(find(program) ?? program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (output += text))
  const gone = once(child, 'exit')
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  return {
    output: () => output,
    stop: async () => {
      process.off('exit', kill)
      child.kill('SIGTERM')
      await gone
    },
  }
}

/** A port that is free at the moment, for a program that can't choose one by itself. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
