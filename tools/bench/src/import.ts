import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pssOf, type RunningSystem } from '@catamaran/stack'
import { request } from 'undici'
import { cpuSince, readCpu } from './cpu.js'
import { count, mib, percent, progress, say, seconds, table, us, type Row } from './report.js'

/** The same import ten times as large shows whether memory grows with it. */
const [FEW, MANY] = [10_000, 100_000]
const LOOK_EVERY_MS = 250

interface Imported {
  readonly elapsedMs: number
  readonly statuses: Readonly<Record<string, number>>
  /** Of each process, in bytes. */
  readonly peak: Readonly<Record<string, number>>
  /** Processor time by process, in microseconds. */
  readonly cpu: Readonly<Record<string, number>>
}

function* linesOf(lines: number, run: string): Generator<string> {
  for (let at = 1; at <= lines; at++) {
    const name = `Imported lamp ${at}`
    const product = { sku: `${run}-${at}`, name, description: `${name}, of oak, for the bench.`, category: 'lighting' }
    yield `${JSON.stringify({ ...product, priceMinor: 1000 + (at % 5000), currency: 'EUR', available: at % 100 })}\n`
  }
}

/** Sends so many lines as one stream and reads a result for each while it sends. @throws Error when one is missing */
async function importLines({ gateway, demo, services }: RunningSystem, lines: number, run: string): Promise<Imported> {
  const pids = Object.fromEntries(['api-gateway', 'core-service'].map((name) => [name, services[name]?.pid ?? 0]))
  const peak: Record<string, number> = {}
  const look = (): void => {
    for (const [name, pid] of Object.entries(pids)) peak[name] = Math.max(peak[name] ?? 0, pssOf(pid))
  }
  look()
  const [before, startedAt, timer] = [readCpu(pids), performance.now(), setInterval(look, LOOK_EVERY_MS)]
  try {
    const { statusCode, body } = await request(`${gateway}/v1/partner/products/import`, {
      method: 'POST',
      headers: { authorization: `Bearer ${demo?.partner.apiKey}`, 'content-type': 'application/x-ndjson', 'import-id': randomUUID() },
      body: Readable.from(linesOf(lines, run)),
    })
    if (statusCode !== 200) throw new Error(`The import answered ${statusCode}: ${await body.text()}`)
    const statuses: Record<string, number> = {}
    let results = 0
    for await (const line of createInterface({ input: body })) {
      const { status } = JSON.parse(line) as { status: string }
      statuses[status] = (statuses[status] ?? 0) + 1
      results++
    }
    if (results !== lines) throw new Error(`${results} of ${lines} lines have a result.`)
    return { elapsedMs: performance.now() - startedAt, statuses, peak, cpu: cpuSince(before, readCpu(pids)) }
  } finally {
    clearInterval(timer)
  }
}

/** Measures a partner's import of 100,000 products through the gateway: how long, what each line costs, and whether memory grows with the lines. */
export async function benchImport(system: RunningSystem): Promise<void> {
  const run = randomUUID().slice(0, 8)
  progress(`import: ${count(FEW)} products`)
  const few = await importLines(system, FEW, `${run}-few`)
  progress(`import: ${count(MANY)} products`)
  const many = await importLines(system, MANY, run)
  progress(`import: the same ${count(MANY)} again`)
  const again = await importLines(system, MANY, run)
  const memory = Object.keys(many.peak).map((name): Row => {
    const [small = 0, large = 0, last = 0] = [few.peak[name], many.peak[name], again.peak[name]]
    return {
      label: `${name}: highest PSS`,
      ours: `${mib(large)}; ${mib(last)}`,
      floor: mib(small),
      ratio: percent(Math.max(large, last) / small),
    }
  })
  table(`Import ${count(MANY)} products as one stream, then the same again (floor: ${count(FEW)} products, once)`, [
    { label: 'until the last result', ours: `${seconds(many.elapsedMs)}; ${seconds(again.elapsedMs)}`, floor: seconds(few.elapsedMs) },
    ...memory,
    ...Object.keys(many.cpu).map((name): Row => ({ label: `${name}: CPU a line`, ...costs(name, { few, many, again }) })),
  ])
  say(`  ${told(many)}; ${told(again)}`)
}

const costs = (name: string, { few, many, again }: Record<'few' | 'many' | 'again', Imported>): Pick<Row, 'ours' | 'floor'> => {
  const of = ({ cpu }: Imported, lines: number): string => us((cpu[name] ?? 0) / lines)
  return { ours: `${of(many, MANY)}; ${of(again, MANY)}`, floor: of(few, FEW) }
}

const told = ({ statuses }: Imported): string =>
  Object.entries(statuses)
    .map(([status, lines]) => `${count(lines)} ${status}`)
    .join(', ')
