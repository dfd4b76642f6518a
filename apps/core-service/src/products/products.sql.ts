import type { Statement } from '@catamaran/data'

const COLUMNS = `p.id, p.seller_id, p.sku, p.name, p.description, p.category, p.price_minor, p.currency, p.tax_basis_points, p.status, p.version, p.created_at, p.updated_at`
const OWN = `product p join seller s on s.id = p.seller_id where p.id = $1 and s.partner_id = $2`

export const FIND: Statement = { name: 'partner-product.find', text: `select ${COLUMNS} from ${OWN}` }
export const LOCK: Statement = { name: 'partner-product.lock', text: `select ${COLUMNS} from ${OWN} for no key update of p` }
export const IS_SKU_TAKEN: Statement = {
  name: 'partner-product.is-sku-taken',
  text: 'select from product where seller_id = $1 and sku = $2 and id is distinct from $3',
}

// A partner has a few sellers: each one's newest are read from its own index, and the newest of all are taken of those.
const listOf = (status: boolean): Statement => ({
  name: `partner-product.list${status ? '-by-status' : ''}`,
  text: `select p.* from seller s cross join lateral (
      select ${COLUMNS} from product p where p.seller_id = s.id and ($2::uuid is null or p.id < $2) ${status ? 'and p.status = $4' : ''}
      order by p.id desc limit $3) p
    where s.partner_id = $1 order by p.id desc limit $3`,
})
export const LIST = listOf(false)
export const LIST_BY_STATUS = listOf(true)

/** Tells of products that have changed; `actor` is the parameter that says who did it. */
const changedEvent = (actor: string) => `insert into outbox (id, type, subject, sequence, actor, data)
  select uuidv7(), 'catalogue.product.changed.v1', id, version, ${actor}::text, json_build_object('productId', id, 'sellerId', seller_id)::text`

/** $1 product, then everything that can change, $9 who does it. */
export const CHANGE: Statement = {
  name: 'partner-product.change',
  text: `with changed as (
      update product p set sku = $2, name = $3, description = $4, category = $5, price_minor = $6, tax_basis_points = $7, status = $8,
        version = p.version + 1, updated_at = now()
      where p.id = $1 returning ${COLUMNS}),
    event as (${changedEvent('$9')} from changed)
    select * from changed`,
}

// Each SKU is looked up by itself: joined with the seller's products, the planner reads all of them while it still believes that they are few.
const BY_SKU = (sku: string, columns: string) => `lateral (select ${columns} from product where seller_id = $1 and sku = ${sku} limit 1)`

/** Locks the stock of the products that a seller has under these SKUs, in the order of their ids: $1 seller, $2 SKUs. */
export const LOCK_STOCK: Statement = {
  name: 'partner-product.lock-stock',
  text: `select product_id from stock where product_id = any(array(
      select p.id from unnest($2::text[]) as l(sku) cross join ${BY_SKU('l.sku', 'id')} p))
    order by product_id for update`,
}

/**
 * Makes or changes products of one seller, found by their SKU, in one statement, after `LOCK_STOCK`. Where the currency differs nothing happens. Without
 * `available` a new product has none, and what is there stays. Answers a row a line; `version` is null where no page has changed.
 *
 * $1 seller; $2 id for a new product, $3 SKU, $4 name, $5 description, $6 category, $7 price, $8 currency, $9 tax, $10 available of each line; $11 who does it.
 */
export const SAVE: Statement = {
  name: 'partner-product.save',
  text: `
with line as materialized (
  select l.*, p.id as product_id, p.id is not null and p.currency <> l.currency as is_other_currency,
    (p.name, p.description, p.category, p.price_minor, p.tax_basis_points) is distinct from (l.name, l.description, l.category, l.price_minor, l.tax_basis_points) as is_text_changed,
    l.available <> s.available as is_stock_changed, availability(l.available) <> availability(s.available) as is_availability_changed
  from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::int[], $10::int[])
    with ordinality as l(new_id, sku, name, description, category, price_minor, currency, tax_basis_points, available, n)
  left join ${BY_SKU('l.sku', '*')} p on true left join stock s on s.product_id = p.id),
made as (
  insert into product (id, seller_id, sku, name, description, category, price_minor, currency, tax_basis_points)
  select new_id, $1, sku, name, description, category, price_minor, currency, tax_basis_points from line where product_id is null
  returning id, seller_id, version),
made_stock as (
  insert into stock (product_id, available, initial) select new_id, coalesce(available, 0), coalesce(available, 0) from line where product_id is null),
restocked as (
  update stock s set available = l.available, restocked = s.restocked + l.available - s.available
  from line l where s.product_id = l.product_id and l.is_stock_changed and not l.is_other_currency),
changed as (
  update product p set name = l.name, description = l.description, category = l.category, price_minor = l.price_minor, tax_basis_points = l.tax_basis_points,
    version = p.version + 1, updated_at = now()
  from line l where p.id = l.product_id and not l.is_other_currency and (l.is_text_changed or l.is_availability_changed)
  returning p.id, p.seller_id, p.version),
told as (select * from made union all select * from changed),
events as (${changedEvent('$11')} from told)
select coalesce(l.product_id, l.new_id) as id, t.version,
  case when l.product_id is null then 'created' when l.is_other_currency then 'other_currency'
    when l.is_text_changed or l.is_stock_changed then 'changed' else 'unchanged' end as status
from line l left join told t on t.id = coalesce(l.product_id, l.new_id) order by l.n`,
}

export const FIND_STOCK: Statement = {
  name: 'partner-product.find-stock',
  text: `select t.available, t.held, t.sold from stock t join product p on p.id = t.product_id join seller s on s.id = p.seller_id
    where t.product_id = $1 and s.partner_id = $2`,
}
export const LOCK_ONE_STOCK: Statement = { name: 'partner-product.lock-one-stock', text: `${FIND_STOCK.text} for update of t` }

/** $1 product, $2 what is available from now on, $3 who says so. Answers the new version where the page has changed. */
export const SET_STOCK: Statement = {
  name: 'partner-product.set-stock',
  text: `with before as materialized (select product_id, available from stock where product_id = $1),
    put as (
      update stock s set available = $2, restocked = s.restocked + $2 - s.available where s.product_id = $1 returning s.product_id),
    changed as (
      update product p set version = p.version + 1, updated_at = now() from before b
      where p.id = b.product_id and availability(b.available) <> availability($2) returning p.id, p.seller_id, p.version),
    event as (${changedEvent('$3')} from changed)
    select c.version from put left join changed c on c.id = put.product_id`,
}
