import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RunningSystem } from '@catamaran/stack'
import { until } from '@catamaran/testing'
import { buyersTokens } from './buyer.js'
import { listProducts, restock } from './catalogue.js'
import { atRest, cpuSince, readCpu } from './cpu.js'
import { withoutFollowers } from './followers.js'
import type { LoadJob, LoadResult } from './http-load.js'
import { count, percent, progress, say, spread, table, us, type Row } from './report.js'
import type { DrainState } from './span-drain.js'
import { UNLIMITED } from './start.js'
import { inRounds, median } from './statistics.js'
import { Worker } from './worker.js'

const AT_ONCE = 64
const ROUNDS = 5
const ROUND_MS = 2_500
const WARM_UP = { durationMs: 8_000, maxCount: 3_000 }
const SCRAPE_EVERY_MS = 1_000
const REST_WITHIN_MS = 60_000
/** Tracing at 1 % against none (design section 10). */
const GOAL = 0.9

const mainOf = (name: string): string => fileURLToPath(new URL(`../../../../apps/${name}/dist/src/main.js`, import.meta.url))

/** A gateway and a core-service of their own, beside the system's, on its engines. */
interface Pair {
  readonly url: string
  readonly pids: Record<string, number>
  readonly admins: readonly string[]
  readonly stop: () => Promise<void>
}

interface Variant {
  readonly label: string
  readonly env: Record<string, string>
  readonly isScraped?: boolean
  readonly isQuiet?: boolean
}

interface Sample extends LoadResult {
  readonly cpuUs: number
}

const variantsOf = (endpoint: string): Record<string, Variant> => {
  const traced = (ratio: string) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER_ARG: ratio })
  return {
    plain: { label: 'logs and metrics, no traces', env: {} },
    traced0: { label: 'traces, none sampled', env: traced('0') },
    traced1: { label: 'traces, 1 % sampled', env: traced('0.01') },
    traced10: { label: 'traces, 10 % sampled', env: traced('0.1') },
    traced100: { label: 'traces, all sampled', env: traced('1') },
    quiet: { label: 'no log line for a request', env: {}, isQuiet: true },
    scraped: { label: 'metrics scraped each second', env: {}, isScraped: true },
  }
}

/**
 * Measures what each signal costs the gateway and core-service: the same orders in turns, through pairs that differ in one signal, with what follows an
 * order held back.
 */
export async function benchObservability(system: RunningSystem): Promise<void> {
  await restock(system.engines.databases.core)
  const { ids: productIds } = await listProducts(system.engines.databases.core)
  const client = Worker.start<LoadJob, LoadResult>('http-load.js')
  const drain = Worker.start<object, DrainState>('span-drain.js')
  const pairs: Pair[] = []
  try {
    const variants = Object.entries(variantsOf((await drain.ask({})).url))
    const runs: Record<string, () => Promise<Sample>> = {}
    let step = 0
    for (const [name, variant] of variants) {
      progress(`observability: starting and warming up, ${variant.label}`)
      const pair = await startPair(system, name, variant)
      pairs.push(pair)
      const place = (limits: Pick<LoadJob, 'durationMs' | 'maxCount'>) => measure(system, pair, client, productIds, limits)
      await place(WARM_UP)
      runs[name] = async () => {
        progress(`observability: ${++step} of ${ROUNDS * variants.length}`)
        return variant.isScraped === true ? whileScraped(pair, () => place({ durationMs: ROUND_MS })) : place({ durationMs: ROUND_MS })
      }
    }
    const samples = await inRounds(ROUNDS, runs)
    const { requests } = await drain.ask({})
    if (requests === 0) throw new Error('No span was exported: nothing was measured.')
    print(variants, samples)
    say(`  ${count(requests)} exports of spans were taken`)
  } finally {
    await Promise.all([client.stop(), drain.stop(), ...pairs.map(({ stop }) => stop())])
  }
}

