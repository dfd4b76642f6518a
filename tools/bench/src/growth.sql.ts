/** What a database is filled with: a year of a marketplace, in a few statements. `$1` is how many products and orders there are. */
export const FILL: readonly { readonly of: string; readonly text: string; readonly sized: boolean }[] = [
  {
    of: 'sellers',
    sized: false,
    text: `insert into seller (id, name, slug, partner_id, shipping_minor)
      select md5('seller' || n)::uuid, 'Seller ' || n, 'seller-' || n, md5('partner' || n)::uuid, 300 from generate_series(0, 199) n`,
  },
  {
    of: 'products',
    sized: true,
    text: `insert into product (id, seller_id, name, description, category, price_minor, currency, created_at, updated_at)
      select md5('product' || n)::uuid, md5('seller' || n % 200)::uuid, word.first || ' ' || word.second || ' ' || n, 'Made of ' || word.first || ', by hand, number ' || n,
        (array['kitchen', 'books', 'toys', 'tools', 'tea', 'audio', 'outdoor', 'lighting'])[1 + n % 8], 500 + n % 9000, 'EUR',
        timestamptz '2026-01-01' + n * interval '1 second', timestamptz '2026-01-01'
      from generate_series(1, $1::int) n cross join lateral (
        select (array['oak', 'brass', 'linen', 'glass', 'steel', 'clay', 'wool', 'cork'])[1 + n % 8] as first,
          (array['lamp', 'kettle', 'shelf', 'radio', 'tent', 'puzzle', 'chisel', 'atlas', 'bowl', 'chair', 'clock'])[1 + n % 11] as second) word`,
  },
  { of: 'stock', sized: false, text: 'insert into stock (product_id, available, initial) select id, 100000, 100000 from product' },
  {
    of: 'orders',
    sized: true,
    text: `insert into orders (id, buyer_id, idempotency_key, request_hash, status, cancel_reason, version, currency, total_minor, delivery_address, payment_method,
        hold_expires_at, placed_at)
      select md5('order' || n)::uuid, case when n % ($1::int / 50) = 0 then $2::uuid else md5('buyer' || n % ($1::int / 5))::uuid end, 'key' || n, '\\x00',
        state.now, case when state.now = 'cancelled' then 'buyer' end, 2, 'EUR', 2300, '{"name":"A","line1":"B","city":"C","postalCode":"1","country":"NL"}', 'card_ok',
        case when state.now = 'pending_payment' then now() + interval '1 day' else timestamptz '2026-01-02' end, timestamptz '2026-01-01' + n * interval '20 seconds'
      from generate_series(1, $1::int) n cross join lateral (
        select case when n % 100 = 0 then 'pending_payment' when n % 100 < 9 then 'confirmed' when n % 100 < 15 then 'cancelled' else 'completed' end as now) state`,
  },
  {
    of: 'order lines',
    sized: true,
    text: `insert into order_line (order_id, line_no, product_id, seller_id, product_name, quantity, unit_price_minor, shipping_minor)
      select md5('order' || n)::uuid, line, md5('product' || 1 + (n * 7) % $1::int)::uuid, md5('seller' || (1 + (n * 7) % $1::int) % 200)::uuid, 'A thing', 1, 1000,
        case when line = 1 then 300 else 0 end from generate_series(1, $1::int) n, generate_series(1, 2) line`,
  },
  {
    of: 'transitions',
    sized: true,
    text: `insert into order_transition (order_id, version, to_status, event)
      select md5('order' || n)::uuid, v, 'confirmed', case when v = 1 then 'order.placed' else 'order.confirmed' end
      from generate_series(1, $1::int) n, generate_series(1, 2) v`,
  },
  {
    of: 'payments',
    sized: false,
    text: `insert into payment_operation (id, order_id, seq, kind, amount_minor, status, payment_ref, release, attempts, finished_at)
      select md5('op' || id)::uuid, id, 1, 'authorise', total_minor, 'succeeded', 'pay_1', 'bench', 1, now() from orders where status <> 'pending_payment'`,
  },
  {
    of: 'fulfilments',
    sized: false,
    text: `insert into fulfilment (id, order_id, seller_id, status, items_minor, shipping_minor, carrier, ended_at, cancel_reason)
      select md5('part' || o.id)::uuid, o.id, l.seller_id, case o.status when 'confirmed' then 'open' when 'completed' then 'shipped' else 'cancelled' end, 2000, 300, 'DHL',
        case when o.status <> 'confirmed' then now() end, case when o.status = 'cancelled' then 'buyer' end
      from orders o join order_line l on l.order_id = o.id and l.line_no = 1 where o.status <> 'pending_payment'`,
  },
]
