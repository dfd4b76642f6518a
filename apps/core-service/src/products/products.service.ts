import { Injectable } from '@nestjs/common'
import { decodeCursor, encodeCursor, type Page, type PartnerId, type ProductId as ProductIdType } from '@catamaran/contracts'
import type { Outcome } from '@catamaran/messaging'
import { AppError } from '@catamaran/platform'
import { z } from 'zod'
import { requireMatch } from './if-match.js'
import { PartnerWrites } from './partner-writes.js'
import { ProductsRepository } from './products.repository.js'
import {
  ProductId,
  type ChangeProduct,
  type NewProduct,
  type PartnerProduct,
  type PartnerProductQuery,
  type ProductStatus,
} from './products.schema.js'

const Cursor = z.tuple([ProductId])

/** The strong validator of a product. */
export const etagOf = ({ version }: Pick<PartnerProduct, 'version'>): string => `"${version}"`

/** What a partner puts up for sale. An order keeps the price and the hold that it was placed with, whatever happens here afterwards. */
@Injectable()
export class ProductsService {
  constructor(
    private readonly repository: ProductsRepository,
    private readonly writes: PartnerWrites,
  ) {}

  /** @throws AppError catalogue.product-not-found, also for another partner's */
  async read(partnerId: PartnerId, id: ProductIdType): Promise<PartnerProduct> {
    return found(await this.repository.find(partnerId, id))
  }

  async list(partnerId: PartnerId, { status, cursor, limit }: PartnerProductQuery): Promise<Page<PartnerProduct>> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor, Cursor)?.[0]
    if (cursor !== undefined && after === undefined) throw new AppError('request.invalid-cursor')
    const rows = await this.repository.list(partnerId, { status, after, limit: limit + 1 })
    const items = rows.slice(0, limit)
    const last = items.at(-1)
    return { items, nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.id]) : null }
  }

  /** @throws AppError catalogue.sku-taken, partners.not-active, and those of `Idempotency.once` */
  create(partnerId: PartnerId, key: string | undefined, body: NewProduct): Promise<Outcome<PartnerProduct, PartnerProduct>> {
    return this.writes.once(partnerId, { operation: 'products.create', key, request: body }, async (tx) => {
      if (body.sku !== undefined && (await this.repository.isSkuTaken(tx, partnerId, body.sku))) throw new AppError('catalogue.sku-taken')
      const [saved] = await this.repository.save(tx, partnerId, [body])
      // No cache can hold what was just made.
      return { result: found(saved && (await this.repository.find(partnerId, saved.id, tx))), changed: [] }
    })
  }

  /** @throws AppError catalogue.product-not-found, request.precondition-required, request.precondition-failed, catalogue.sku-taken, partners.not-active */
  change(partnerId: PartnerId, id: ProductIdType, ifMatch: string | undefined, change: ChangeProduct): Promise<PartnerProduct> {
    return this.write(partnerId, id, (product) => {
      requireMatch(ifMatch, etagOf(product))
      const { priceMinor = product.price.amountMinor, ...rest } = change
      return { ...product, ...rest, price: { ...product.price, amountMinor: priceMinor } }
    })
  }

  /** The same again changes nothing. @throws AppError catalogue.product-not-found, partners.not-active */
  setStatus(partnerId: PartnerId, id: ProductIdType, status: Exclude<ProductStatus, 'suspended'>): Promise<PartnerProduct> {
    return this.write(partnerId, id, (product) => ({ ...product, status }))
  }

  private async write(partnerId: PartnerId, id: ProductIdType, next: (product: PartnerProduct) => PartnerProduct): Promise<PartnerProduct> {
    await this.read(partnerId, id) // somebody else's is not there, whatever the caller's own status
    return this.writes.run(partnerId, async (tx) => {
      const product = found(await this.repository.lock(tx, partnerId, id))
      const wanted = next(product)
      if (isSame(product, wanted)) return { result: product, changed: [] }
      if (wanted.sku !== null && (await this.repository.isSkuTaken(tx, product.sellerId, wanted.sku, id)))
        throw new AppError('catalogue.sku-taken')
      const result = await this.repository.change(tx, wanted)
      return { result, changed: [[id, result.version]] }
    })
  }
}

const isSame = (one: PartnerProduct, other: PartnerProduct): boolean => JSON.stringify(one) === JSON.stringify(other)

const found = (product: PartnerProduct | undefined): PartnerProduct => {
  if (product === undefined) throw new AppError('catalogue.product-not-found')
  return product
}
