import { idOf } from '@catamaran/contracts'
import type { Books, Finding } from './books.js'

const NEGATIVE_OR_LOST = `select product_id as id, available, held, sold, initial, restocked from stock
  where available < 0 or held < 0 or sold < 0 or initial::bigint + restocked <> available::bigint + held + sold`
const HELD = `select s.product_id as id, s.held as told, coalesce(l.quantity, 0) as counted from stock s left join (
    select product_id, sum(quantity)::int as quantity from order_line l join orders o on o.id = l.order_id where o.status = 'pending_payment' group by product_id
  ) l using (product_id) where s.held <> coalesce(l.quantity, 0)`
const SOLD = `
with shipped as (
  select l.product_id, l.quantity from fulfilment f join order_line l on l.order_id = f.order_id and l.seller_id = f.seller_id where f.status <> 'cancelled'
  union all
  select (line->>'productId')::uuid, -(line->>'quantity')::int from order_return r cross join json_array_elements(r.lines) line
  where r.status = 'accepted' and r.is_restocked),
counted as (select product_id, sum(quantity)::int as quantity from shipped group by product_id)
select s.product_id as id, s.sold as told, coalesce(c.quantity, 0) as counted from stock s left join counted c using (product_id)
where s.sold <> coalesce(c.quantity, 0)`

/** I1: stock is never negative, no piece is lost or made, and what is held and sold is what orders say. */
export const checkStock = async ({ core }: Books): Promise<Finding[]> => {
  const lost = await core<{ id: string; available: number; held: number; sold: number; initial: number; restocked: number }>(
    NEGATIVE_OR_LOST,
  )
  const held = await core<{ id: string; told: number; counted: number }>(HELD)
  const sold = await core<{ id: string; told: number; counted: number }>(SOLD)
  const found = (detail: string): Finding => ({ invariant: 'I1', detail })
  const name = (id: string) => `product ${idOf('product', id)}`
  return [
    ...lost.map(({ id, ...row }) =>
      found(
        `${name(id)}: ${row.initial} at first + ${row.restocked} restocked are not ${row.available} + ${row.held} held + ${row.sold} sold`,
      ),
    ),
    ...held.map(({ id, told, counted }) => found(`${name(id)}: ${told} held, but pending orders hold ${counted}`)),
    ...sold.map(({ id, told, counted }) => found(`${name(id)}: ${told} sold, but orders have ${counted}`)),
  ]
}
