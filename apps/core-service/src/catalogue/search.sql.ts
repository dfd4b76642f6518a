import type { Statement } from '@catamaran/data'
import { COLUMNS } from './catalogue.repository.js'
import type { Facet } from './catalogue.schema.js'

/** Products that a statement looks into at most, whatever is asked, where it goes through them in the order they are listed in. */
export const MOST_WALKED = 5_000
/** Hits that are looked into at most, to count or to sort them. Of those that the index finds, a filter for price or availability may leave few: then more. */
export const MOST_HITS = { plain: 1_000, filtered: 4_000 } as const
/** Hits that are ranked at most. */
export const MOST_RANKED = 150
/** Values that a facet tells at most, the most frequent ones. */
const MOST_VALUES = 100
/** Where each price range but the first begins, in minor units. */
export const PRICE_BOUNDS = [500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000] as const

// What is asked for has the same number in every statement:
// $1 availability, $2 currency, $3 least and $4 highest price; $5 how many hits are looked into at most, one more tells that there are more;
// $6 words, $7 category, $8 seller; $9 sort key and $10 id after which the page begins, $11 rows; $12 normalisation of the rank.
// A stock is looked up row by row, and only when it matters: joined, the planner might read all of it. So is the query of the words made once, not for each row.
const STOCK_OF_P = '(select availability(available) from stock where product_id = p.id)'
const QUERY = `(select websearch_to_tsquery('english', $6::text))`
const PRICE_AND_STOCK = `($2::text is null or p.currency = $2) and ($3::bigint is null or p.price_minor >= $3) and ($4::bigint is null or p.price_minor <= $4)
    and ($1::text is null or ${STOCK_OF_P} = $1)`
const ALL_FILTERS = `($7::text is null or p.category = $7) and ($8::uuid is null or p.seller_id = $8) and ($6::text is null or p.search @@ ${QUERY}) and ${PRICE_AND_STOCK}`
const SCANNED = 'scanned as materialized (select * from matching_products($6::text, $7::text, $8::uuid, $5::int))'
const LAST_ID = `'ffffffff-ffff-ffff-ffff-ffffffffffff'`
const ANY_PRICE = `${Number.MAX_SAFE_INTEGER}`

/**
 * Of each order its key, its direction, and where the page begins: behind the cursor, else at the filter's bound. An index is entered there, and it takes one bound at each end only:
 * `within` is the other one.
 */
const ORDERS = {
  newest: {
    key: 'created_at',
    way: 'desc',
    after: `< (coalesce($9::timestamptz, 'infinity'), coalesce($10::uuid, ${LAST_ID}))`,
    within: '',
  },
  price: {
    ...{ key: 'price_minor', way: 'asc', after: `> (coalesce($9::bigint, $3::bigint - 1, -1), coalesce($10::uuid, ${LAST_ID}))` },
    within: `and currency = $2::text and price_minor <= coalesce($4::bigint, ${ANY_PRICE})`,
  },
  '-price': {
    ...{ key: 'price_minor', way: 'desc', after: `< (coalesce($9::bigint, $4::bigint, ${ANY_PRICE}), coalesce($10::uuid, ${LAST_ID}))` },
    within: `and currency = $2::text and price_minor >= coalesce($3::bigint, 0)`,
  },
} as const
export type Order = keyof typeof ORDERS

// With `offset 0` a row is looked up for each row: the planner, which can't know how few there are, would else read whole tables.
const SELLER_AND_STOCK = `cross join lateral (select * from seller where id = p.seller_id offset 0) s
      cross join lateral (select * from stock where product_id = p.id offset 0) st`
// Within a statement a row stays where it is, so its place finds it with one page read.
const PRODUCTS_OF_PAGE = `page cross join lateral (select * from product where ctid = page.place offset 0) p ${SELLER_AND_STOCK}`

/**
 * Best match first, of the first hits there are: those by name, and where they are too few, others. The index of all words is not read unless it is needed.
 */
