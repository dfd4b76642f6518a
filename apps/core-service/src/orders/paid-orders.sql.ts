import type { Statement } from '@catamaran/data'

/** Locks order $1: answers it as it is once the lock is ours. */
export const LOCK_ORDER: Statement = {
  name: 'paid-orders.lock',
  text: `select id, buyer_id, status, version, cancel_reason, currency, total_minor, returnable_until, now() as now from orders where id = $1 for update`,
}

/** The order of part $1, if a seller of partner $2 ships it; of return $1, if it goes to one. */
export const ORDER_OF_PART: Statement = {
  name: 'paid-orders.of-part',
  text: `select f.order_id as id from fulfilment f join seller s on s.id = f.seller_id where f.id = $1 and s.partner_id = $2`,
}

export const ORDER_OF_RETURN: Statement = {
  name: 'paid-orders.of-return',
  text: `select r.order_id as id from order_return r join seller s on s.id = r.seller_id where r.id = $1 and s.partner_id = $2`,
}

/** Shipped orders whose time for returns is over and that nothing holds up. */
export const COMPLETABLE: Statement = {
  name: 'paid-orders.completable',
  text: `select id from orders o where status = 'shipped' and returnable_until < now()
    and not exists (select from payment_operation p where p.order_id = o.id and p.finished_at is null)
    and not exists (select from order_return r where r.order_id = o.id and r.status = 'requested')
  order by returnable_until limit $1`,
}

export const LINES: Statement = {
  name: 'paid-orders.lines',
  text: 'select seller_id, product_id, quantity, unit_price_minor from order_line where order_id = $1 order by line_no',
}

export const PARTS: Statement = {
  name: 'paid-orders.parts',
  text: `select f.id, f.seller_id, s.partner_id, f.status, f.items_minor, f.shipping_minor, f.carrier, f.tracking_number
    from fulfilment f join seller s on s.id = f.seller_id where f.order_id = $1 order by f.seller_id`,
}

export const RETURNS: Statement = {
  name: 'paid-orders.returns',
  text: 'select id, fulfilment_id, status, lines, refund_minor from order_return where order_id = $1 order by id',
}

export const HAS_OPEN_MONEY: Statement = {
  name: 'paid-orders.open-money',
  text: 'select from payment_operation where order_id = $1 and finished_at is null limit 1',
}

export const UPDATE_PART: Statement = {
  name: 'paid-orders.update-part',
  text: 'update fulfilment set status = $2, cancel_reason = $3, carrier = $4, tracking_number = $5, ended_at = now() where id = $1',
}

/** Behind all other operations of the order; they make it due when they are done. */
export const INSERT_OPERATION: Statement = {
  name: 'paid-orders.insert-operation',
  text: `insert into payment_operation (id, order_id, seq, kind, amount_minor, part_id, release, traceparent)
    select $1, $2, coalesce(max(seq), 0) + 1, $3, $4, $5, $6, $7 from payment_operation where order_id = $2`,
}

/** Pieces that were sold are for sale again: locks in product order, as every writer of several products. Answers products whose page has changed. */
export const RESTOCK: Statement = {
  name: 'paid-orders.restock',
  text: `
with line as materialized (select product_id, sum(quantity)::int as quantity from unnest($1::uuid[], $2::int[]) as l(product_id, quantity) group by product_id),
locked as materialized (select product_id from stock where product_id in (select product_id from line) order by product_id for update),
moved as materialized (
  update stock s set sold = s.sold - l.quantity, available = s.available + l.quantity
  from line l join locked using (product_id) where s.product_id = l.product_id returning s.product_id, s.available, l.quantity)
update product p set version = p.version + 1, updated_at = now()
from moved m where p.id = m.product_id and availability(m.available) <> availability(m.available - m.quantity)
returning p.id, p.seller_id, p.version`,
}

export const INSERT_RETURN: Statement = {
  name: 'paid-orders.insert-return',
  text: `insert into order_return (id, order_id, fulfilment_id, seller_id, lines, reason, refund_minor)
    select $1, order_id, id, seller_id, $3, $4, $5 from fulfilment where id = $2`,
}

export const DECIDE_RETURN: Statement = {
  name: 'paid-orders.decide-return',
  text: 'update order_return set status = $2, is_restocked = $3, decided_at = now() where id = $1',
}

/** The order's new version and state; shipped, it may be returned for $5 ms from now. */
export const UPDATE_ORDER: Statement = {
  name: 'paid-orders.update-order',
  text: `update orders set version = $2, status = $3, cancel_reason = $4,
    returnable_until = case when $3 = 'shipped' then coalesce(returnable_until, now() + $5::bigint * interval '1 ms') else returnable_until end where id = $1`,
}

export const INSERT_TRANSITIONS: Statement = {
  name: 'paid-orders.insert-transitions',
  text: `insert into order_transition (order_id, version, from_status, to_status, reason, event, part_id)
    select $1, * from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[])`,
}
