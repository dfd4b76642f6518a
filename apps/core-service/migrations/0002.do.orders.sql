-- An order carries its own Idempotency-Key: placing is one insert that either wins or meets the earlier order (docs/decisions/003).
create table orders (
  id uuid primary key,
  buyer_id uuid not null,
  idempotency_key text not null,
  request_hash bytea not null,
  cart_id uuid,
  cart_version bigint,
  status text not null check (status in ('pending_payment', 'confirmed', 'partially_shipped', 'shipped', 'completed', 'cancelled')),
  cancel_reason text,
  version bigint not null default 1,
  currency text not null,
  total_minor bigint not null check (total_minor >= 0),
  delivery_address json not null,
  hold_expires_at timestamptz not null,
  placed_at timestamptz not null default now(),
  constraint order_idempotency unique (buyer_id, idempotency_key),
  constraint cancelled_with_reason check ((status = 'cancelled') = (cancel_reason is not null))
) with (fillfactor = 80);
create unique index order_cart on orders (cart_id, cart_version) where cart_id is not null;
create index order_of_buyer on orders (buyer_id, id desc);
create index order_hold_due on orders (hold_expires_at) where status = 'pending_payment';

-- While its order is pending, a line is the hold on its pieces. Lines and transitions have no foreign keys: only the statements of orders.sql.ts
-- write them, beside the order itself, and a check of each row made that statement four times as long (docs/performance.md).
create table order_line (
  order_id uuid not null,
  line_no smallint not null,
  product_id uuid not null,
  seller_id uuid not null,
  product_name text not null,
  quantity integer not null check (quantity > 0),
  unit_price_minor bigint not null,
  primary key (order_id, line_no)
);

-- One row for each event of an order: the audit of its life, and what a status stream replays.
create table order_transition (
  order_id uuid not null,
  version bigint not null,
  from_status text,
  to_status text not null,
  reason text,
  at timestamptz not null default now(),
  primary key (order_id, version)
);
