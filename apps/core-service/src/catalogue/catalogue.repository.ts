import { Injectable } from '@nestjs/common'
import { idOf, uuidOf, type Currency, type ProductId } from '@catamaran/contracts'
import { Database, type Statement } from '@catamaran/data'
import type { Product } from './catalogue.schema.js'

export interface ProductRow {
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
}

/** What a `ProductRow` holds, of a product `p`, its seller `s` and its stock `st`. */
export const COLUMNS = `p.id, p.name, p.description, p.category, p.seller_id, s.name as seller_name, s.shipping_minor, p.price_minor, p.tax_basis_points, p.currency,
  availability(st.available) as availability, p.version, p.created_at, p.updated_at`

const FOR_SALE = `select ${COLUMNS} from product p join seller s on s.id = p.seller_id join stock st on st.product_id = p.id where p.status = 'active'`

// Of one id PostgreSQL keeps the plan; of a list it makes one each time, which reads more than the product.
const BY_ID: Statement = { name: 'product-by-id', text: `${FOR_SALE} and p.id = $1` }
const BY_IDS: Statement = { name: 'products-by-ids', text: `${FOR_SALE} and p.id = any($1::uuid[])` }
/** A product as its page shows it, with the version that page has. */
export interface VersionedProduct {
  product: Product
  version: number
  /** What its seller takes for shipping an order. */
  shippingMinor: number
  taxBasisPoints: number
}

export const productOf = (row: ProductRow): VersionedProduct => ({
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
})

@Injectable()
export class CatalogueRepository {
  constructor(private readonly database: Database) {}

  /** The product of this id if it is for sale. */
  async findById(id: ProductId): Promise<VersionedProduct | undefined> {
    return (await this.database.query<ProductRow>(BY_ID, [uuidOf(id)])).map(productOf)[0]
  }

  /** The products of these ids that are for sale, in no order. */
  async findByIds(ids: readonly ProductId[]): Promise<VersionedProduct[]> {
    return (await this.database.query<ProductRow>(BY_IDS, [ids.map(uuidOf)])).map(productOf)
  }
}
