import { pssOf, type RunningSystem } from '@catamaran/stack'
import { Pool } from 'undici'
import { buyersTokens } from './buyer.js'
import { restock } from './catalogue.js'
import { count, mib, percent, progress, say, table, type Row } from './report.js'
import { median } from './statistics.js'
import { partnerProducts, placeSteadily } from './steady-orders.js'

const MINUTES = 10
const PER_SECOND = 20
/** Compilers and caches have filled after the first minutes; the second half is compared with what came right before it. */
const [FILLED, LATE] = [3, 7]
const GOAL = 1.1

/** Memory of each service, minute by minute, while orders come at a steady rate with all that follows them. */
export async function benchSoak(system: RunningSystem): Promise<void> {
  const processes = Object.entries(system.services)
  const memory = new Map(processes.map(([name]) => [name, [] as number[]]))
  const pool = new Pool(system.gateway, { connections: 16 })
  const products = await partnerProducts(system)
  let placed = 0
  try {
    for (let minute = 1; minute <= MINUTES; minute++) {
      progress(`soak: minute ${minute} of ${MINUTES}`)
      await restock(system.engines.databases.core)
      const tokens = await buyersTokens(system) // last five minutes
      placed += (await placeSteadily(pool, { tokens, products, orders: 60 * PER_SECOND, perSecond: PER_SECOND })).size
      for (const [name, { pid }] of processes) memory.get(name)?.push(pssOf(pid))
    }
  } finally {
    await pool.close()
  }
  const rows = [...memory].map(([name, bytes]): Row => {
    const [early, late] = [median(bytes.slice(FILLED, LATE)), median(bytes.slice(LATE))]
    const ratio = late / early
    return { label: name, ours: mib(late), floor: mib(early), ratio: percent(ratio), goal: `≤ ${percent(GOAL)}`, holds: ratio <= GOAL }
  })
  table(
    `Memory (PSS) in minutes ${LATE + 1} to ${MINUTES} of ${PER_SECOND} orders a second (floor: in minutes ${FILLED + 1} to ${LATE})`,
    rows,
  )
  for (const [name, bytes] of memory)
    say(`  ${name}, minute by minute: ${bytes.map((each) => mib(each).replace(' MiB', '')).join(', ')} MiB`)
  say(`  ${count(placed)} orders`)
}
