-- What a buyer was refused under an Idempotency-Key, so that the key has one outcome (docs/decisions/021). Kept as long as callers are promised, a day.
create table order_refusal (
  buyer_id uuid not null,
  idempotency_key text not null,
  request_hash bytea not null,
  problem json not null, -- {"code": …, "extra": {…}}
  refused_at timestamptz not null default now(),
  primary key (buyer_id, idempotency_key)
);
create index order_refusal_refused on order_refusal (refused_at);

create index order_unpaid on orders (buyer_id) where status = 'pending_payment';

-- One statement at a time decides on a buyer's orders. Always after the stock was locked, and buyers in one order, so that statements can't wait for each other.
create function lock_buyers(buyers uuid[]) returns void language sql volatile as $$
  select pg_advisory_xact_lock(key) from (select distinct hashtextextended(buyer::text, 11) as key from unnest(buyers) as buyer order by key) k;
$$;

-- Of orders that could be placed now, those that may not be: the key was `refused`, or the buyer has `most` unpaid orders (`unpaid`), those before it in this
-- call included. Each statement in here sees what was committed before it, so that nothing that happened while the stock or the buyer was waited for is missed. The
-- arrays stand in sub-selects so that the plan is kept (see END_HOLDS).
create function barred_orders(numbers bigint[], buyers uuid[], keys text[], most integer) returns table (n bigint, reason text)
  language plpgsql volatile strict rows 1 as $$
begin
  perform lock_buyers(buyers);
  return query
    select j.n, case when j.is_refused then 'refused' else 'unpaid' end from (
      select o.n, (select true from order_refusal r where r.buyer_id = o.buyer_id and r.idempotency_key = o.key) is not null as is_refused,
        row_number() over (partition by o.buyer_id order by o.n)
          + (select count(*) from (select from orders p where p.buyer_id = o.buyer_id and p.status = 'pending_payment' limit most) u) > most as is_over
      from unnest((select numbers), (select buyers), (select keys)) as o(n, buyer_id, key)) j
    where j.is_refused or j.is_over;
end $$;

-- Remembers that a key was refused, unless its order was placed after all: then it answers nothing. What a key was refused with first stays.
create function refuse_order(buyer uuid, key text, hash bytea, answer json) returns table (request_hash bytea, problem json, is_replay boolean)
  language plpgsql volatile as $$
begin
  perform lock_buyers(array[buyer]);
  if exists (select from orders o where o.buyer_id = buyer and o.idempotency_key = key) then return; end if;
  return query insert into order_refusal (buyer_id, idempotency_key, request_hash, problem) values (buyer, key, hash, answer)
    on conflict do nothing returning order_refusal.request_hash, order_refusal.problem, false;
  if not found then
    return query select r.request_hash, r.problem, true from order_refusal r where r.buyer_id = buyer and r.idempotency_key = key;
  end if;
end $$;
