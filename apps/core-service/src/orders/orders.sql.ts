import type { Statement } from '@catamaran/data'

/**
 * Places a group of orders, each all or nothing, in one statement. It locks the stock in id order, decides who fits in order of arrival, and writes
 * orders, lines, transitions and events. An order is inserted before anything is taken for it: where its Idempotency-Key or its cart was already
 * used, the insert does nothing and so does the rest. Those that may not be placed although they could are looked for once the stock is locked
 * (`barred_orders`, docs/decisions/021). Answers one row a line; `placed_at` is null for an order that was not placed, `is_over_limit` tells that its buyer has too many
 * unpaid ones, and `changed_version` the new version of a product whose page has changed.
 *
 * The stock is written from the row that was locked (`held`), all columns of its checks: an UPDATE first computes the row from the statement's snapshot
 * and tests the checks on that, even where it then finds the row changed and computes anew (docs/decisions/014).
 *
 * $1 order number, $2 line number, $3 product, $4 quantity of each line; $5 id, $6 buyer, $7 key, $8 request hash, $9 cart, $10 cart version,
 * $11 address, $12 payment method, $13 expected total, $14 traceparent of each order; $15 how long stock is held, in milliseconds; $16 this release; $17 who placed each;
 * $18 how many unpaid orders a buyer may have; $19 where each buyer comes back to.
 */
export const PLACE_ORDERS: Statement = {
  name: 'place-orders',
  text: `
with line as materialized (select * from unnest($1::int[], $2::int[], $3::uuid[], $4::int[]) as l(n, line_no, product_id, quantity)),
ord as materialized (
  select * from unnest($5::uuid[], $6::uuid[], $7::text[], $8::bytea[], $9::uuid[], $10::bigint[], $11::json[], $12::text[], $13::bigint[], $14::text[], $17::text[], $19::text[])
    with ordinality as o(id, buyer_id, idempotency_key, request_hash, cart_id, cart_version, delivery_address, payment_method, expected_total, traceparent, actor, return_url, n)),
held as materialized (
  select * from stock where product_id in (select product_id from line) order by product_id for update),
priced as materialized (
  select l.*, p.seller_id, p.name, p.price_minor, p.tax_basis_points, p.currency, p.id is not null as is_known,
    case when row_number() over (partition by l.n, p.seller_id order by l.line_no) = 1 then s.shipping_minor else 0 end as shipping_minor,
    coalesce(sum(l.quantity) over (partition by l.product_id order by l.n) <= h.available, false) as fits
  from line l left join held h using (product_id) left join product p on p.id = h.product_id and p.status = 'active'
    left join seller s on s.id = p.seller_id),
accepted as materialized (
  select n, sum(price_minor * quantity + shipping_minor)::bigint as total_minor, min(currency) as currency
  from priced join ord using (n)
  group by n, expected_total
  having bool_and(fits and is_known) and min(currency) = max(currency) and sum(price_minor * quantity + shipping_minor) = coalesce(expected_total, sum(price_minor * quantity + shipping_minor))),
barred as materialized (
  select b.* from (select array_agg(o.n) as numbers, array_agg(o.buyer_id) as buyers, array_agg(o.idempotency_key) as keys from accepted join ord o using (n)) a,
    barred_orders(a.numbers, a.buyers, a.keys, $18) b),
placed as materialized (
  insert into orders (id, buyer_id, idempotency_key, request_hash, cart_id, cart_version, status, currency, total_minor, delivery_address, payment_method,
    return_url, hold_expires_at)
  select o.id, o.buyer_id, o.idempotency_key, o.request_hash, o.cart_id, o.cart_version, 'pending_payment', a.currency, a.total_minor, o.delivery_address,
    o.payment_method, o.return_url, now() + $15::bigint * interval '1 millisecond'
  from accepted a join ord o using (n) where n <> all (select n from barred) order by o.buyer_id, o.idempotency_key
  on conflict do nothing
  returning id, buyer_id, currency, total_minor, placed_at, hold_expires_at),
mine as materialized (select p.*, o.n, o.traceparent, o.actor from placed p join ord o using (id)),
taken as materialized (
  update stock s set available = h.available - t.quantity, held = h.held + t.quantity, sold = h.sold, initial = h.initial, restocked = h.restocked
  from (select product_id, sum(quantity)::int as quantity from priced join mine using (n) group by product_id) t join held h using (product_id)
  where s.product_id = t.product_id
  returning s.product_id, s.available, t.quantity),
changed as materialized (
  update product p set version = p.version + 1, updated_at = now()
  from taken t where p.id = t.product_id and availability(t.available) <> availability(t.available + t.quantity)
  returning p.id, p.seller_id, p.version),
lines as (
  insert into order_line (order_id, line_no, product_id, seller_id, product_name, quantity, unit_price_minor, shipping_minor, tax_basis_points)
  select m.id, l.line_no, l.product_id, l.seller_id, l.name, l.quantity, l.price_minor, l.shipping_minor, l.tax_basis_points from priced l join mine m using (n)),
transitions as (insert into order_transition (order_id, version, to_status, event) select id, 1, 'pending_payment', 'order.placed' from mine),
operations as (
  insert into payment_operation (id, order_id, seq, kind, amount_minor, release, traceparent)
  select uuidv7(), id, 1, 'authorise', total_minor, $16, traceparent from mine),
events as (
  insert into outbox (id, type, subject, sequence, traceparent, actor, data)
  select uuidv7(), 'orders.order.placed.v1', m.id, 1, m.traceparent, m.actor, json_build_object('orderId', m.id, 'buyerId', m.buyer_id, 'currency', m.currency,
    'totalMinor', m.total_minor, 'holdExpiresAt', to_char(m.hold_expires_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'lines', (
      select json_agg(json_build_object('productId', l.product_id, 'sellerId', l.seller_id, 'quantity', l.quantity, 'unitPriceMinor', l.price_minor) order by l.line_no)
      from priced l where l.n = m.n))::text
  from mine m
  union all
  select uuidv7(), 'catalogue.product.changed.v1', id, version, null, null, json_build_object('productId', id, 'sellerId', seller_id)::text from changed)
select l.n, l.product_id, l.quantity, l.seller_id, l.name, l.price_minor, l.shipping_minor, l.tax_basis_points, l.currency, l.is_known, l.fits, m.total_minor, m.placed_at, m.hold_expires_at,
  c.version as changed_version, l.n in (select n from barred where reason = 'unpaid') as is_over_limit
from priced l left join mine m using (n) left join changed c on c.id = l.product_id order by l.n, l.line_no`,
}

