import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pssOf, startSystem, type RunningSystem, type Started } from '@catamaran/stack'
import { atRest } from './cpu.js'
import { mib, progress, say, seconds, spread, table } from './report.js'
import { median } from './statistics.js'

const WARM_STARTS = 3
const GOALS = { warmMs: 10_000, coldMs: 60_000, restBytes: 1024 ** 3 }
/** A bench must be told apart from an attack. */
export const UNLIMITED = {
  ORDER_MAX_UNPAID: '1000000',
  RATE_LIMIT_CALLER: '1000000/1000000',
  RATE_LIMIT_ANONYMOUS: '1000000/1000000',
  RATE_LIMIT_SIGN_IN: '1000/1000',
}
const RUN = fileURLToPath(new URL('../../../run.mjs', import.meta.url))

const started = new Set<Started<RunningSystem>>()

/** Starts a system of the bench's own, with engines as `npm start` has them (fsync on), but without limits for callers. */
export async function startOwn(dataDir: string): Promise<Started<RunningSystem>> {
  const own = await startSystem({ dataDir: join(dataDir, 'system'), fast: false, env: UNLIMITED })
  started.add(own)
  return own
}

/** Stops what runs of it, for when the bench is told to end. */
export const stopOwn = async (): Promise<void> => void (await Promise.all([...started].map(({ stop }) => stop())))

/**
 * Measures a cold start, several warm ones, and what the whole system takes at rest, and prints them. Leaves nothing running, and a data folder
 * whose next start is warm.
 */
export async function benchStart(dataDir: string): Promise<void> {
  progress('start: the check that all is installed and built')
  const checkMs = await timed(checkBuilt)
  progress('start: cold')
  const cold = await startAndStop(dataDir)
  const warm: Measured[] = []
  for (let turn = 1; turn <= WARM_STARTS; turn++) {
    progress(`start: warm, ${turn} of ${WARM_STARTS}`)
    warm.push(await startAndStop(dataDir))
  }
  print(checkMs, cold, warm)
}

interface Measured {
  readonly readyMs: number
  /** The whole system at rest, and its parts, in bytes. */
  readonly total: number
  readonly parts: Record<string, number>
}

async function startAndStop(dataDir: string): Promise<Measured> {
  const since = performance.now()
  const { system, stop } = await startOwn(dataDir)
  try {
    const readyMs = performance.now() - since
    await atRest({ all: system.pid })
    return { readyMs, ...memoryOf(system) }
  } finally {
    await stop()
  }
}

function memoryOf({ pid, engines, services, sandbox }: RunningSystem): { total: number; parts: Record<string, number> } {
  const pids = [
    ...Object.entries(engines.pids),
    ...[...Object.entries(services), ...Object.entries(sandbox)].map(([name, process]) => [name, process.pid] as const),
  ]
  const parts = Object.fromEntries(pids.map(([name, part]) => [name, pssOf(part)]))
  const total = pssOf(pid)
  const named = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0)
  return { total, parts: { ...parts, 'launcher, flag relay': total - named } }
}

async function checkBuilt(): Promise<void> {
  const check = spawn(process.execPath, [RUN, 'build'], { stdio: ['ignore', 2, 2] })
  const [code] = (await once(check, 'exit')) as [number | null]
  if (code !== 0) throw new Error('The project does not build: see above.')
}

async function timed(work: () => Promise<void>): Promise<number> {
  const since = performance.now()
  await work()
  return performance.now() - since
}

function print(checkMs: number, cold: Measured, warm: readonly Measured[]): void {
  const warmMs = warm.map(({ readyMs }) => readyMs + checkMs)
  const rest = warm.map(({ total }) => total)
  const coldMs = cold.readyMs + checkMs
  table(
    `Start, and memory at rest (cold: a new data folder, downloads there; both with ${seconds(checkMs)} for the check that all is built)`,
    [
      goalRow('warm start to ready', spread(warmMs, median(warmMs), seconds), seconds(GOALS.warmMs), median(warmMs) <= GOALS.warmMs),
      goalRow('cold start to ready', seconds(coldMs), seconds(GOALS.coldMs), coldMs <= GOALS.coldMs),
      goalRow('memory at rest (PSS)', spread(rest, median(rest), mib), mib(GOALS.restBytes), median(rest) < GOALS.restBytes),
      ...Object.keys(cold.parts).map((name) => ({ label: `  ${name}`, ours: mib(median(warm.map(({ parts }) => parts[name] ?? 0))) })),
    ],
  )
  say(`  Right after the cold start it took ${mib(cold.total)}.`)
}

const goalRow = (label: string, ours: string, goal: string, holds: boolean) => ({ label, ours, goal: `≤ ${goal}`, holds })
