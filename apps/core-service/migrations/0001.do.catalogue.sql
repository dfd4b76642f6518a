-- What is for sale. A product's version rises with everything its page shows; its stock stands apart in a narrow row that orders update in place.
create table seller (
  id uuid primary key,
  name text not null,
  slug text not null unique,
  partner_id uuid
);

create table product (
  id uuid primary key,
  seller_id uuid not null references seller,
  name text not null check (length(name) between 1 and 200),
  description text not null check (length(description) <= 5000),
  category text not null check (category ~ '^[a-z][a-z-]{1,40}$'),
  price_minor bigint not null check (price_minor > 0),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  status text not null default 'active' check (status in ('active', 'withdrawn')),
  version bigint not null default 1,
  created_at timestamptz(3) not null default now(), -- as precise as a cursor tells it
  updated_at timestamptz(3) not null default now(),
  search tsvector not null generated always as (
    setweight(to_tsvector('english', name), 'A') || setweight(to_tsvector('english', replace(category, '-', ' ')), 'B') || setweight(to_tsvector('english', description), 'C')
  ) stored
) with (fillfactor = 85);
create index product_newest on product (created_at desc, id desc) where status = 'active';
create index product_newest_in_category on product (category, created_at desc, id desc) where status = 'active';
create index product_search on product using gin (search);

-- Invariant I1 stands in the table itself. Whoever writes several rows locks them first in product_id order.
create table stock (
  product_id uuid primary key references product,
  available integer not null check (available >= 0),
  held integer not null default 0 check (held >= 0),
  sold integer not null default 0 check (sold >= 0),
  initial integer not null check (initial >= 0),
  restocked integer not null default 0 check (restocked >= 0),
  constraint stock_is_conserved check (initial::bigint + restocked = available::bigint + held + sold)
) with (fillfactor = 50);

-- What a buyer is told of the stock: a product page changes only when this does.
create function availability(available integer) returns text language sql immutable parallel safe
return case when available <= 0 then 'sold_out' when available <= 5 then 'low_stock' else 'in_stock' end;
