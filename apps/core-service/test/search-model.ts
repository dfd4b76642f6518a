import { newId, uuidOf, type ProductId, type SellerId } from '@catamaran/contracts'
import type { Database } from '@catamaran/data'
import fc from 'fast-check'
import { MOST_WALKED } from '../src/catalogue/search.sql.js'

const COUNT = MOST_WALKED + 600
const CATEGORIES = ['kitchen', 'lighting', 'tea', 'tools']
export const SELLERS = Array.from({ length: 12 }, () => newId('seller'))

export interface Made {
  id: ProductId
  seller: SellerId
  category: string
  name: string
  currency: 'EUR' | 'USD'
  price: number
  available: number
  createdMs: number
}
/** The catalogue of search.spec.ts: ties in price and time, words from every product's to one product's, and the only sold-out piece of tea is the oldest. */
export const made: Made[] = Array.from({ length: COUNT }, (_, n) => ({
  id: newId('product'),
  seller: SELLERS[n % 3 === 0 ? 0 : n % 12] as SellerId,
  category: CATEGORIES[n % 4] as string,
  name: ['thing', n % 4 === 2 ? 'oak' : 'brass', n % 7 === 0 ? 'lamp' : 'bowl', n % 90 === 2 ? 'zebra' : '', n === 77 ? 'unique' : '']
    .filter(Boolean)
    .join(' '),
  currency: n % 10 === 0 ? 'USD' : 'EUR',
  price: 100 + ((n * 37) % 400) * 50,
  available: n === 2 || (n % 4 !== 2 && n % 9 === 0) ? 0 : n % 5 === 0 ? 3 : 50,
  createdMs: Date.parse('2026-01-01') + Math.floor(n / 3) * 1000,
}))

/** Writes the catalogue to a database. */
export async function insertCatalogue(database: Database): Promise<void> {
  const run = (text: string, values: unknown[]) => database.query({ name: '', text }, values)
  await run(
    "insert into seller (id, name, slug) select id, 'Seller ' || n, 'seller-' || n from unnest($1::uuid[]) with ordinality as s(id, n)",
    [SELLERS.map(uuidOf)],
  )
  await run(
    `with line as (select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[], $8::int[])
        as l(id, seller_id, category, name, currency, price_minor, created_at, available)),
      p as (insert into product (id, seller_id, category, name, description, currency, price_minor, created_at)
        select id, seller_id, category, name, '', currency, price_minor, created_at from line)
    insert into stock (product_id, available, initial) select id, available, available from line`,
    [
      ...[
        made.map(({ id }) => uuidOf(id)),
        made.map(({ seller }) => uuidOf(seller)),
        made.map(({ category }) => category),
        made.map(({ name }) => name),
      ],
      ...[
        made.map(({ currency }) => currency),
        made.map(({ price }) => price),
        made.map(({ createdMs }) => new Date(createdMs)),
        made.map(({ available }) => available),
      ],
    ],
  )
  await run('analyze product, stock, seller', [])
}

export type Query = Record<string, string | number | undefined>
const availabilityOf = ({ available }: Made): string => (available === 0 ? 'sold_out' : available <= 5 ? 'low_stock' : 'in_stock')
export const FITS: Record<string, (product: Made, value: string | number) => boolean> = {
  q: ({ name }, value) =>
    String(value)
      .split(' ')
      .every((word) => name.split(' ').includes(word)),
  category: ({ category }, value) => category === value,
  seller: ({ seller }, value) => seller === value,
  currency: ({ currency }, value) => currency === value,
  minPriceMinor: ({ price }, value) => price >= Number(value),
  maxPriceMinor: ({ price }, value) => price <= Number(value),
  availability: (product, value) => availabilityOf(product) === value,
}
export const hitsOf = (query: Query): Made[] =>
  made.filter((product) =>
    Object.entries(query).every(([filter, value]) => value === undefined || (FITS[filter]?.(product, value) ?? true)),
  )
const BY: Record<string, (a: Made, b: Made) => number> = {
  newest: (a, b) => b.createdMs - a.createdMs || (a.id < b.id ? 1 : -1),
  price: (a, b) => a.price - b.price || (a.id < b.id ? -1 : 1),
  '-price': (a, b) => b.price - a.price || (a.id < b.id ? 1 : -1),
}
export const ordered = (query: Query): ProductId[] =>
  hitsOf(query)
    .toSorted(BY[String(query['sort'] ?? 'newest')])
    .map(({ id }) => id)

const optional = <T>(...values: T[]) => fc.option(fc.constantFrom(...values), { nil: undefined })
export const queries = fc
  .record({
    q: optional('oak', 'lamp', 'zebra', 'unique', 'thing', 'oak lamp', 'oak brass'),
    category: optional(...CATEGORIES),
    seller: optional(...SELLERS),
    availability: optional('in_stock', 'low_stock', 'sold_out'),
    currency: optional('EUR', 'USD'),
    prices: optional([1_000, undefined], [undefined, 4_999], [2_000, 9_999]),
    sort: fc.constantFrom('newest', 'price', '-price'),
  })
  .map(({ prices, currency, sort, ...rest }) => {
    const [minPriceMinor, maxPriceMinor] = prices ?? []
    return {
      ...rest,
      sort,
      minPriceMinor,
      maxPriceMinor,
      currency: currency ?? (prices === undefined && sort === 'newest' ? undefined : ('EUR' as const)),
    }
  })