export const RANKED: Statement = {
  name: 'products-ranked',
  text: `with hits as (
      select p.* from products_named($6::text, $7::text, $8::uuid, $5::int) p where ${PRICE_AND_STOCK}
      union all
      select p.* from matching_products($6::text, $7::text, $8::uuid, $5::int) p where not ts_filter(p.search, '{a}') @@ ${QUERY} and ${PRICE_AND_STOCK}
      limit ${MOST_RANKED}),
    ranked as (select place, id, ts_rank_cd(search, ${QUERY}, $12::int)::float8 as key from hits),
    page as (select * from ranked where $9::float8 is null or (key, id) < ($9, $10::uuid) order by key desc, id desc limit $11::int)
    select ${COLUMNS}, page.key from ${PRODUCTS_OF_PAGE}
    order by page.key desc, page.id desc`,
}

/** All hits in order, where there are few enough: `looked_at` tells of how many. There is always a row; without an id it is no product. */
const sorted = (order: Order): Statement => {
  const { key, way, after } = ORDERS[order]
  return {
    name: `products-sorted-${order}`,
    text: `with ${SCANNED},
    page as (select place, id, ${key} as key from scanned p where ${PRICE_AND_STOCK} and (${key}, id) ${after} order by ${key} ${way}, id ${way} limit $11::int),
    product_page as (
      select ${COLUMNS}, page.key from ${PRODUCTS_OF_PAGE})
    select c.looked_at, x.* from (select count(*)::int as looked_at from scanned) c left join product_page x on true order by x.key ${way}, x.id ${way}`,
  }
}

/**
 * Goes through the products in order, by an index, and keeps what fits. Whether it fits or not, the last one looked at is told too (`n`): there the next
 * page begins.
 */
const walked = (order: Order, inCategory: boolean): Statement => {
  const { key, way, after, within } = ORDERS[order]
  const where = `status = 'active' ${inCategory ? 'and category = $7::text' : ''} and (${key}, id) ${after} ${within}`
  return {
    name: `products-walked-${order}${inCategory ? '-in-category' : ''}`,
    text: `with walked as (
      select *, row_number() over (order by ${key} ${way}, id ${way}) as n from product where ${where} order by ${key} ${way}, id ${way} limit ${MOST_WALKED}),
    page as (
      select p.*, ${ALL_FILTERS} as is_hit from walked p where n = $5::int or (${ALL_FILTERS}) order by ${key} ${way}, id ${way} limit $11::int)
    select ${COLUMNS}, p.${key} as key, p.n::int, p.is_hit from page p ${SELLER_AND_STOCK}
    order by p.${key} ${way}, p.id ${way}`,
  }
}

const forEachOrder = (make: (order: Order) => Statement): Record<Order, Statement> => ({
  newest: make('newest'),
  price: make('price'),
  '-price': make('-price'),
})
export const SORTED = forEachOrder(sorted)
export const WALKED = forEachOrder((order) => walked(order, false))
export const WALKED_IN_CATEGORY = forEachOrder((order) => walked(order, true))

const NEWEST = `scanned as materialized (select * from product where status = 'active' order by created_at desc, id desc limit ${MOST_HITS.plain + 1})`
const VALUES: Record<Facet, string> = {
  category: `select 'category' as facet, category as value, null as currency, null as name, count(*)::int as count from hits group by category`,
  seller: `select 'seller', h.seller_id::text, null, s.name, h.count from (select seller_id, count(*)::int as count from hits group by seller_id) h
    cross join lateral (select name from seller where id = h.seller_id offset 0) s`,
  price: `select 'price', width_bucket(price_minor, array[${PRICE_BOUNDS.join(', ')}]::bigint[])::text, currency, null, count(*)::int from hits group by 2, 3`,
  availability: `select 'availability', availability, null, null, count(*)::int from hits group by availability`,
}

/** How many of the hits have each value, for one or more facets. The row without a facet tells how many hits were looked into. */
export const facetsOf = (facets: readonly Facet[], isNarrowed: boolean): Statement => ({
  name: `product-facets-${isNarrowed ? '' : 'newest-'}${facets.join('-')}`,
  text: `with ${isNarrowed ? SCANNED : NEWEST},
    hits as materialized (
      select p.category, p.seller_id, p.price_minor, p.currency${facets.includes('availability') ? `, ${STOCK_OF_P} as availability` : ''} from scanned p where ${PRICE_AND_STOCK})
    select null as facet, null as value, null as currency, null as name, count(*)::int as count from scanned
    ${facets.map((facet) => `union all (${VALUES[facet]} order by 5 desc, 2 limit ${MOST_VALUES})`).join('\n    ')}`,
})
