import type { Statement } from '@catamaran/data'
import { ORDER_MACHINE } from './order-machine.js'

const { paid, cancelled } = ORDER_MACHINE.pending_payment

/**
 * Ends holds, for a group of orders in one statement: `paid` sells what was held and gives each seller a fulfilment, `declined`, `hold_ended` and
 * `cancelled` give the stock back. Payment in time and the end of the hold exclude each other by the database's clock under the order's lock. An order
 * that isn't pending any more stays as it is, but its authorisation is noted all the same: what cancelled it left a void behind, which is due now.
 * The arrays stand in sub-selects so that the planner doesn't see how long they are: it would take a call's length for reason enough to plan anew each time,
 * which costs more than the statement does.
 * Answers the orders that changed with `to_status` and `reason`, and the products whose page has changed with `changed_version`.
 *
 * $1 order, $2 event, $3 the authorisation that has its outcome (or null), $4 the provider's payment, $5 why it was declined; $6 this release; $7 who cancelled it; $8 the trace it belongs to.
 */
export const END_HOLDS: Statement = {
  name: 'end-holds',
  text: `
with input as materialized (
  select * from unnest((select $1::uuid[]), (select $2::text[]), (select $3::uuid[]), (select $4::text[]), (select $5::text[]), (select $7::text[]), (select $8::text[]))
  as i(order_id, event, operation_id, payment_ref, error, actor, traceparent)),
ord as materialized (
  select id, buyer_id, currency, total_minor, version, status, hold_expires_at from orders
  where id in (select order_id from input) order by id for update),
decided as materialized (
  select o.*, i.event, i.operation_id, i.payment_ref, i.error, i.actor, i.traceparent, o.status = 'pending_payment'
    and case i.event when 'paid' then o.hold_expires_at > now() when 'hold_ended' then o.hold_expires_at <= now() else true end as applies
  from ord o join input i on i.order_id = o.id),
ending as materialized (
  select d.*, case event when 'paid' then '${paid}' else '${cancelled}' end as to_status,
    case event when 'declined' then 'payment_declined' when 'hold_ended' then 'hold_expired' when 'cancelled' then 'buyer' end as reason
  from decided d where applies),
line as materialized (select l.*, e.to_status from order_line l join ending e on e.id = l.order_id),
locked as materialized (select product_id from stock where product_id in (select product_id from line) order by product_id for update),
moved as materialized (
  update stock s set held = s.held - t.sold - t.given, sold = s.sold + t.sold, available = s.available + t.given
  from (
    select product_id, coalesce(sum(quantity) filter (where to_status = '${paid}'), 0)::int as sold,
      coalesce(sum(quantity) filter (where to_status = '${cancelled}'), 0)::int as given
    from line join locked using (product_id) group by product_id) t
  where s.product_id = t.product_id
  returning s.product_id, s.available, t.given),
changed as materialized (
  update product p set version = p.version + 1, updated_at = now()
  from moved m where p.id = m.product_id and availability(m.available) <> availability(m.available - m.given)
  returning p.id, p.seller_id, p.version),
parts as materialized (
  insert into fulfilment (id, order_id, seller_id, items_minor, shipping_minor)
  select uuidv7(), order_id, seller_id, sum(quantity * unit_price_minor), sum(shipping_minor)
  from line where to_status = '${paid}' group by order_id, seller_id order by order_id, seller_id
  returning id, order_id, seller_id, items_minor, shipping_minor),
happened as materialized (
  select e.id as order_id, 'order.' || e.to_status as event, null::uuid as part_id, e.version + 1 as version from ending e
  union all
  select p.order_id, 'fulfilment.created', p.id, e.version + 1 + row_number() over (partition by p.order_id order by p.seller_id)
  from parts p join ending e on e.id = p.order_id),
ended as materialized (
  update orders o set status = e.to_status, cancel_reason = e.reason, version = h.version
  from ending e join (select order_id, max(version) as version from happened group by order_id) h on h.order_id = e.id
  where o.id = e.id returning o.id, e.to_status, e.reason),
transitions as (
  insert into order_transition (order_id, version, from_status, to_status, reason, event, part_id)
  select h.order_id, h.version, case when h.part_id is null then e.status else e.to_status end, e.to_status, e.reason, h.event, h.part_id
  from happened h join ending e on e.id = h.order_id),
noted as materialized (
  update payment_operation p set payment_ref = coalesce(d.payment_ref, p.payment_ref), action_url = null, last_error = d.error,
    status = case when d.event = 'paid' then 'succeeded' when d.status in ('pending_payment', 'cancelled') then 'declined' else 'refused' end,
    finished_at = case when d.event = 'paid' or d.status in ('pending_payment', 'cancelled') then now() end
  from decided d where p.id = d.operation_id and p.finished_at is null
  returning p.order_id, p.seq),
hastened as (
  update payment_operation p set due_at = now() from noted n
  where p.order_id = n.order_id and p.seq = n.seq + 1 and p.status = 'due'),
voids as (
  insert into payment_operation (id, order_id, seq, kind, amount_minor, release, traceparent)
  select uuidv7(), id, 2, 'void', total_minor, $6, traceparent from ending where event in ('hold_ended', 'cancelled')),
events as (
  insert into outbox (id, type, subject, sequence, actor, traceparent, data)
  select uuidv7(), 'orders.' || h.event || '.v1', h.order_id, h.version, h.actor, h.traceparent, h.data::text from (
    select h.order_id, h.event, h.version, e.actor, e.traceparent, json_strip_nulls(json_build_object('orderId', e.id, 'buyerId', e.buyer_id, 'currency', e.currency,
      'totalMinor', e.total_minor, 'reason', e.reason, 'lines', (
        select json_agg(json_build_object('productId', l.product_id, 'sellerId', l.seller_id, 'quantity', l.quantity, 'unitPriceMinor', l.unit_price_minor) order by l.line_no)
        from line l where l.order_id = e.id))) as data
    from happened h join ending e on e.id = h.order_id where h.part_id is null
    union all
    select h.order_id, h.event, h.version, e.actor, e.traceparent, json_build_object('fulfilmentId', p.id, 'orderId', p.order_id, 'sellerId', p.seller_id,
      'partnerId', (select partner_id from seller s where s.id = p.seller_id), 'currency', e.currency, 'itemsMinor', p.items_minor, 'shippingMinor', p.shipping_minor, 'lines', (
        select json_agg(json_build_object('productId', l.product_id, 'sellerId', l.seller_id, 'quantity', l.quantity, 'unitPriceMinor', l.unit_price_minor) order by l.line_no)
        from line l where l.order_id = p.order_id and l.seller_id = p.seller_id))
    from happened h join parts p on p.id = h.part_id join ending e on e.id = h.order_id) h
  order by h.order_id, h.version),
product_events as (
  insert into outbox (id, type, subject, sequence, data)
  select uuidv7(), 'catalogue.product.changed.v1', id, version, json_build_object('productId', id, 'sellerId', seller_id)::text from changed)
select id, to_status, reason, null::bigint as changed_version from ended union all select id, null, null, version from changed`,
}

/**
 * Up to $1 holds with less than half of $2 ms left, or that have ended already, get $2 ms from now. Done over and over it never adds up: a hold ends at most $2 ms
 * after the last time. An order that somebody has locked is being decided, and is left for the next time.
 */
export const EXTEND_HOLDS: Statement = {
  name: 'extend-holds',
  text: `with due as materialized (
    select id from orders where status = 'pending_payment' and hold_expires_at < now() + $2::int * interval '0.5 ms'
    order by hold_expires_at limit $1 for update skip locked)
  update orders o set hold_expires_at = now() + $2::int * interval '1 ms', first_hold_expires_at = coalesce(o.first_hold_expires_at, o.hold_expires_at)
  from due where o.id = due.id returning o.id`,
}

/** Up to $1 orders whose hold has ended. */
export const EXPIRED_HOLDS: Statement = {
  name: 'expired-holds',
  text: "select id from orders where status = 'pending_payment' and hold_expires_at <= now() order by hold_expires_at limit $1",
}