async function measure(
  system: RunningSystem,
  { url, pids }: Pair,
  client: Worker<LoadJob, LoadResult>,
  productIds: readonly string[],
  limits: Pick<LoadJob, 'durationMs' | 'maxCount'>,
): Promise<Sample> {
  const all = { ...pids, aux: system.services['aux-service']?.pid ?? 0, core: system.services['core-service']?.pid ?? 0 }
  await atRest(all, undefined, REST_WITHIN_MS)
  const orders = { tokens: await buyersTokens(system), everybodyWants: undefined }
  const before = readCpu(pids)
  const result = await withoutFollowers(system, () => client.ask({ url, atOnce: AT_ONCE, ...limits, productIds, orders }))
  const spent = Object.values(cpuSince(before, readCpu(pids))).reduce((sum, part) => sum + part, 0)
  return { ...result, cpuUs: spent / result.count }
}

async function whileScraped<T>({ admins }: Pair, work: () => Promise<T>): Promise<T> {
  const scrape = () =>
    void Promise.all(admins.map(async (admin) => (await fetch(`${admin}/metrics`)).text())).catch((error: unknown) =>
      progress(String(error)),
    )
  scrape()
  const timer = setInterval(scrape, SCRAPE_EVERY_MS)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}

async function startPair(system: RunningSystem, name: string, { env, isQuiet = false }: Variant): Promise<Pair> {
  const core = await startQuietly(system, 'core-service', `${name}-core`, env)
  const gateway = await startQuietly(system, 'api-gateway', `${name}-gateway`, { ...UNLIMITED, ...env, CORE_URL: core.url })
  const admins = [gateway.adminUrl, core.adminUrl]
  if (isQuiet) await Promise.all(admins.map(silence))
  return {
    url: gateway.url,
    pids: { gateway: gateway.pid, core: core.pid },
    admins,
    stop: async () => void (await Promise.all([gateway.stop(), core.stop()])),
  }
}

async function silence(admin: string): Promise<void> {
  const { ok, status } = await fetch(`${admin}/log-level`, { method: 'PUT', body: JSON.stringify({ level: 'warn', forS: 86_400 }) })
  if (!ok) throw new Error(`Changing the log level answered ${status}.`)
}

/** Starts a service as the system's own are, with its log in a file: a pipe would cost whoever reads it. */
async function startQuietly(
  { serviceEnv, logDir }: RunningSystem,
  service: 'api-gateway' | 'core-service',
  name: string,
  env: Record<string, string>,
): Promise<{ url: string; adminUrl: string; pid: number; stop: () => Promise<void> }> {
  const file = join(logDir, `bench-${name}.log`)
  const own = { PORT: '0', ADMIN_PORT: '0', LOG_FILE: file, LOG_LEVEL: 'info', ...env }
  const child = spawn(process.execPath, ['--enable-source-maps', mainOf(service)], {
    env: { ...serviceEnv[service], ...own },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const { url, adminUrl } = await until(() => listeningIn(file, child), { deadlineMs: 20_000, message: `${name} listens` })
  await until(async () => (await fetch(`${adminUrl}/readyz`)).ok, { deadlineMs: 20_000, message: `${name} is ready` })
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  return { url, adminUrl, pid: child.pid ?? 0, stop }
}

function listeningIn(file: string, child: ChildProcess): { url: string; adminUrl: string } | undefined {
  if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}; see ${file}`)
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((each) => each.includes('"listening"'))
  return line === undefined ? undefined : (JSON.parse(line) as { url: string; adminUrl: string })
}

function print(variants: readonly (readonly [string, Variant])[], samples: Record<string, Sample[]>): void {
  const plain = samples['plain'] ?? []
  const rows = variants.flatMap(([name, { label }]): Row[] => {
    const own = samples[name] ?? []
    const rates = own.map(({ perSecond }) => perSecond)
    const ratios = rates.map((rate, round) => rate / (plain[round]?.perSecond ?? Number.NaN))
    const [ratio, cpu] = [median(ratios), median(own.map(({ cpuUs }) => cpuUs))]
    const cpuRatio = cpu / median(plain.map(({ cpuUs }) => cpuUs))
    return [
      {
        label: `${label}: orders/s`,
        ours: spread(rates, median(rates), count),
        ratio: spread(ratios, ratio, percent),
        ...(name === 'traced1' && { goal: `≥ ${percent(GOAL)}`, holds: ratio >= GOAL }),
      },
      { label: '  Node CPU, gateway + core', ours: us(cpu), ratio: percent(cpuRatio) },
    ]
  })
  table('What each signal costs when orders are placed (ratio: against the first)', rows)
}
