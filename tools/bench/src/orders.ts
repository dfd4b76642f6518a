import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { RunningSystem } from '@catamaran/stack'
import { buyerToken } from './buyer.js'
import { copyCatalogue, listProducts, restock, withClient, type Products } from './catalogue.js'
import { atRest, cpuSince, readCpu, type CpuTimes } from './cpu.js'
import type { LoadJob, LoadResult } from './http-load.js'
import type { FloorJob } from './orders-floor.js'
import { count, ms, percent, progress, say, spread, table, us, type Row } from './report.js'
import { inRounds, median } from './statistics.js'
import { Worker } from './worker.js'

const AT_ONCE = 64
const FLOOR_CONNECTIONS = 16
const ROUNDS = 3
const ROUND_MS = 3_000
const WARM_UP_MS = 2_000
const GOALS = { spread: 1.5, oneProduct: 3, cpuUs: 500 }
const FLOOR_DATABASE = 'bench_floor'
const MIGRATE = fileURLToPath(new URL('../../../../apps/core-service/dist/src/migrate.js', import.meta.url))

/** A round's outcome, with the processor time for each order by process. */
interface Sample extends LoadResult {
  readonly cpuUs: CpuTimes
}

/** Measures placing orders through the gateway, and prints it beside its floor. */
export async function benchOrders(system: RunningSystem): Promise<void> {
  const products = await listProducts(system.engines.databases.core)
  await restock(system.engines.databases.core)
  const floorUrl = await makeFloorDatabase(system)
  const client = Worker.start<LoadJob, LoadResult>('http-load.js')
  const floor = Worker.start<FloorJob, LoadResult>('orders-floor.js')
  try {
    const run = { system, products, floorUrl, client, floor }
    progress('place order: warming up')
    await place(run, undefined, WARM_UP_MS)
    await placeBare(run, undefined, WARM_UP_MS)
    const [hot, hotUuid] = [products.ids[0], products.uuids[0]]
    let step = 0
    const told =
      <T>(work: () => Promise<T>) =>
      () => {
        progress(`place order: ${++step} of ${ROUNDS * 4}`)
        return work()
      }
    const samples = await inRounds<Sample>(ROUNDS, {
      spread: told(() => place(run, undefined)),
      spreadFloor: told(() => placeBare(run, undefined)),
      one: told(() => place(run, hot)),
      oneFloor: told(() => placeBare(run, hotUuid)),
    })
    print(samples as Record<'spread' | 'spreadFloor' | 'one' | 'oneFloor', Sample[]>, products.ids.length)
  } finally {
    await Promise.all([client.stop(), floor.stop()])
  }
}

interface Run {
  readonly system: RunningSystem
  readonly products: Products
  readonly floorUrl: string
  readonly client: Worker<LoadJob, LoadResult>
  readonly floor: Worker<FloorJob, LoadResult>
}

const pidsOf = ({ services, engines }: RunningSystem): Record<string, number> => ({
  ...Object.fromEntries(Object.entries(services).map(([name, { pid }]) => [name, pid])),
  ...engines.pids,
})

/** One round against the system. Its processor time counts until all events of its orders are published and consumed. */
async function place({ system, products, client }: Run, everybodyWants: string | undefined, durationMs = ROUND_MS): Promise<Sample> {
  const token = await buyerToken(system)
  const pids = pidsOf(system)
  await atRest(pids)
  const before = readCpu(pids)
  const orders = { token, everybodyWants }
  const result = await client.ask({ url: system.gateway, atOnce: AT_ONCE, durationMs, productIds: products.ids, orders })
  await atRest(pids)
  const spent = Object.entries(cpuSince(before, readCpu(pids))).map(([name, total]) => [name, total / result.count])
  return { ...result, cpuUs: Object.fromEntries(spent) as CpuTimes }
}

