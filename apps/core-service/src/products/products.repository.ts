import { Injectable } from '@nestjs/common'
import { idOf, newId, uuidOf, type Currency, type PartnerId, type ProductId, type SellerId } from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'
import { currentActor } from '@catamaran/platform'
import {
  CHANGE,
  FIND,
  FIND_STOCK,
  IS_SKU_TAKEN,
  LIST,
  LIST_BY_STATUS,
  LOCK,
  LOCK_ONE_STOCK,
  LOCK_STOCK,
  SAVE,
  SET_STOCK,
} from './products.sql.js'
import type { NewProduct, PartnerProduct, ProductStatus, Stock } from './products.schema.js'

interface ProductRow {
  id: string
  seller_id: string
  sku: string | null
  name: string
  description: string
  category: string
  price_minor: number
  currency: string
  tax_basis_points: number
  status: ProductStatus
  version: number
  created_at: Date
  updated_at: Date
}

/** What became of one product that was saved. `version` tells that its page has changed. */
export interface Saved {
  readonly id: ProductId
  readonly status: 'created' | 'changed' | 'unchanged' | 'other_currency'
  readonly version: number | null
}
/** A product to save. Without `available` what is there stays. */
export type ProductLine = Omit<NewProduct, 'available'> & { readonly available?: number | undefined }

const productOf = (row: ProductRow): PartnerProduct => ({
  id: idOf('product', row.id),
  sellerId: idOf('seller', row.seller_id),
  sku: row.sku,
  name: row.name,
  description: row.description,
  category: row.category,
  price: { amountMinor: row.price_minor, currency: row.currency as Currency },
  taxBasisPoints: row.tax_basis_points,
  status: row.status,
  version: row.version,
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString(),
})

/** A partner's own seller: the one with its UUID. */
const ownSeller = (partnerId: PartnerId): string => uuidOf(partnerId)

/** Products as their partner writes them. What takes a transaction is called while the partner is held (SellersRepository). */
@Injectable()
export class ProductsRepository {
  constructor(private readonly database: Database) {}

  async find(partnerId: PartnerId, id: ProductId, tx: Queryable = this.database): Promise<PartnerProduct | undefined> {
    const [row] = await tx.query<ProductRow>(FIND, [uuidOf(id), uuidOf(partnerId)])
    return row && productOf(row)
  }

  /** The same, and it stays as it is until the end of the transaction. */
  async lock(tx: Queryable, partnerId: PartnerId, id: ProductId): Promise<PartnerProduct | undefined> {
    const [row] = await tx.query<ProductRow>(LOCK, [uuidOf(id), uuidOf(partnerId)])
    return row && productOf(row)
  }

  /** Newest first, after the one that `after` names. */
  async list(
    partnerId: PartnerId,
    { status, after, limit }: { status: ProductStatus | undefined; after: ProductId | undefined; limit: number },
  ): Promise<PartnerProduct[]> {
    const values = [uuidOf(partnerId), after && uuidOf(after), limit]
    const rows =
      status === undefined
        ? await this.database.query<ProductRow>(LIST, values)
        : await this.database.query<ProductRow>(LIST_BY_STATUS, [...values, status])
    return rows.map(productOf)
  }

  /** Whether another product of the seller has the SKU; by default of the partner's own seller. */
  async isSkuTaken(tx: Queryable, seller: PartnerId | SellerId, sku: string, by?: ProductId): Promise<boolean> {
    return (await tx.query(IS_SKU_TAKEN, [uuidOf(seller), sku, by && uuidOf(by)])).length > 0
  }

  /** Writes a locked product as it is to be, with its event. Answers it with its new version. */
  async change(tx: Queryable, product: PartnerProduct): Promise<PartnerProduct> {
    const { id, sku, name, description, category, price, taxBasisPoints, status } = product
    const [row] = await tx.query<ProductRow>(CHANGE, [
      ...[uuidOf(id), sku, name, description, category, price.amountMinor, taxBasisPoints, status, currentActor()],
    ])
    return productOf(row as ProductRow)
  }

  /** Makes or changes products of the partner's own seller, by SKU: each once at most. In the order of the lines. */
  async save(tx: Queryable, partnerId: PartnerId, lines: readonly ProductLine[]): Promise<Saved[]> {
    const skus = lines.flatMap(({ sku }) => sku ?? [])
    if (skus.length > 0) await tx.query(LOCK_STOCK, [ownSeller(partnerId), skus])
    const rows = await tx.query<{ id: string; status: Saved['status']; version: number | null }>(SAVE, [
      ownSeller(partnerId),
      lines.map(() => uuidOf(newId('product'))),
      lines.map(({ sku }) => sku),
      lines.map(({ name }) => name),
      lines.map(({ description }) => description),
      lines.map(({ category }) => category),
      lines.map(({ priceMinor }) => priceMinor),
      lines.map(({ currency }) => currency),
      lines.map(({ taxBasisPoints }) => taxBasisPoints),
      lines.map(({ available }) => available),
      currentActor(),
    ])
    return rows.map(({ id, status, version }) => ({ id: idOf('product', id), status, version }))
  }

  async findStock(partnerId: PartnerId, id: ProductId): Promise<Stock | undefined> {
    return (await this.database.query<Stock>(FIND_STOCK, [uuidOf(id), uuidOf(partnerId)]))[0]
  }

  async lockStock(tx: Queryable, partnerId: PartnerId, id: ProductId): Promise<Stock | undefined> {
    return (await tx.query<Stock>(LOCK_ONE_STOCK, [uuidOf(id), uuidOf(partnerId)]))[0]
  }

  /** Sets what is available of a product whose stock is locked. Answers its new version where its page has changed. */
  async setStock(tx: Queryable, id: ProductId, available: number): Promise<number | undefined> {
    const [row] = await tx.query<{ version: number | null }>(SET_STOCK, [uuidOf(id), available, currentActor()])
    return row?.version ?? undefined
  }
}
