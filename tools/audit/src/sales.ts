import { idOf } from '@catamaran/contracts'
import type { Books, Finding } from './books.js'

/**
 * What partners sold by core's own tables, a row for each day, product and currency: parts of orders by the day they were given to their seller or
 * cancelled, returns by the day they were accepted. Nothing in it comes from events.
 */
export const SALES_OF_CORE = `
with line as (
  select s.partner_id, t.at, l.product_id, o.currency, replace(t.event, 'fulfilment.', '') as figure, l.quantity as pieces, l.unit_price_minor
  from order_transition t join fulfilment f on f.id = t.part_id join orders o on o.id = f.order_id join seller s on s.id = f.seller_id
    join order_line l on l.order_id = f.order_id and l.seller_id = f.seller_id
  where t.event in ('fulfilment.created', 'fulfilment.cancelled')
  union all
  select s.partner_id, t.at, l.product_id, o.currency, 'returned', (r.line->>'quantity')::int, l.unit_price_minor
  from order_transition t join order_return b on b.id = t.part_id join orders o on o.id = b.order_id join seller s on s.id = b.seller_id
    cross join json_array_elements(b.lines) as r(line)
    cross join lateral (
      select product_id, unit_price_minor from order_line
      where order_id = b.order_id and product_id = (r.line->>'productId')::uuid order by line_no limit 1) l
  where t.event = 'return.accepted')
select partner_id, to_char(at at time zone 'utc', 'YYYY-MM-DD') as day, product_id, currency,
  coalesce(sum(pieces) filter (where figure = 'created'), 0)::text as sold_pieces,
  coalesce(sum(pieces * unit_price_minor) filter (where figure = 'created'), 0)::text as sold_minor,
  coalesce(sum(pieces) filter (where figure = 'cancelled'), 0)::text as cancelled_pieces,
  coalesce(sum(pieces * unit_price_minor) filter (where figure = 'cancelled'), 0)::text as cancelled_minor,
  coalesce(sum(pieces) filter (where figure = 'returned'), 0)::text as returned_pieces,
  coalesce(sum(pieces * unit_price_minor) filter (where figure = 'returned'), 0)::text as returned_minor
from line where partner_id is not null group by partner_id, day, product_id, currency`

const SALES_OF_AUX = `select partner_id, to_char(day, 'YYYY-MM-DD') as day, product_id, currency, sold_pieces::text, sold_minor::text, cancelled_pieces::text,
  cancelled_minor::text, returned_pieces::text, returned_minor::text from product_day`

interface Row {
  readonly partner_id: string
  readonly day: string
  readonly product_id: string
  readonly currency: string
  readonly sold_pieces: string
  readonly sold_minor: string
  readonly cancelled_pieces: string
  readonly cancelled_minor: string
  readonly returned_pieces: string
  readonly returned_minor: string
}

const nameOf = ({ partner_id, day, product_id, currency }: Row): string =>
  `${idOf('product', product_id)} of ${idOf('partner', partner_id)} on ${day} in ${currency}`
const figuresOf = (row: Row): string =>
  `sold ${row.sold_pieces} for ${row.sold_minor}, cancelled ${row.cancelled_pieces} for ${row.cancelled_minor}, ` +
  `returned ${row.returned_pieces} for ${row.returned_minor}`
const NOTHING = 'nothing'
const byName = (rows: readonly Row[]): Map<string, string> => new Map(rows.map((row) => [nameOf(row), figuresOf(row)]))

/** I5: the sales that aux-service counted from events are those of core's tables. Only when nothing is on its way: see `Books.lags` and the outbox. */
export const checkSales = async ({ core, aux, lags }: Books): Promise<Finding[]> => {
  const [outbox] = await core<{ n: number }>("select count(*)::int as n from outbox where type like 'orders.%'")
  const isBehind = lags.some(({ group, behind }) => group === 'aux.sales' && behind > 0)
  if (isBehind || (outbox?.n ?? 0) > 0) return []
  const [expected, counted] = [byName(await core<Row>(SALES_OF_CORE)), byName(await aux<Row>(SALES_OF_AUX))]
  const names = [...new Set([...expected.keys(), ...counted.keys()])]
  return names
    .filter((name) => expected.get(name) !== counted.get(name))
    .map((name) => ({
      invariant: 'I5',
      detail: `sales of ${name}: core has ${expected.get(name) ?? NOTHING}, aux has ${counted.get(name) ?? NOTHING}`,
    }))
}
