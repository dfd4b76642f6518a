import { Injectable } from '@nestjs/common'
import { idOf, uuidOf, type Currency, type ProductId } from '@catamaran/contracts'
import { Database, type Statement } from '@catamaran/data'
import type { Product } from './catalogue.schema.js'

interface ProductRow {
  id: string
  name: string
  description: string
  category: string
  seller_id: string
  seller_name: string
  shipping_minor: number
  tax_basis_points: number
  price_minor: number
  currency: string
  availability: Product['availability']
  version: number
  created_at: Date
  updated_at: Date
  rank?: number
}

const COLUMNS = `p.id, p.name, p.description, p.category, p.seller_id, s.name as seller_name, s.shipping_minor, p.price_minor, p.tax_basis_points, p.currency,
  availability(st.available) as availability, p.version, p.created_at, p.updated_at`
const FROM = `product p join seller s on s.id = p.seller_id join stock st on st.product_id = p.id`

const BY_IDS: Statement = {
  name: 'products-by-ids',
  text: `select ${COLUMNS} from ${FROM} where p.id = any($1::uuid[]) and p.status = 'active'`,
}
const NEWEST: Statement = {
  name: 'products-newest',
  text: `select ${COLUMNS} from ${FROM} where p.status = 'active' and ($1::timestamptz is null or (p.created_at, p.id) < ($1, $2::uuid))
    order by p.created_at desc, p.id desc limit $3`,
}
const NEWEST_IN_CATEGORY: Statement = {
  name: 'products-newest-in-category',
  text: `select ${COLUMNS} from ${FROM} where p.status = 'active' and p.category = $4 and ($1::timestamptz is null or (p.created_at, p.id) < ($1, $2::uuid))
    order by p.created_at desc, p.id desc limit $3`,
}
/** What ts_rank_cd divides a rank by, as a number of PostgreSQL's: nothing, or 1 + the logarithm of the text's length. */
const NORMALISATION = { coverage: 0, focused: 1 }
export type Ranking = keyof typeof NORMALISATION

// The rank is computed once for each hit, and compared as the double that the cursor carries.
const SEARCH: Statement = {
  name: 'products-search',
  text: `with page as (
      select id, rank from product_hits($1, $2, $6) where $3::float8 is null or (rank, id) < ($3, $4::uuid) order by rank desc, id desc limit $5)
    select ${COLUMNS}, page.rank from page join product p on p.id = page.id join seller s on s.id = p.seller_id join stock st on st.product_id = p.id
    order by page.rank desc, page.id desc`,
}

/** A product as its page shows it, with the version that page has. */
export interface VersionedProduct {
  product: Product
  version: number
  rank?: number | undefined
  /** What its seller takes for shipping an order. */
  shippingMinor: number
  taxBasisPoints: number
}

const productOf = (row: ProductRow): VersionedProduct => ({
  product: {
    id: idOf('product', row.id),
    name: row.name,
    description: row.description,
    category: row.category,
    seller: { id: idOf('seller', row.seller_id), name: row.seller_name },
    price: { amountMinor: row.price_minor, currency: row.currency as Currency },
    availability: row.availability,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  },
  version: row.version,
  shippingMinor: row.shipping_minor,
  taxBasisPoints: row.tax_basis_points,
  rank: row.rank,
})

@Injectable()
export class CatalogueRepository {
  constructor(private readonly database: Database) {}

  /** The products of these ids that are for sale, in no order. */
  async findByIds(ids: readonly ProductId[]): Promise<VersionedProduct[]> {
    return (await this.database.query<ProductRow>(BY_IDS, [ids.map(uuidOf)])).map(productOf)
  }

  /** Newest first, after the product that `after` names (its creation time and id). */
  async listNewest(
    category: string | undefined,
    after: readonly [string, ProductId] | undefined,
    limit: number,
  ): Promise<VersionedProduct[]> {
    const values = [after?.[0], after && uuidOf(after[1]), limit]
    const rows =
      category === undefined
        ? await this.database.query<ProductRow>(NEWEST, values)
        : await this.database.query<ProductRow>(NEWEST_IN_CATEGORY, [...values, category])
    return rows.map(productOf)
  }

  /** Best match first among a thousand hits, after the hit that `after` names (its rank and id). */
  async search(
    query: string,
    category: string | undefined,
    after: readonly [number, ProductId] | undefined,
    limit: number,
    ranking: Ranking,
  ): Promise<VersionedProduct[]> {
    const values = [query, category, after?.[0], after && uuidOf(after[1]), limit, NORMALISATION[ranking]]
    const rows = await this.database.query<ProductRow>(SEARCH, values)
    return rows.map(productOf)
  }
}
