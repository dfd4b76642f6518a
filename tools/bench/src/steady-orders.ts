import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { idOf } from '@catamaran/contracts'
import type { RunningSystem } from '@catamaran/stack'
import type { Pool } from 'undici'
import { withClient } from './catalogue.js'

const ADDRESS = { name: 'Bench Buyer', line1: 'Havenkade 12', city: 'Rotterdam', postalCode: '3011 AA', country: 'NL' }

/** The demo partner's products, so that every order is something to be told of. */
export const partnerProducts = ({ engines }: RunningSystem): Promise<string[]> =>
  withClient(engines.databases.core, async (client) => {
    const { rows } = await client.query<{ id: string }>(
      'select p.id from product p join seller s on s.id = p.seller_id where s.partner_id is not null',
    )
    return rows.map(({ id }) => idOf('product', id))
  })

/** Places orders at a steady rate, whatever the answers take. @returns when each was acknowledged, by its id */
export async function placeSteadily(
  pool: Pool,
  { tokens, products, orders, perSecond }: { tokens: readonly string[]; products: readonly string[]; orders: number; perSecond: number },
): Promise<Map<string, number>> {
  const acknowledged = new Map<string, number>()
  const [start, all] = [performance.now(), [] as Promise<void>[]]
  const place = async (token: string | undefined): Promise<void> => {
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
  for (let n = 0; n < orders; n++) {
    const waitMs = start + (n * 1_000) / perSecond - performance.now()
    if (waitMs > 0) await delay(waitMs)
    all.push(place(tokens[n % tokens.length]))
  }
  await Promise.all(all)
  return acknowledged
}
