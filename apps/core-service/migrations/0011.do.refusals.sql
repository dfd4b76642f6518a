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

-- Of orders that could be placed now, those that may not be: the key was `refused`, or the buyer has `most` unpaid orders (`unpaid`), those before it in this
-- call included. One statement at a time decides on a buyer's orders: it is called after the stock was locked, and takes buyers in one order, so that statements can't wait
-- for each other. Each query in here sees what was committed before it, so that nothing that happened while the stock or the buyer was waited for is missed. The arrays
-- stand in sub-selects so that the plans are kept (see END_HOLDS).
create function barred_orders(numbers bigint[], buyers uuid[], keys text[], most integer) returns table (n bigint, reason text)
  language plpgsql volatile strict rows 1 as $$
begin
  if cardinality(buyers) = 1 then
    perform pg_advisory_xact_lock(uuid_hash_extended(buyers[1], 11));
  else
    perform pg_advisory_xact_lock(b.hash) from (select distinct uuid_hash_extended(buyer, 11) as hash from unnest((select buyers)) as buyer order by hash) b;
  end if;
  return query select o.n, 'refused' from unnest((select numbers), (select buyers), (select keys)) as o(n, buyer_id, key)
    where (select true from order_refusal r where r.buyer_id = o.buyer_id and r.idempotency_key = o.key);
  return query select o.n, 'unpaid' from (
      select i.n, i.buyer_id, row_number() over (partition by i.buyer_id order by i.n) as nth from unnest((select numbers), (select buyers)) as i(n, buyer_id)) o
    where o.nth + (select count(*) from (select from orders p where p.buyer_id = o.buyer_id and p.status = 'pending_payment' limit most) u) > most;
end $$;

-- Remembers that a key was refused, unless its order was placed after all: then it answers nothing. What a key was refused with first stays.
create function refuse_order(buyer uuid, key text, hash bytea, answer json) returns table (request_hash bytea, problem json, is_replay boolean)
  language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock(uuid_hash_extended(buyer, 11));
  if exists (select from orders o where o.buyer_id = buyer and o.idempotency_key = key) then return; end if;
  return query insert into order_refusal (buyer_id, idempotency_key, request_hash, problem) values (buyer, key, hash, answer)
    on conflict do nothing returning order_refusal.request_hash, order_refusal.problem, false;
  if not found then
    return query select r.request_hash, r.problem, true from order_refusal r where r.buyer_id = buyer and r.idempotency_key = key;
  end if;
end $$;
