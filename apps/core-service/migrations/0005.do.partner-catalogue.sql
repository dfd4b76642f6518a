-- A partner as its last event tells it. Its own seller has the same UUID. Whoever writes its products locks this row first, and so does who changes
-- its status: no product slips past a suspension, and its writers come one after another.
create table partner (
  id uuid primary key,
  status text not null check (status in ('active', 'suspended', 'closed')),
  version bigint not null
);

-- `suspended` is for sale again when its partner is active; `withdrawn` stays so. Placing asks for `active` alone.
alter table product
  drop constraint product_status_check,
  add constraint product_status_check check (status in ('active', 'withdrawn', 'suspended')),
  add column sku text check (length(sku) between 1 and 100);
create unique index product_sku on product (seller_id, sku) where sku is not null;
create index product_of_seller on product (seller_id, id desc);
create index product_of_seller_by_status on product (seller_id, status, id desc);

-- Setting what is available, and counting pieces out again, change `restocked`: corrections may take it below zero. What is conserved stays conserved.
alter table stock drop constraint stock_restocked_check;

-- How many lines of an import are done. Written with their effect, so a client that lost its connection goes on behind them.
create table product_import (
  partner_id uuid not null,
  id text not null check (length(id) between 1 and 64),
  lines_done bigint not null default 0,
  created bigint not null default 0,
  changed bigint not null default 0,
  unchanged bigint not null default 0,
  refused bigint not null default 0,
  started_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (partner_id, id)
) with (fillfactor = 50);

-- The hits of a search with their rank, 1,000 at most: a word that a million products have costs no more than the index takes to find it. Which ones, beyond
-- that, is where they lie. No other way than by the index of words: for words that never come together the planner would read all products instead.
create function product_hits(words text, of_category text) returns table (id uuid, rank float8) language sql stable
  set enable_seqscan = off set enable_indexscan = off
as $$
  select h.id, ts_rank_cd(h.search, websearch_to_tsquery('english', words))::float8
  from (select p.id, p.search from product p
    where p.search @@ websearch_to_tsquery('english', words) and p.status = 'active' and (of_category is null or p.category = of_category)
    limit 1000) h
$$;
