import type { Statement } from '@catamaran/data'

/** What a worker needs to make one attempt, of delivery d to endpoint e. */
const LEASED = `d.id, d.endpoint_id as "endpointId", d.event_id as "eventId", d.type, d.body, d.attempts as attempt, d.step, d.traceparent,
  extract(epoch from now() - d.tried_since)::float8 * 1000 as "ageMs", e.url, e.failures > 0 as "isSuspect",
  case when d.attempts > 1 then exists (select from webhook_attempt a where a.delivery_id = d.id and a.failure is null) else false end as "wasDelivered", array(
    select sealed from webhook_secret s where s.endpoint_id = e.id and (s.ends_at is null or s.ends_at > now()) order by s.created_at desc) as "sealedSecrets"`

// Arrays and limits stand in sub-selects: where the planner sees how long they are, it plans anew at each call, which costs more than the statement.

// Inbox, deliveries and their first lease in one statement: an event that was seen before adds nothing, and what the caller has room for needs no second
// look. Of a lane only the oldest is leased, of an endpoint no more than it has slots for, of one that fails none.
export const QUEUE: Statement = {
  name: 'webhooks.queue',
  text: `
with event as materialized (
  select * from unnest((select $1::uuid[]), (select $2::uuid[]), (select $3::text[]), (select $4::uuid[]), (select $5::text[]), (select $12::text[]))
    with ordinality as e(event_id, partner_id, type, subject, body, traceparent, n)),
fresh as (
  insert into inbox (consumer, event_id) select 'aux.webhooks', event_id from event order by event_id on conflict do nothing returning event_id),
match as materialized (
  select e.id as endpoint_id, e.status = 'enabled' as is_enabled, event.event_id, event.subject, event.type, event.body, event.traceparent, event.n,
    e.status = 'enabled' and e.failures = 0 and row_number() over (order by event.n) <= $8::int
      and row_number() over (partition by e.id, event.subject order by event.n) = 1
      and row_number() over (partition by e.id order by event.n) <= coalesce(known.slots, $9::int) - coalesce(known.in_hand, 0)
      and not exists (select from webhook_delivery o where o.endpoint_id = e.id and o.subject = event.subject and o.status = 'waiting') as is_leased
  from event join fresh using (event_id)
  join webhook_endpoint e on e.partner_id = event.partner_id and e.events && array[event.type, split_part(event.type, '.', 1) || '.*', '*']
  left join unnest((select $6::uuid[]), (select $7::int[]), (select $11::int[])) as known(endpoint_id, in_hand, slots) on known.endpoint_id = e.id),
d as (
  insert into webhook_delivery (endpoint_id, event_id, subject, type, body, status, dead_reason, due_at, is_leased, attempts, finished_at, traceparent)
  select endpoint_id, event_id, subject, type, body, case when is_enabled then 'waiting' else 'dead' end,
    case when not is_enabled then 'endpoint_disabled' end,
    case when is_leased then now() + $10 * interval '1 ms' when is_enabled then now() end,
    is_leased, is_leased::int, case when not is_enabled then now() end, traceparent
  from match order by n, endpoint_id
  returning *)
select d.is_leased as "isLeased", ${LEASED} from d join webhook_endpoint e on e.id = d.endpoint_id where d.status = 'waiting'`,
}

// Goes from endpoint to endpoint that has something waiting (a loose index scan), so that the backlog of one costs the others nothing. Of those that fail
// only so many are taken as the caller has set apart for them.
export const TAKE: Statement = {
  name: 'webhooks.take',
  text: `
with recursive backlog as (
  (select endpoint_id from webhook_delivery where status = 'waiting' order by endpoint_id limit 1)
  union all
  select (select d.endpoint_id from webhook_delivery d where d.status = 'waiting' and d.endpoint_id > b.endpoint_id order by d.endpoint_id limit 1)
  from backlog b where b.endpoint_id is not null),
ready as materialized (
  select e.id, e.failures > 0 as is_suspect,
    case when e.failures > 0 then 1 else coalesce(known.slots, $3::int) end - coalesce(known.in_hand, 0) as free
  from backlog join webhook_endpoint e on e.id = backlog.endpoint_id
  left join unnest((select $1::uuid[]), (select $2::int[]), (select $7::int[])) as known(endpoint_id, in_hand, slots) on known.endpoint_id = e.id
  where e.status = 'enabled' and (e.paused_until is null or e.paused_until <= now())),
head as materialized (
  select h.*, is_suspect, free, row_number() over (partition by ready.id order by h.due_at, h.seq) as slot
  from ready cross join lateral (
    select d.id, d.due_at, d.seq from webhook_delivery d
    where d.endpoint_id = ready.id and d.status = 'waiting' and d.due_at <= now()
      and d.seq = (select min(o.seq) from webhook_delivery o where o.endpoint_id = d.endpoint_id and o.subject = d.subject and o.status = 'waiting')
    order by d.due_at, d.seq limit (select $8::int)) h
  where free > 0),
due as materialized (
  select id, is_suspect, row_number() over (partition by is_suspect order by due_at, seq) as place from head where slot <= free),
taken as (
  select d.id from webhook_delivery d where d.id in (select id from due where place <= case when is_suspect then $5::int else $4::int end)
    and d.status = 'waiting' and d.due_at <= now() for update of d skip locked)
update webhook_delivery d set attempts = attempts + 1, is_leased = true, due_at = now() + $6 * interval '1 ms'
from taken, webhook_endpoint e where d.id = taken.id and e.id = d.endpoint_id
returning ${LEASED}`,
}

