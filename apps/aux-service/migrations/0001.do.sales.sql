-- What each seller sold on each day (UTC) of an order's event, in each currency. Filled from events, each counted once (inbox).
create table seller_day (
  seller_id uuid not null,
  day date not null,
  currency text not null,
  orders integer not null default 0,
  pieces integer not null default 0,
  amount_minor bigint not null default 0,
  cancelled_orders integer not null default 0,
  cancelled_amount_minor bigint not null default 0,
  primary key (seller_id, day, currency)
);
