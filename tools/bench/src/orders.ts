import type { RunningSystem } from '@catamaran/stack'
import { buyersTokens } from './buyer.js'
import { copyCatalogue, listProducts, restock, type Products } from './catalogue.js'
import { makeCoreDatabase } from './core-database.js'
import { atRest, cpuSince, readCpu, type CpuTimes } from './cpu.js'
import { withoutFollowers } from './followers.js'
import type { LoadJob, LoadResult } from './http-load.js'
import type { FloorJob } from './orders-floor.js'
import { count, ms, percent, progress, say, spread, table, us, type Row } from './report.js'
import { inRounds, median } from './statistics.js'
import { Worker } from './worker.js'

const AT_ONCE = 64
const FLOOR_CONNECTIONS = 16
const ROUNDS = 3
const ROUND_MS = 2_500
/** Until V8 has compiled what is hot. */
const WARM_UP: Limits = { durationMs: 10_000, maxCount: 6_000 }
/** Until all orders of a round are paid and told. */
const REST_WITHIN_MS = 60_000
/** Ten thousand orders' payments, webhooks and mails. */
const CATCH_UP_WITHIN_MS = 300_000
const GOALS = { spread: 1.5, oneProduct: 3, cpuUs: 500 }

type Limits = Pick<LoadJob, 'durationMs' | 'maxCount'>
type Samples = Record<'spread' | 'spreadFloor' | 'one' | 'oneFloor' | 'spreadAlone' | 'oneAlone', Sample[]>

/** A round's outcome, with the processor time for each order by process. */
interface Sample extends LoadResult {
  readonly cpuUs: CpuTimes
}

/** Measures placing orders through the gateway, and prints it beside its floor. */
export async function benchOrders(system: RunningSystem): Promise<void> {
  const products = await listProducts(system.engines.databases.core)
  await restock(system.engines.databases.core)
  const floorUrl = await makeCoreDatabase(system, 'bench_floor')
  await copyCatalogue(system.engines.databases.core, floorUrl)
  const client = Worker.start<LoadJob, LoadResult>('http-load.js')
  const floor = Worker.start<FloorJob, LoadResult>('orders-floor.js')
  try {
    const run = { system, products, floorUrl, client, floor }
    progress('place order: warming up')
    await atRest(pidsOf(system))
    await place(run, undefined, WARM_UP)
    await placeBare(run, undefined)
    const [hot, hotUuid] = [products.ids[0], products.uuids[0]]
    let step = 0
    const told = (work: () => Promise<Sample>) => () => {
      progress(`place order: ${++step} of ${ROUNDS * 6}`)
      return work()
    }
    const samples = await inRounds<Sample>(ROUNDS, {
      spread: told(() => place(run, undefined)),
      spreadFloor: told(() => placeBare(run, undefined)),
      one: told(() => place(run, hot)),
      oneFloor: told(() => placeBare(run, hotUuid)),
    })
    const alone = await withoutFollowers(system, () =>
      inRounds<Sample>(ROUNDS, { spreadAlone: told(() => place(run, undefined)), oneAlone: told(() => place(run, hot)) }),
    )
    print({ ...samples, ...alone } as Samples, products.ids.length)
    progress('place order: what was held back is made up for')
    await atRest(pidsOf(system), undefined, CATCH_UP_WITHIN_MS)
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

const pidsOf = ({ services, sandbox, engines }: RunningSystem): Record<string, number> => ({
  ...Object.fromEntries(Object.entries(services).map(([name, { pid }]) => [name, pid])),
  psp: sandbox.psp.pid,
  ...engines.pids,
})

/** One round against the system, which the round before left at rest. Its processor time counts until all events of its orders are published and consumed. */
async function place(
  { system, products, client }: Run,
  wanted: string | undefined,
  until: Limits = { durationMs: ROUND_MS },
): Promise<Sample> {
  const tokens = await buyersTokens(system)
  const pids = pidsOf(system)
  const before = readCpu(pids)
  const orders = { tokens, everybodyWants: wanted }
  const result = await client.ask({ url: system.gateway, atOnce: AT_ONCE, ...until, productIds: products.ids, orders })
  await atRest(pids, undefined, REST_WITHIN_MS)
  const spent = Object.entries(cpuSince(before, readCpu(pids))).map(([name, total]) => [name, total / result.count])
  return { ...result, cpuUs: Object.fromEntries(spent) as CpuTimes }
}

async function placeBare({ system, products, floorUrl, floor }: Run, hot: string | undefined): Promise<Sample> {
  const pids = { postgres: system.engines.pids['postgres'] ?? 0 }
  const job = { databaseUrl: floorUrl, connections: FLOOR_CONNECTIONS, atOnce: AT_ONCE, durationMs: ROUND_MS, everybodyWants: hot }
  const before = readCpu(pids)
  const result = await floor.ask({ ...job, productIds: products.uuids })
  const spent = cpuSince(before, readCpu(pids))['postgres'] ?? 0
  await atRest(pids)
  return { ...result, cpuUs: { postgres: spent / result.count } }
}

function print(samples: Samples, products: number): void {
  const { spread: any, spreadFloor, one, oneFloor, spreadAlone, oneAlone } = samples
  const title = `Place an order through the gateway: ${AT_ONCE} at once, two lines each (floor: one statement an order, ${FLOOR_CONNECTIONS} connections, no HTTP)`
  table(title, [
    ...rowsOf(`any two of ${count(products)} products`, any, spreadFloor, GOALS.spread),
    ...rowsOf('one product in every order', one, oneFloor, GOALS.oneProduct),
    ...rowsOf('any two, payments and aux-service held back', spreadAlone, spreadFloor),
    ...rowsOf('one product, payments and aux-service held back', oneAlone, oneFloor),
  ])
  for (const [name, of] of Object.entries({
    'any products': any,
    'one product': one,
    'any products, payments and aux-service held back': spreadAlone,
  })) {
    const processes = Object.keys(of[0]?.cpuUs ?? {}).map((process) => `${process} ${us(cpuFor(of, process))}`)
    const client = us(median(of.map(({ clientCpuUs }) => clientCpuUs)))
    say(`  CPU for an order (${name}), until its event is published and consumed: ${processes.join(', ')}, the load client ${client}`)
  }
  const [driver, server] = [median(spreadFloor.map(({ clientCpuUs }) => clientCpuUs)), cpuFor(spreadFloor, 'postgres')]
  say(`  CPU for an order of the floor: its driver ${us(driver)}, postgres ${us(server)}`)
}

const cpuFor = (samples: readonly Sample[], process: string): number => median(samples.map(({ cpuUs }) => cpuUs[process] ?? 0))

function rowsOf(label: string, ours: readonly Sample[], floor: readonly Sample[], goal?: number): Row[] {
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
      ...(goal !== undefined && { goal: `≥ ${percent(goal)}`, holds: ratio >= goal }),
    },
    { label: '  p50', ours: p50, floor: floorP50 },
    { label: '  p99', ours: p99, floor: floorP99 },
    {
      label: '  Node CPU, gateway + core',
      ours: us(gateway + core),
      ...(goal !== undefined && { goal: `≤ ${us(GOALS.cpuUs)}`, holds: gateway + core <= GOALS.cpuUs }),
    },
  ]
}
