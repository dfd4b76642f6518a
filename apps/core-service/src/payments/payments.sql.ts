import type { Statement } from '@catamaran/data'

/**
 * Leases up to $1 due operations for $3 ms; those of another release than $2 only when nobody took them for 30 s. One whose order has an earlier
 * unfinished one is put off instead, longer the longer it waits: whoever finishes the earlier one makes it due at once.
 */
export const LEASE: Statement = {
  name: 'payments.lease',
  text: `
with due as materialized (
  select p.id, exists (select from payment_operation e where e.order_id = p.order_id and e.seq < p.seq and e.finished_at is null) as is_blocked
  from payment_operation p
  where p.status in ('due', 'action_required') and p.due_at <= now() and (p.release = $2 or p.due_at <= now() - interval '30 seconds')
  order by p.due_at limit $1 for update of p skip locked),
leased as materialized (
  update payment_operation p set attempts = p.attempts + (not d.is_blocked)::int,
    due_at = now() + case when d.is_blocked then least(interval '1 minute', greatest(interval '1 second', now() - p.created_at)) else $3::int * interval '1 ms' end
  from due d where p.id = d.id returning p.*, d.is_blocked)
select l.id, l.order_id, l.kind, l.traceparent, l.amount_minor, l.part_id, l.status, l.payment_ref, l.attempts, o.currency, o.status as order_status, o.payment_method, o.return_url,
  (select a.payment_ref from payment_operation a where a.order_id = l.order_id and a.kind = 'authorise' and a.status = 'succeeded'
    order by a.seq desc, a.id desc limit 1) as authorised_ref,
  (select c.payment_ref from payment_operation c join order_return r on r.fulfilment_id = c.part_id
    where r.id = l.part_id and c.order_id = l.order_id and c.kind = 'capture' and c.status = 'succeeded') as captured_ref
from leased l join orders o on o.id = l.order_id where not l.is_blocked`,
}

/** Puts operation $1 off for $2 ms, with what stood in its way. */
export const PUT_OFF: Statement = {
  name: 'payments.put-off',
  text: "update payment_operation set due_at = now() + $2::int * interval '1 ms', last_error = coalesce($3, last_error) where id = $1 and finished_at is null",
}

/** Ends operation $1 as $2; not one that has ended. Answers what it was. */
export const FINISH: Statement = {
  name: 'payments.finish',
  text: `update payment_operation set status = $2, last_error = $3, payment_ref = coalesce($4, payment_ref), action_url = null,
    finished_at = case when $2 <> 'refused' then now() end
  where id = $1 and finished_at is null and status <> 'refused' returning order_id, seq, kind, amount_minor, part_id`,
}

/** The operations of order $1 behind $2 are due now. */
export const HASTEN_NEXT: Statement = {
  name: 'payments.hasten-next',
  text: `update payment_operation set due_at = now() where order_id = $1 and seq > $2 and status = 'due' and seq = (
    select min(seq) from payment_operation where order_id = $1 and finished_at is null)`,
}

/** The buyer has to confirm operation $1. Answers whether that is news. */
export const NEEDS_ACTION: Statement = {
  name: 'payments.needs-action',
  text: `update payment_operation set status = 'action_required', payment_ref = $2, action_url = $3
  where id = $1 and status = 'due' returning order_id`,
}

/** The provider said that something happened to the payment of order $1: what waits for its outcome asks now. */
export const HASTEN_WAITING: Statement = {
  name: 'payments.hasten-waiting',
  text: `update payment_operation set due_at = now()
  where order_id = $1 and due_at > now() and (status = 'action_required' or (status = 'due' and last_error is not null))`,
}

/**
 * The authorisation has expired at the provider: capture $1 is done anew ($3) after a fresh authorisation ($2) of all that was not captured and is
 * still to be shipped. What was to be voided went with the old one.
 */
export const RENEW: Statement = {
  name: 'payments.renew',
  text: `
with old as materialized (
  update payment_operation set status = 'replaced', replaced_by = $3, last_error = 'authorisation_expired', finished_at = now()
  where id = $1 and finished_at is null and status <> 'refused' returning *),
later as (update payment_operation p set seq = p.seq + 1,
    status = case when p.kind = 'void' then 'skipped' else p.status end, finished_at = case when p.kind = 'void' then now() end
  from old where p.order_id = old.order_id and p.seq > old.seq and p.finished_at is null),
rest as materialized (
  select sum(f.items_minor + f.shipping_minor)::bigint as amount_minor from fulfilment f join old on f.order_id = old.order_id
  where f.status <> 'cancelled' and not exists (
    select from payment_operation c where c.order_id = f.order_id and c.part_id = f.id and c.kind = 'capture' and c.status = 'succeeded'))
insert into payment_operation (id, order_id, seq, kind, amount_minor, part_id, release, traceparent)
select $2::uuid, order_id, seq, 'authorise', rest.amount_minor, null::uuid, $4::text, traceparent from old, rest
union all
select $3, order_id, seq + 1, 'capture', old.amount_minor, part_id, $4, traceparent from old`,
}
