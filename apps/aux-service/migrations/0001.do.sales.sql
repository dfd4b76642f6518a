-- What each partner sold of each product on each day (UTC) of the event, in each currency: what was given to it to ship, what of that was cancelled,
-- and what came back. Filled from events, each counted once (inbox).
create table product_day (
  partner_id uuid not null,
  day date not null,
  product_id uuid not null,
  currency text not null,
  sold_pieces bigint not null default 0,
  sold_minor bigint not null default 0,
  cancelled_pieces bigint not null default 0,
  cancelled_minor bigint not null default 0,
  returned_pieces bigint not null default 0,
  returned_minor bigint not null default 0,
  primary key (partner_id, day, product_id, currency)
);
create index product_day_of_product on product_day (partner_id, product_id, day, currency);