async function placeBare({ system, products, floorUrl, floor }: Run, hot: string | undefined, durationMs = ROUND_MS): Promise<Sample> {
  const pids = { postgres: system.engines.pids['postgres'] ?? 0 }
  const job = { databaseUrl: floorUrl, connections: FLOOR_CONNECTIONS, atOnce: AT_ONCE, durationMs, everybodyWants: hot }
  const result = await floor.ask({ ...job, productIds: products.uuids })
  await atRest(pids)
  return { ...result, cpuUs: {} }
}

/** The same tables, by core-service's own migrations, in a database of the floor's own on the same server. */
async function makeFloorDatabase({ engines, serviceEnv }: RunningSystem): Promise<string> {
  await withClient(engines.databaseUrl, async (client) => {
    await client.query(`drop database if exists ${FLOOR_DATABASE}`)
    await client.query(`create database ${FLOOR_DATABASE} owner core`)
  })
  const url = new URL(engines.databases.core)
  url.pathname = `/${FLOOR_DATABASE}`
  const migration = spawn(process.execPath, [MIGRATE], {
    env: { ...serviceEnv['core-service'], DATABASE_URL: url.href, LOG_LEVEL: 'warn' },
    stdio: ['ignore', 2, 2],
  })
  const [code] = (await once(migration, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`core-service's migrations failed on the floor's database (exit code ${code}).`)
  await copyCatalogue(engines.databases.core, url.href)
  return url.href
}

function print(samples: Record<'spread' | 'spreadFloor' | 'one' | 'oneFloor', Sample[]>, products: number): void {
  const title = `Place an order through the gateway: ${AT_ONCE} at once, two lines each (floor: one statement an order, ${FLOOR_CONNECTIONS} connections, no HTTP)`
  table(title, [
    ...rowsOf(`any two of ${count(products)} products`, samples.spread, samples.spreadFloor, GOALS.spread),
    ...rowsOf('one product in every order', samples.one, samples.oneFloor, GOALS.oneProduct),
  ])
  for (const [name, of] of Object.entries({ 'any products': samples.spread, 'one product': samples.one })) {
    const processes = Object.keys(of[0]?.cpuUs ?? {}).map((process) => `${process} ${us(cpuFor(of, process))}`)
    const client = us(median(of.map(({ clientCpuUs }) => clientCpuUs)))
    say(`  CPU for an order (${name}), until its event is consumed: ${processes.join(', ')}, the load client ${client}`)
  }
  const floor = us(median(samples.spreadFloor.map(({ clientCpuUs }) => clientCpuUs)))
  say(`  The floor's own driver: ${floor} an order`)
}

const cpuFor = (samples: readonly Sample[], process: string): number => median(samples.map(({ cpuUs }) => cpuUs[process] ?? 0))

function rowsOf(label: string, ours: readonly Sample[], floor: readonly Sample[], goal: number): Row[] {
  const [mine, bare] = [ours.map(({ perSecond }) => perSecond), floor.map(({ perSecond }) => perSecond)]
  const ratios = mine.map((value, round) => value / (bare[round] ?? Number.NaN))
  const ratio = median(ratios)
  const time = (pick: (sample: Sample) => number) => [ms(median(ours.map(pick))), ms(median(floor.map(pick)))] as const
  const [p50, floorP50] = time(({ p50Ms }) => p50Ms)
  const [p99, floorP99] = time(({ p99Ms }) => p99Ms)
  const [gateway, core] = [cpuFor(ours, 'api-gateway'), cpuFor(ours, 'core-service')]
  return [
    {
      label: `${label}: orders/s`,
      ours: spread(mine, median(mine), count),
      floor: spread(bare, median(bare), count),
      ratio: spread(ratios, ratio, percent),
      goal: `≥ ${percent(goal)}`,
      holds: ratio >= goal,
    },
    { label: '  p50', ours: p50, floor: floorP50 },
    { label: '  p99', ours: p99, floor: floorP99 },
    {
      label: '  Node CPU, gateway + core',
      ours: us(gateway + core),
      goal: `≤ ${us(GOALS.cpuUs)}`,
      holds: gateway + core <= GOALS.cpuUs,
    },
  ]
}
