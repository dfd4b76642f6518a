// The floor of placing orders, in a process of its own: a bare driver loop, one statement an order, no HTTP.
import { createHash, randomUUID } from 'node:crypto'
import pg from 'pg'
import type { LoadResult } from './http-load.js'
import { percentile } from './statistics.js'
import { doJobs } from './worker.js'

export interface FloorJob {
  /** A database with core-service's own tables. */
  readonly databaseUrl: string
  readonly connections: number
  readonly atOnce: number
  readonly durationMs: number
  /** UUIDs. */
  readonly productIds: readonly string[]
  readonly everybodyWants: string | undefined
}

/**
 * One order in one statement, as somebody would write it who places orders one by one: lock the stock in id order, insert the order under its key,
 * take the stock, write lines, transition and event. It does what core-service's statement does for one of many, but for a product page's
 * availability, which doesn't change here.
 */
const PLACE_ONE = {
  name: 'place-one',
  text: `
with line as materialized (select * from unnest($1::uuid[], $2::int[]) with ordinality as l(product_id, quantity, line_no)),
held as materialized (
  select product_id, available from stock where product_id in (select product_id from line) order by product_id for update),
priced as materialized (
  select l.*, p.seller_id, p.name, p.price_minor, p.tax_basis_points, p.currency, l.quantity <= h.available as fits,
    case when row_number() over (partition by p.seller_id order by l.line_no) = 1 then s.shipping_minor else 0 end as shipping_minor
  from line l join held h using (product_id) join product p on p.id = h.product_id and p.status = 'active' join seller s on s.id = p.seller_id),
accepted as materialized (
  select sum(price_minor * quantity + shipping_minor)::bigint as total_minor, min(currency) as currency from priced
  having bool_and(fits) and count(*) = cardinality($1::uuid[]) and min(currency) = max(currency)),
placed as materialized (
  insert into orders (id, buyer_id, idempotency_key, request_hash, status, currency, total_minor, delivery_address, payment_method, hold_expires_at)
  select $3, $4, $5, $6, 'pending_payment', currency, total_minor, $7, 'card_ok', now() + interval '15 minutes' from accepted
  on conflict do nothing returning id, buyer_id, currency, total_minor, placed_at, hold_expires_at),
taken as (
  update stock s set available = s.available - l.quantity, held = s.held + l.quantity from line l, placed where s.product_id = l.product_id),
lines as (
  insert into order_line (order_id, line_no, product_id, seller_id, product_name, quantity, unit_price_minor, shipping_minor, tax_basis_points)
  select o.id, l.line_no, l.product_id, l.seller_id, l.name, l.quantity, l.price_minor, l.shipping_minor, l.tax_basis_points from priced l, placed o),
transitions as (insert into order_transition (order_id, version, to_status) select id, 1, 'pending_payment' from placed),
operations as (
  insert into payment_operation (id, order_id, seq, kind, amount_minor, release) select uuidv7(), id, 1, 'authorise', total_minor, 'floor' from placed),
events as (
  insert into outbox (id, type, subject, sequence, data)
  select uuidv7(), 'orders.order.placed.v1', id, 1, json_build_object('orderId', id, 'buyerId', buyer_id, 'currency', currency, 'totalMinor', total_minor,
    'holdExpiresAt', to_char(hold_expires_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'lines', (
      select json_agg(json_build_object('productId', product_id, 'sellerId', seller_id, 'quantity', quantity, 'unitPriceMinor', price_minor) order by line_no)
      from priced))::text
  from placed)
select l.product_id, l.quantity, l.seller_id, l.name, l.price_minor, l.currency, o.total_minor, o.placed_at, o.hold_expires_at
from priced l, placed o order by l.line_no`,
}

const ADDRESS = JSON.stringify({ name: 'Bench Buyer', line1: 'Havenkade 12', city: 'Rotterdam', postalCode: '3011 AA', country: 'NL' })
const BUYER = randomUUID()

function linesOf({ productIds, everybodyWants }: FloorJob): string[] {
  const any = () => productIds[Math.floor(Math.random() * productIds.length)] ?? ''
  const first = everybodyWants ?? any()
  for (let second = any(); ; second = any()) if (second !== first) return [first, second]
}

async function placeOne(client: pg.Client, job: FloorJob): Promise<void> {
  const products = linesOf(job)
  const key = randomUUID()
  const hash = createHash('sha256').update(key).digest()
  const { rowCount } = await client.query(PLACE_ONE, [products, [1, 1], randomUUID(), BUYER, key, hash, ADDRESS])
  if (rowCount !== 2) throw new Error('The floor placed no order: is the stock used up?')
}

/** They stay open from one round to the next: the processor time of a server process that has ended is told nowhere. */
let idle: pg.Client[] = []

doJobs(async (job: FloorJob): Promise<LoadResult> => {
  if (idle.length === 0) {
    idle = Array.from({ length: job.connections }, () => new pg.Client({ connectionString: job.databaseUrl }))
    await Promise.all(idle.map((client) => client.connect()))
  }
  const waiting: ((client: pg.Client) => void)[] = []
  const times: number[] = []
  const [start, cpu] = [performance.now(), process.cpuUsage()]
  const caller = async () => {
    for (let since = performance.now(); since < start + job.durationMs; since = performance.now()) {
      const client = idle.pop() ?? (await new Promise<pg.Client>((resolve) => waiting.push(resolve)))
      await placeOne(client, job)
      const next = waiting.shift()
      if (next === undefined) idle.push(client)
      else next(client)
      times.push(performance.now() - since)
    }
  }
  await Promise.all(Array.from({ length: job.atOnce }, caller))
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return {
    count: times.length,
    perSecond: times.length / seconds,
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    clientCpuUs: (user + system) / times.length,
  }
})
