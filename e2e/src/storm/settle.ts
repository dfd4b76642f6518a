import { setTimeout as delay } from 'node:timers/promises'
import { openBooks, type Books } from '@catamaran/audit'
import { findSystem, type RunningSystem } from '@catamaran/stack'
import pg from 'pg'
import type { World } from './world.js'

const DEADLINE_MS = 150_000
const CHALLENGES = "select order_id, payment_ref from payment_operation where status = 'action_required'"
// An order that the clock completes while the books are read would be in the tables and not yet in Kafka.
const PENDING = `select (select count(*) from orders o where status = 'pending_payment' or status = 'shipped' and returnable_until < now() + interval '1 minute'
    and not exists (select from order_return r where r.order_id = o.id and r.status = 'requested'))::int as orders,
  (select count(*) from payment_operation where status in ('due', 'action_required'))::int as operations, (select count(*) from outbox)::int as events`

const countOf = async (connectionString: string, text: string): Promise<number> => {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    return (await client.query<{ count: number }>(text)).rows[0]?.count ?? 0
  } finally {
    await client.end()
  }
}

/** What still moves, in a line; empty when nothing does. */
const unrest = async (system: RunningSystem, world: World): Promise<string> => {
  for (const [name, { admin }] of Object.entries(system.services)) {
    const response = await fetch(`${admin}/readyz`, { signal: AbortSignal.timeout(2_000) })
    if (!response.ok) return `${name} is not ready`
  }
  const undelivered = await countOf(
    system.engines.databases.aux,
    "select count(*)::int as count from webhook_delivery where status = 'waiting'",
  )
  if (undelivered > 0) return `${undelivered} webhooks wait`
  const client = new pg.Client({ connectionString: system.engines.databases.core })
  await client.connect()
  try {
    // Buyers who left the bank's page would keep their payments waiting for an hour.
    const left = await client.query<{ payment_ref: string }>(CHALLENGES)
    for (const { payment_ref } of left.rows) await world.psp('POST', `/control/payments/${payment_ref}/refuse`).catch(() => undefined)
    const { rows } = await client.query<{ orders: number; operations: number; events: number }>(PENDING)
    const [{ orders, operations, events } = { orders: 0, operations: 0, events: 0 }] = rows
    return orders + operations + events === 0
      ? ''
      : `${orders} orders are pending or about to be complete, ${operations} operations due, ${events} events in the outbox`
  } finally {
    await client.end()
  }
}

/** Waits until nothing moves any more and opens the books. @throws Error naming what still moves after two and a half minutes */
export const settledBooks = async (dataDir: string, world: World): Promise<{ books: Books; close: () => Promise<void> }> => {
  const deadline = Date.now() + DEADLINE_MS
  let moving = 'the system is not there'
  for (;;) {
    const system = findSystem(dataDir)
    moving = system === undefined ? moving : await unrest(system, world).catch((error: unknown) => String(error))
    if (system !== undefined && moving === '') {
      const open = await openBooks(system)
      const behind = open.books.lags.filter((lag) => lag.behind > 0)
      if (behind.length === 0) return open
      moving = behind.map((lag) => `${lag.group} is ${lag.behind} behind on ${lag.topic}`).join(', ')
      await open.close()
    }
    if (Date.now() > deadline) throw new Error(`The system did not come to rest: ${moving}`)
    await delay(200)
  }
}