const ORDER = `select o.id, o.buyer_id, o.request_hash, o.status, o.cancel_reason, o.currency, o.total_minor, o.delivery_address, o.hold_expires_at,
  coalesce(o.first_hold_expires_at, o.hold_expires_at) as first_hold_expires_at, o.placed_at, o.cart_id, o.cart_version,
  (select json_agg(json_build_object('productId', l.product_id, 'sellerId', l.seller_id, 'name', l.product_name, 'quantity', l.quantity, 'unitPriceMinor', l.unit_price_minor,
    'shippingMinor', l.shipping_minor, 'taxBasisPoints', l.tax_basis_points) order by l.line_no) from order_line l where l.order_id = o.id) as lines,
  (select json_agg(json_build_object('id', f.id, 'sellerId', f.seller_id, 'status', f.status, 'carrier', f.carrier, 'trackingNumber', f.tracking_number,
    'endedAt', f.ended_at) order by f.seller_id) from fulfilment f where f.order_id = o.id) as fulfilments,
  (select json_agg(json_build_object('id', r.id, 'fulfilmentId', r.fulfilment_id, 'status', r.status, 'lines', r.lines, 'refundMinor', r.refund_minor,
    'requestedAt', r.requested_at) order by r.id) from order_return r where r.order_id = o.id) as returns,
  (select json_agg(json_build_object('kind', p.kind, 'status', p.status, 'amountMinor', p.amount_minor, 'actionUrl', p.action_url) order by p.seq, p.created_at)
    from payment_operation p where p.order_id = o.id) as operations
  from orders o`

export const ORDER_OF_BUYER: Statement = { name: 'order-of-buyer', text: `${ORDER} where o.id = $1 and o.buyer_id = $2` }
/** Orders $1, whoever's they are. */
export const ORDERS_BY_ID: Statement = { name: 'orders-by-id', text: `${ORDER} where o.id = any((select $1::uuid[])::uuid[])` }
export const ORDER_BY_KEY: Statement = { name: 'order-by-key', text: `${ORDER} where o.buyer_id = $1 and o.idempotency_key = $2` }
/**
 * Remembers that buyers $1 were refused under keys $2, requests of hash $3, with problems $4. Answers what is remembered of each key by its number, and nothing of one
 * that has placed an order. Buyers are locked in the order of `barred_orders`.
 */
export const REFUSE_ORDERS: Statement = {
  name: 'refuse-orders',
  text: `select o.n, r.request_hash, r.problem, r.is_replay from (
    select * from unnest($1::uuid[], $2::text[], $3::bytea[], $4::json[]) with ordinality as i(buyer, key, hash, answer, n) order by uuid_hash_extended(buyer, 11)) o
  cross join lateral refuse_order(o.buyer, o.key, o.hash, o.answer) r`,
}
/** What has happened to order $1 since version $2, in order. */
export const HAPPENINGS: Statement = {
  name: 'order-happenings',
  text: 'select version, event, to_status, reason, part_id, at from order_transition where order_id = $1 and version > $2 order by version limit 100',
}
export const ORDERS_OF_BUYER: Statement = {
  name: 'orders-of-buyer',
  text: `${ORDER} where o.buyer_id = $1 and ($2::uuid is null or o.id < $2) order by o.id desc limit $3`,
}