const ATTEMPT_COLUMNS = `delivery_id, number, started_at, duration_ms, first_byte_ms, url, request_headers, status, response_headers, response_body, failure`

// Answered 2xx: also where the endpoint was disabled meanwhile. The lanes' next ones are leased in the same breath; a lane has one attempt in hand.
export const SUCCEED: Statement = {
  name: 'webhooks.succeed',
  text: `
with ended as materialized (
  select * from unnest((select $1::uuid[]), (select $2::int[]), (select $3::timestamptz[]), (select $4::int[]), (select $5::int[]), (select $6::text[]),
    (select $7::jsonb[]), (select $8::int[]), (select $9::jsonb[]), (select $10::text[]), (select $11::text[])) as a(${ATTEMPT_COLUMNS})),
attempt as (
  insert into webhook_attempt (${ATTEMPT_COLUMNS})
  select ended.* from ended where exists (select from webhook_delivery d where d.id = ended.delivery_id) on conflict do nothing),
done as materialized (
  update webhook_delivery d set status = 'delivered', dead_reason = null, due_at = null, is_leased = false, finished_at = now()
  from ended where d.id = ended.delivery_id and d.attempts = ended.number and d.status <> 'delivered' returning d.id, d.endpoint_id, d.subject),
sick as materialized (
  select id from webhook_endpoint where id in (select endpoint_id from done) and failures > 0 order by id for update),
healthy as (
  update webhook_endpoint e set failures = 0, failing_since = null, paused_until = null from sick where e.id = sick.id),
next as materialized (
  select done.id as after, d.id, d.due_at from done cross join lateral (
    select w.id, w.due_at from webhook_delivery w where w.endpoint_id = done.endpoint_id and w.subject = done.subject and w.status = 'waiting' and w.id <> done.id
    order by w.seq limit 1 for update skip locked) d)
update webhook_delivery d set attempts = attempts + 1, is_leased = true, due_at = now() + $12 * interval '1 ms'
from next, webhook_endpoint e where d.id = next.id and next.due_at <= now() and e.id = d.endpoint_id and e.status = 'enabled'
returning next.after, ${LEASED}`,
}

// $12: milliseconds until the next try, null for none; $13: why it is dead then. The endpoint fails persistently when a delivery has failed for its whole
// window (its tries since number $17) and nothing else has succeeded meanwhile. A pause that doubles with each failure after the first few keeps a receiver
// that is down from being asked by everything that waits for it.
export const FAIL: Statement = {
  name: 'webhooks.fail',
  text: `
with attempt as (
  insert into webhook_attempt (${ATTEMPT_COLUMNS})
  select $1, $2, $3, $4::int, $5::int, $6, $7::jsonb, $8::int, $9::jsonb, $10, $11 where exists (select from webhook_delivery where id = $1) on conflict do nothing),
failed as (
  update webhook_delivery set is_leased = false, step = step + 1, status = case when $13::text is null then 'waiting' else 'dead' end, dead_reason = $13,
    due_at = now() + $12::float8 * interval '1 ms', finished_at = case when $13::text is not null then now() end
  where id = $1 and attempts = $2 and status = 'waiting' returning endpoint_id)
update webhook_endpoint e set failures = failures + 1, failing_since = coalesce(failing_since, $3), paused_until = case when failures + 1 >= $14::int
  then now() + least($16::float8, $15::float8 * 2 ^ least(failures + 1 - $14::int, 20)) * interval '1 ms' end
from failed where e.id = failed.endpoint_id
returning coalesce($13 = 'exhausted' and failing_since <= (
  select min(started_at) from webhook_attempt where delivery_id = $1 and number >= $17::int), false) as "isPersistent"`,
}

export const RELEASE: Statement = {
  name: 'webhooks.release',
  text: `update webhook_delivery set is_leased = false, due_at = now() where id = $1 and attempts = $2 and status = 'waiting'`,
}
