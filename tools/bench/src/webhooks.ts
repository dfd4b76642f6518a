import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { RunningSystem } from '@catamaran/stack'
import { Pool } from 'undici'
import { buyersTokens } from './buyer.js'
import { restock } from './catalogue.js'
import { count, ms, progress, say, table } from './report.js'
import { percentile } from './statistics.js'
import { partnerProducts, placeSteadily } from './steady-orders.js'

/** The goal is for the last; at the first the processors are no bound, so it tells what the way itself takes. */
const RATES = [20, 100] as const
const WARM_UP = { orders: 500, perSecond: 100 }
const SECONDS = 15
const GOAL_MS = 50
const ARRIVE_WITHIN_MS = 20_000
/** A backlog of an earlier measure is gone when an order is told of within this; waited for so long. */
const [QUIET_MS, QUIET_WITHIN_MS] = [250, 300_000]

/** A partner's receiver that does nothing but note when each order's webhook came. */
const receiverOf = async (arrivals: Map<string, number>): Promise<Server> => {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const now = performance.now()
      response.writeHead(204).end()
      const { type, data } = JSON.parse(Buffer.concat(chunks).toString()) as { type: string; data: { orderId?: string } }
      if (type === 'fulfilment.created' && data.orderId !== undefined) arrivals.set(data.orderId, now)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

async function register({ gateway, demo }: RunningSystem, url: string): Promise<void> {
  const response = await fetch(`${gateway}/v1/partner/webhooks`, {
    method: 'POST',
    headers: { authorization: `Bearer ${demo?.partner.apiKey}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify({ url, events: ['fulfilment.created'] }),
    signal: AbortSignal.timeout(10_000),
  })
  if (response.status !== 201) throw new Error(`Registering the receiver answered ${response.status}: ${await response.text()}`)
}

/** Waits until nothing of earlier orders is on its way any more: until single orders are told of soon. */
async function awaitQuiet(arrivals: ReadonlyMap<string, number>, placeOne: () => Promise<Map<string, number>>): Promise<void> {
  for (const deadline = Date.now() + QUIET_WITHIN_MS; ; await delay(QUIET_MS)) {
    const [[id, placedAt] = ['', 0]] = await placeOne()
    while (!arrivals.has(id) && Date.now() < deadline) await delay(5)
    if ((arrivals.get(id) ?? Infinity) - placedAt <= QUIET_MS) return
    if (Date.now() >= deadline) throw new Error(`An order was not told of within ${QUIET_MS} ms although nothing else was asked for.`)
  }
}

/** Measures how long after its order was acknowledged a webhook reaches the partner: through the payment, the outbox, Kafka and aux-service. */
export async function benchWebhooks(system: RunningSystem): Promise<void> {
  const arrivals = new Map<string, number>()
  const receiver = await receiverOf(arrivals)
  const pool = new Pool(system.gateway, { connections: 64 })
  try {
    await restock(system.engines.databases.core)
    await register(system, `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`)
    const [tokens, products] = [await buyersTokens(system), await partnerProducts(system)]
    progress('webhooks: warming up')
    const place = (orders: number, perSecond: number) => placeSteadily(pool, { tokens, products, orders, perSecond })
    const quiet = () => awaitQuiet(arrivals, () => place(1, 1))
    await quiet()
    await place(WARM_UP.orders, WARM_UP.perSecond)
    for (const perSecond of RATES) {
      await quiet()
      progress(`webhooks: ${perSecond} orders a second for ${SECONDS} s`)
      const acknowledged = await place(SECONDS * perSecond, perSecond)
      const isMissing = () => [...acknowledged.keys()].some((id) => !arrivals.has(id))
      for (const deadline = Date.now() + ARRIVE_WITHIN_MS; isMissing() && Date.now() < deadline;) await delay(50)
      print(perSecond, acknowledged, arrivals)
    }
  } finally {
    await pool.close()
    receiver.close()
    receiver.closeAllConnections()
  }
}

function print(perSecond: number, acknowledged: ReadonlyMap<string, number>, arrivals: ReadonlyMap<string, number>): void {
  const times = [...acknowledged].flatMap(([id, at]) => (arrivals.has(id) ? [(arrivals.get(id) as number) - at] : []))
  const p99 = percentile(times, 0.99)
  const judged = perSecond === RATES.at(-1) ? { goal: `≤ ${ms(GOAL_MS)}`, holds: p99 <= GOAL_MS } : {}
  table(`From the order's answer to its webhook at the partner, ${perSecond} orders/s (payment, outbox, Kafka, aux-service between them)`, [
    { label: 'p50', ours: ms(percentile(times, 0.5)) },
    { label: 'p99', ours: ms(p99), ...judged },
    { label: 'the longest', ours: ms(Math.max(...times)) },
  ])
  say(`  ${count(times.length)} of ${count(acknowledged.size)} orders were told`)
}
