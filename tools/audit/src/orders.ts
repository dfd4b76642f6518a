import { idOf } from '@catamaran/contracts'
import type { Books, Finding } from './books.js'

const TOTALS = `select o.id, o.total_minor as told, coalesce(l.amount, 0) as counted from orders o left join (
    select order_id, sum(quantity * unit_price_minor + shipping_minor)::bigint as amount from order_line group by order_id
  ) l on l.order_id = o.id where o.total_minor <> coalesce(l.amount, 0)`
const PARTS = `
with counted as (
  select o.id as order_id, l.seller_id, sum(l.quantity * l.unit_price_minor)::bigint as items, sum(l.shipping_minor)::bigint as shipping
  from orders o join order_line l on l.order_id = o.id where o.status in ('confirmed', 'partially_shipped', 'shipped', 'completed') group by o.id, l.seller_id)
select coalesce(c.order_id, f.order_id) as id from counted c full join (
  select f.* from fulfilment f join orders o on o.id = f.order_id where o.status <> 'cancelled') f using (order_id, seller_id)
where f.id is null or c.order_id is null or f.items_minor <> c.items or f.shipping_minor <> c.shipping`
const LINES = 'select order_id as id, product_id, quantity, unit_price_minor as price from order_line order by order_id, line_no'
const STATES = `
with part as (
  select order_id, count(*) filter (where status = 'open') as open, count(*) filter (where status = 'shipped') as shipped from fulfilment group by order_id)
select o.id, o.status from orders o left join part p on p.order_id = o.id where o.status <> case
  when p.order_id is null then case when o.status = 'cancelled' then 'cancelled' else 'pending_payment' end
  when p.open > 0 then case when p.shipped > 0 then 'partially_shipped' else 'confirmed' end
  when p.shipped > 0 then case when o.status = 'completed' then 'completed' else 'shipped' end
  else 'cancelled' end`

interface TellingLine {
  productId: string
  quantity: number
  unitPriceMinor: number
}

/** I2: an order's total is the sum of its lines at the price of the moment it was placed, as its first event tells; its state is what its parts make of it. */
export const checkOrders = async ({ core, events }: Books): Promise<Finding[]> => {
  const found = (id: string, what: string): Finding => ({ invariant: 'I2', detail: `order ${idOf('order', id)}: ${what}` })
  const totals = await core<{ id: string; told: string; counted: string }>(TOTALS)
  const parts = await core<{ id: string }>(PARTS)
  const states = await core<{ id: string; status: string }>(STATES)
  const lines = Map.groupBy(await core<{ id: string; product_id: string; quantity: number; price: string }>(LINES), ({ id }) =>
    idOf('order', id),
  )
  const changed = events
    .filter(({ type }) => type === 'orders.order.placed.v1')
    .filter(({ subject, data }) => {
      const now = (lines.get(subject as never) ?? []).map((line) => [idOf('product', line.product_id), line.quantity, Number(line.price)])
      const then = (data['lines'] as TellingLine[]).map((line) => [line.productId, line.quantity, line.unitPriceMinor])
      return JSON.stringify(now) !== JSON.stringify(then)
    })
  return [
    ...totals.map(({ id, told, counted }) => found(id, `its total is ${told}, its lines and shipping make ${counted}`)),
    ...parts.map(({ id }) => found(id, 'its fulfilments are not what its lines make')),
    ...states.map(({ id, status }) => found(id, `it is ${status}, which its fulfilments don't make it`)),
    ...changed.map(({ subject }): Finding => ({ invariant: 'I2', detail: `order ${subject}: its lines are not those it was placed with` })),
  ]
}
