import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { idOf } from '@catamaran/contracts'
import type { RunningSystem } from '@catamaran/stack'
import { Pool } from 'undici'
import { buyerToken } from './buyer.js'
import { restock, withClient } from './catalogue.js'
import { count, ms, progress, say, table } from './report.js'
import { percentile } from './statistics.js'

const PER_SECOND = 100
const WARM_UP_S = 5
const SECONDS = 15
const GOAL_MS = 50
const ARRIVE_WITHIN_MS = 20_000
const ADDRESS = { name: 'Bench Buyer', line1: 'Havenkade 12', city: 'Rotterdam', postalCode: '3011 AA', country: 'NL' }

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

/** The demo partner's products, so that every order is something to be told of. */
const productsOf = ({ engines }: RunningSystem): Promise<string[]> =>
  withClient(engines.databases.core, async (client) => {
    const { rows } = await client.query<{ id: string }>(
      'select p.id from product p join seller s on s.id = p.seller_id where s.partner_id is not null',
    )
    return rows.map(({ id }) => idOf('product', id))
  })

async function register({ gateway, demo }: RunningSystem, url: string): Promise<void> {
  const response = await fetch(`${gateway}/v1/partner/webhooks`, {
    method: 'POST',
    headers: { authorization: `Bearer ${demo?.partner.apiKey}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify({ url, events: ['fulfilment.created'] }),
    signal: AbortSignal.timeout(10_000),
  })
  if (response.status !== 201) throw new Error(`Registering the receiver answered ${response.status}: ${await response.text()}`)
}

/** When each order was acknowledged, at a steady rate whatever the answers take. */
async function placeSteadily(pool: Pool, token: string, products: readonly string[], seconds: number): Promise<Map<string, number>> {
  const acknowledged = new Map<string, number>()
  const [start, all] = [performance.now(), [] as Promise<void>[]]
  const place = async (): Promise<void> => {
    const productId = products[Math.floor(Math.random() * products.length)]
    const { statusCode, body } = await pool.request({
      ...{ method: 'POST', path: '/v1/orders' },
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
      body: JSON.stringify({ lines: [{ productId, quantity: 1 }], deliveryAddress: ADDRESS, paymentMethod: 'card_ok' }),
    })
    const order = (await body.json()) as { id: string }
    if (statusCode !== 201) throw new Error(`An order answered ${statusCode}: ${JSON.stringify(order)}`)
    acknowledged.set(order.id, performance.now())
  }
  for (let n = 0; n < seconds * PER_SECOND; n++) {
    const waitMs = start + (n * 1_000) / PER_SECOND - performance.now()
    if (waitMs > 0) await delay(waitMs)
    all.push(place())
  }
  await Promise.all(all)
  return acknowledged
}

/** Measures how long after its order was acknowledged a webhook reaches the partner: through the payment, the outbox, Kafka and aux-service. */
export async function benchWebhooks(system: RunningSystem): Promise<void> {
  const arrivals = new Map<string, number>()
  const receiver = await receiverOf(arrivals)
  const pool = new Pool(system.gateway, { connections: 64 })
  try {
    await restock(system.engines.databases.core)
    await register(system, `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`)
    const [token, products] = [await buyerToken(system), await productsOf(system)]
    progress('webhooks: warming up')
    await placeSteadily(pool, token, products, WARM_UP_S)
    progress(`webhooks: ${PER_SECOND} orders a second for ${SECONDS} s`)
    const acknowledged = await placeSteadily(pool, token, products, SECONDS)
    const isMissing = () => [...acknowledged.keys()].some((id) => !arrivals.has(id))
    for (const deadline = Date.now() + ARRIVE_WITHIN_MS; isMissing() && Date.now() < deadline;) await delay(50)
    const times = [...acknowledged].flatMap(([id, at]) => (arrivals.has(id) ? [(arrivals.get(id) as number) - at] : []))
    const p99 = percentile(times, 0.99)
    table(
      `From the order's answer to its webhook at the partner, ${PER_SECOND} orders/s (payment, outbox, Kafka, aux-service between them)`,
      [
        { label: 'p50', ours: ms(percentile(times, 0.5)) },
        { label: 'p99', ours: ms(p99), goal: `≤ ${ms(GOAL_MS)}`, holds: p99 <= GOAL_MS },
        { label: 'the longest', ours: ms(Math.max(...times)) },
      ],
    )
    say(`  ${count(times.length)} of ${count(acknowledged.size)} orders were told`)
  } finally {
    await pool.close()
    receiver.close()
    receiver.closeAllConnections()
  }
}
