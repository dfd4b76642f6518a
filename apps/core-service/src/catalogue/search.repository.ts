import { Inject, Injectable } from '@nestjs/common'
import { idOf, uuidOf, type Currency, type ProductId } from '@catamaran/contracts'
import { Database, type DatabaseOptions } from '@catamaran/data'
import { productOf, type ProductRow } from './catalogue.repository.js'
import type { Facet, Facets, Filters, Product } from './catalogue.schema.js'
import {
  facetsOf,
  MOST_HITS,
  MOST_RANKED,
  MOST_WALKED,
  PRICE_BOUNDS,
  RANKED,
  SORTED,
  WALKED,
  WALKED_IN_CATEGORY,
  type Order,
} from './search.sql.js'

export const SEARCH_DATABASE = Symbol('the database as searches reach it')
/**
 * Anybody may search, and the index builds the whole set of hits first, so a word that every product has costs time by the size of the catalogue. Searches therefore have a
 * few connections of their own and little time: whatever is asked, orders find theirs free.
 */
export const searchDatabase = (options: DatabaseOptions): Database =>
  new Database({ ...options, connections: 4, statementTimeoutMs: 2_000, applicationName: 'core-service search', pool: 'search' })

/** What ts_rank_cd divides a rank by, as a number of PostgreSQL's: nothing, or 1 + the logarithm of the text's length. */
const NORMALISATION = { coverage: 0, focused: 1 }
export type Ranking = keyof typeof NORMALISATION

/** The place of a product in its order: the sort key and the id. */
export type Place = readonly [key: string | number, id: ProductId]
/** Some products in order, and after which place the next ones come, if there are any. */
export interface Found {
  readonly items: Product[]
  readonly end: Place | undefined
}
interface Row extends ProductRow {
  key: string | number | Date
}
interface FacetRow {
  facet: Facet | null
  value: string
  currency: Currency
  name: string
  count: number
}
export interface PageAsked {
  readonly after: Place | undefined
  readonly limit: number
}

const placeOf = ({ key, id }: Row): Place => [key instanceof Date ? key.toISOString() : key, idOf('product', id)]
const itemOf = (row: Row): Product => productOf(row).product
const mostHits = ({ availability, minPriceMinor, maxPriceMinor }: Filters): number =>
  [availability, minPriceMinor, maxPriceMinor].every((filter) => filter === undefined) ? MOST_HITS.plain : MOST_HITS.filtered

/** $1 to $8 of every statement; `lookedAt` is how many hits it looks into at most. */
const valuesOf = ({ q, category, seller, currency, minPriceMinor, maxPriceMinor, availability }: Filters, lookedAt: number): unknown[] => [
  ...[availability, currency, minPriceMinor, maxPriceMinor, lookedAt, q, category],
  seller && uuidOf(seller),
]
/** $9 to $11: one row more than the page has tells whether there is another. */
const pageValues = ({ after, limit }: PageAsked): unknown[] => [after?.[0], after && uuidOf(after[1]), limit + 1]

/** Cuts the one row too many. */
const cut = (rows: readonly Row[], limit: number): Found => {
  const last = rows.length > limit ? rows[limit - 1] : undefined
  return { items: rows.slice(0, limit).map(itemOf), end: last && placeOf(last) }
}

/** Products as a shop's front end asks for them. Each statement's work has a bound, whatever is asked. */
@Injectable()
export class SearchRepository {
  constructor(@Inject(SEARCH_DATABASE) private readonly database: Database) {}

  /** Best match first, of the hits that are ranked. */
  async listRanked(filters: Filters, page: PageAsked, ranking: Ranking): Promise<Found> {
    const most = mostHits(filters)
    const values = valuesOf(filters, most === MOST_HITS.plain ? MOST_RANKED : most)
    return cut(await this.database.query<Row>(RANKED, [...values, ...pageValues(page), NORMALISATION[ranking]]), page.limit)
  }

  /** In order, of the hits of a word or of a seller's products; undefined where these are too many to be sorted. */
  async listSorted(filters: Filters, order: Order, page: PageAsked): Promise<Found | undefined> {
    const most = mostHits(filters)
    const rows = await this.database.query<Row & { looked_at: number; id: string | null }>(SORTED[order], [
      ...valuesOf(filters, most + 1),
      ...pageValues(page),
    ])
    if ((rows[0]?.looked_at ?? 0) > most) return undefined
    return cut(
      rows.filter(({ id }) => id !== null),
      page.limit,
    )
  }

  /** In order, going through all products. A page may hold fewer than were asked for, even none, and still have an end to go on after. */
  async listWalked(filters: Filters, order: Order, page: PageAsked): Promise<Found> {
    const statement = (filters.category === undefined ? WALKED : WALKED_IN_CATEGORY)[order]
    const rows = await this.database.query<Row & { n: number; is_hit: boolean }>(statement, [
      ...valuesOf(filters, MOST_WALKED),
      ...pageValues(page),
    ])
    const found = cut(
      rows.filter((row) => row.is_hit),
      page.limit,
    )
    const last = rows.at(-1)
    return found.end === undefined && last?.n === MOST_WALKED ? { ...found, end: placeOf(last) } : found
  }

  /** How many products that fit have each value of these facets. */
  async countFacets(filters: Filters, facets: readonly Facet[]): Promise<Facets> {
    const isNarrowed = [filters.q, filters.category, filters.seller].some((filter) => filter !== undefined)
    const most = isNarrowed ? mostHits(filters) : MOST_HITS.plain
    const values = valuesOf(filters, most + 1).slice(0, isNarrowed ? 8 : 4)
    // In whatever order they are asked for, it is one statement.
    const rows = await this.database.query<FacetRow>(facetsOf(facets.toSorted(), isNarrowed), values)
    const isExact = (rows.find(({ facet }) => facet === null)?.count ?? 0) <= most
    const counted = facets.map((asked) => [asked, { isExact, values: rows.filter(({ facet }) => facet === asked).map(VALUE_OF[asked]) }])
    return Object.fromEntries(counted) as Facets
  }
}

const VALUE_OF: Record<Facet, (row: FacetRow) => object> = {
  category: ({ value, count }) => ({ category: value, count }),
  seller: ({ value, name, count }) => ({ seller: idOf('seller', value), name, count }),
  price: ({ value, currency, count }) => {
    const [from, below] = [PRICE_BOUNDS[Number(value) - 1] ?? 0, PRICE_BOUNDS[Number(value)]]
    return { currency, minPriceMinor: from, ...(below !== undefined && { maxPriceMinor: below - 1 }), count }
  },
  availability: ({ value, count }) => ({ availability: value, count }),
}
