-- Prices include tax; shipping is a flat amount per seller and order, in the order's currency.
alter table product add column tax_basis_points integer not null default 2100 check (tax_basis_points between 0 and 10000);
alter table seller add column shipping_minor bigint not null default 0 check (shipping_minor >= 0);
create index seller_of_partner on seller (partner_id) where partner_id is not null;

-- The provider's token for the card; it goes with the address when a person is erased.
alter table orders add column payment_method text, add column returnable_until timestamptz;
create index order_returnable on orders (returnable_until) where status = 'shipped';

-- The first line of each seller bears its shipping, so that an order's total is the sum of its lines.
alter table order_line
  add column shipping_minor bigint not null default 0 check (shipping_minor >= 0),
  add column tax_basis_points integer not null default 2100;

-- What happened: the event of that version without its topic, and to which part.
alter table order_transition add column event text not null default 'order.placed', add column part_id uuid;

-- What one seller ships of a confirmed order. Written with the order's row locked, as all that follows here.
create table fulfilment (
  id uuid primary key,
  order_id uuid not null,
  seller_id uuid not null,
  status text not null default 'open' check (status in ('open', 'shipped', 'cancelled')),
  cancel_reason text check (cancel_reason in ('buyer', 'seller')),
  items_minor bigint not null check (items_minor > 0),
  shipping_minor bigint not null check (shipping_minor >= 0),
  carrier text,
  tracking_number text,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  unique (order_id, seller_id),
  check ((status = 'cancelled') = (cancel_reason is not null)),
  check ((status = 'open') = (ended_at is null))
) with (fillfactor = 80);
create index fulfilment_of_seller on fulfilment (seller_id, id desc);
create index fulfilment_of_seller_by_status on fulfilment (seller_id, status, id desc);

-- What a buyer sends back. `lines` is [{"productId": uuid, "quantity": n}].
create table order_return (
  id uuid primary key,
  order_id uuid not null,
  fulfilment_id uuid not null,
  seller_id uuid not null,
  status text not null default 'requested' check (status in ('requested', 'accepted', 'refused')),
  lines json not null,
  reason text,
  refund_minor bigint not null check (refund_minor > 0),
  is_restocked boolean not null default false,
  requested_at timestamptz not null default now(),
  decided_at timestamptz
);
create index order_return_of_order on order_return (order_id);
create index order_return_of_seller on order_return (seller_id, id desc);

-- What core asks of the payment provider, in the order of `seq` for each order. The id is the Idempotency-Key of the call; a call is made again with it
-- until its outcome is known. `refused` waits for an operator and holds up what comes after it; `replaced` was done anew under another id.
create table payment_operation (
  id uuid primary key,
  order_id uuid not null,
  seq integer not null,
  kind text not null check (kind in ('authorise', 'capture', 'void', 'refund')),
  amount_minor bigint not null check (amount_minor > 0),
  part_id uuid, -- the fulfilment that is captured or voided, the return that is refunded
  status text not null default 'due' check (status in ('due', 'action_required', 'succeeded', 'declined', 'skipped', 'refused', 'replaced')),
  payment_ref text, -- the provider's payment
  action_url text,
  attempts integer not null default 0,
  due_at timestamptz not null default now(),
  last_error text,
  release text not null,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  check ((status in ('due', 'action_required', 'refused')) = (finished_at is null))
) with (fillfactor = 70);
create index payment_operation_due on payment_operation (due_at) where status in ('due', 'action_required');
create index payment_operation_of_order on payment_operation (order_id, seq);
create index payment_operation_stuck on payment_operation (id) where status = 'refused' or (status in ('due', 'action_required') and attempts > 5);
