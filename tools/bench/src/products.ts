import type { RunningSystem } from '@catamaran/stack'
import { request } from 'undici'
import { listProducts } from './catalogue.js'
import { atRest, cpuSince, readCpu } from './cpu.js'
import type { Answer, HopJob } from './hop.js'
import type { LoadJob, LoadResult } from './http-load.js'
import { count, ms, percent, progress, say, spread, table, us, type Row } from './report.js'
import { inRounds, median } from './statistics.js'
import { Worker } from './worker.js'

const AT_ONCE = 64
const ROUNDS = 3
const ROUND_MS = 2_000
/** So few that core-service always has them at hand; of all of them it reads each anew every two seconds. */
const FEW = 20
/** Until V8 has compiled what is hot: the first thousands of requests cost several times as much. */
const WARM_UP = { durationMs: 12_000, maxCount: 20_000 }
const GOALS = { ratio: 0.5, cpuUs: 234 }
/** What core-service says of a product, and the floor says as well. */
const COPIED = ['content-type', 'etag', 'cache-control']

type Limits = Pick<LoadJob, 'durationMs' | 'maxCount'>
type Samples = Record<'all' | 'few' | 'floor', Sample[]>

/** Two processes that a request goes through, and what is asked of them. */
interface Way {
  readonly url: string
  readonly pids: { readonly door: number; readonly shop: number }
  readonly from: readonly string[]
}

interface Sample extends LoadResult {
  /** For each request, of both processes together and of each. */
  readonly cpuUs: number
  readonly doorUs: number
  readonly shopUs: number
}

/** Measures reading a product through the gateway, and prints it beside its floor. */
export async function benchProducts(system: RunningSystem): Promise<void> {
  const { ids } = await listProducts(system.engines.databases.core)
  const [shop, door] = [Worker.start<HopJob, string>('hop.js'), Worker.start<HopJob, string>('hop.js')]
  const client = Worker.start<LoadJob, LoadResult>('http-load.js')
  try {
    progress('read a product: warming up')
    const answers = await answersOf(system.gateway, ids)
    const floorUrl = await door.ask({ door: await shop.ask({ shop: answers }) })
    const { 'api-gateway': gateway, 'core-service': core } = system.services
    if (gateway === undefined || core === undefined) throw new Error('The system names no gateway or no core-service.')
    const load = async ({ url, pids, from }: Way, until: Limits = { durationMs: ROUND_MS }): Promise<Sample> => {
      await atRest({ ...pids, gateway: gateway.pid, core: core.pid })
      const before = readCpu(pids)
      const result = await client.ask({ url, atOnce: AT_ONCE, ...until, productIds: from })
      const spent = cpuSince(before, readCpu(pids))
      const [doorUs, shopUs] = [(spent['door'] ?? 0) / result.count, (spent['shop'] ?? 0) / result.count]
      return { ...result, doorUs, shopUs, cpuUs: doorUs + shopUs }
    }
    const all: Way = { url: system.gateway, pids: { door: gateway.pid, shop: core.pid }, from: ids }
    const few: Way = { ...all, from: ids.slice(0, FEW) }
    const bare: Way = { url: floorUrl, pids: { door: door.pid, shop: shop.pid }, from: ids }
    for (const way of [all, bare]) await load(way, WARM_UP)
    let step = 0
    const told = (way: Way) => () => {
      progress(`read a product: ${++step} of ${ROUNDS * 3}`)
      return load(way)
    }
    const samples = await inRounds<Sample>(ROUNDS, { all: told(all), floor: told(bare), few: told(few) })
    print(samples as Samples, answers)
  } finally {
    await Promise.all([shop.stop(), door.stop(), client.stop()])
  }
}

/** Every product as the gateway answers it, which also warms the caches. */
async function answersOf(gateway: string, ids: readonly string[]): Promise<Answer[]> {
  const answers: Answer[] = []
  for (const id of ids) {
    const path = `/v1/products/${id}`
    const { statusCode, headers, body } = await request(gateway + path)
    const text = await body.text()
    if (statusCode !== 200) throw new Error(`GET ${path} answered ${statusCode}: ${text}`)
    const copied = COPIED.flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])]]))
    answers.push({ path, headers: Object.fromEntries(copied) as Record<string, string>, body: text })
  }
  return answers
}

function print({ all, few, floor }: Samples, answers: readonly Answer[]): void {
  const bytes = median(answers.map(({ body }) => Buffer.byteLength(body)))
  table(`Read a product through the gateway: ${AT_ONCE} at once, about ${bytes} bytes (floor: two chained bare Fastify hops)`, [
    ...rowsOf(`any of ${count(answers.length)} products`, all, floor),
    ...rowsOf(`any of ${FEW} products`, few, floor),
  ])
  say(`  CPU of the load client for a request: ${us(of(all, ({ clientCpuUs }) => clientCpuUs))}`)
}

const of = (samples: readonly Sample[], pick: (sample: Sample) => number): number => median(samples.map(pick))

function rowsOf(label: string, ours: readonly Sample[], floor: readonly Sample[]): Row[] {
  const [mine, bare] = [ours.map(({ perSecond }) => perSecond), floor.map(({ perSecond }) => perSecond)]
  const ratios = mine.map((value, round) => value / (bare[round] ?? Number.NaN))
  const ratio = median(ratios)
  const [cpu, floorCpu] = [of(ours, ({ cpuUs }) => cpuUs), of(floor, ({ cpuUs }) => cpuUs)]
  return [
    {
      label: `${label}: requests/s`,
      ours: spread(mine, median(mine), count),
      floor: spread(bare, median(bare), count),
      ratio: spread(ratios, ratio, percent),
      goal: `≥ ${percent(GOALS.ratio)}`,
      holds: ratio >= GOALS.ratio,
    },
    { label: '  p50', ours: ms(of(ours, ({ p50Ms }) => p50Ms)), floor: ms(of(floor, ({ p50Ms }) => p50Ms)) },
    { label: '  p99', ours: ms(of(ours, ({ p99Ms }) => p99Ms)), floor: ms(of(floor, ({ p99Ms }) => p99Ms)) },
    {
      label: '  CPU, both processes',
      ours: us(cpu),
      floor: us(floorCpu),
      ratio: percent(cpu / floorCpu),
      goal: `≤ ${us(GOALS.cpuUs)}`,
      holds: cpu <= GOALS.cpuUs,
    },
    { label: '    of it the gateway', ours: us(of(ours, ({ doorUs }) => doorUs)), floor: us(of(floor, ({ doorUs }) => doorUs)) },
    { label: '    of it core', ours: us(of(ours, ({ shopUs }) => shopUs)), floor: us(of(floor, ({ shopUs }) => shopUs)) },
  ]
}
