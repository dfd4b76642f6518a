import { Injectable } from '@nestjs/common'
import { decodeCursor, encodeCursor, idSchema, type Page, type ProductId } from '@catamaran/contracts'
import { Flags } from '@catamaran/flags'
import { AppError } from '@catamaran/platform'
import { z } from 'zod'
import { CatalogueRepository, type VersionedProduct } from './catalogue.repository.js'
import type { Product, ProductQuery } from './catalogue.schema.js'
import { ProductCache, type CachedProduct } from './product-cache.js'

// PostgreSQL knows no year 0.
const NewestCursor = z.tuple([z.iso.datetime({ precision: 3 }).refine((time) => time >= '0001'), idSchema('product')])
// A rank is only comparable with ranks of its own kind: the pages of one search keep the ranking of the first, whatever the flag says by then.
const RankCursor = z.tuple([z.number(), idSchema('product'), z.enum(['coverage', 'focused'])])

/** Searches at once, anybody's: they wait for connections to the database, which orders need too, and each takes its time. */
const MAX_SEARCHES = 32

@Injectable()
export class CatalogueService {
  private searches = 0
  private readonly loading = new Map<ProductId, Promise<CachedProduct>>()

  constructor(
    private readonly repository: CatalogueRepository,
    private readonly cache: ProductCache,
    private readonly flags: Flags,
  ) {}

  /**
   * The page of a product as bytes: at once when this process has it, else by one shared load. With the database away the last known page
   * is given, stale. @throws AppError catalogue.product-not-found
   */
  page(id: ProductId): CachedProduct | Promise<CachedProduct> {
    const held = this.cache.get(id)
    if (held !== undefined && held.freshUntil > Date.now()) return held
    let load = this.loading.get(id)
    if (load === undefined) {
      load = this.load(id, held).finally(() => this.loading.delete(id))
      this.loading.set(id, load)
    }
    return load
  }

  /** The products of these ids that are for sale, by id; those that were withdrawn are missing. */
  async findProducts(ids: readonly ProductId[]): Promise<Map<ProductId, VersionedProduct>> {
    const found = ids.length === 0 ? [] : await this.repository.findByIds(ids)
    return new Map(found.map((each) => [each.product.id, each]))
  }

  /** @throws AppError request.invalid-cursor, service.overloaded */
  async list({ q, category, cursor, limit }: ProductQuery): Promise<Page<Product>> {
    if (q === undefined) {
      const rows = await this.repository.listNewest(category, read(cursor, NewestCursor), limit + 1)
      return pageOf(rows, limit, ({ product }) => [product.createdAt, product.id])
    }
    const after = read(cursor, RankCursor)
    const ranking = after?.[2] ?? (await this.flags.forCaller('search.ranking'))
    if (this.searches >= MAX_SEARCHES) throw new AppError('service.overloaded')
    this.searches++
    const rows = await this.repository.search(q, category, after && [after[0], after[1]], limit + 1, ranking).finally(() => this.searches--)
    return pageOf(rows, limit, ({ product, rank }) => [rank ?? 0, product.id, ranking])
  }

  private async load(id: ProductId, held: CachedProduct | undefined): Promise<CachedProduct> {
    const shared = await this.cache.fetchShared(id)
    if (shared !== undefined && shared.freshUntil > 0) return shared
    try {
      const [row] = await this.repository.findByIds([id])
      if (row === undefined) throw new AppError('catalogue.product-not-found')
      return this.cache.put(id, row.version, Buffer.from(JSON.stringify(row.product)))
    } catch (error) {
      const stale = shared ?? held
      if (stale !== undefined && error instanceof AppError && error.spec.kind === 'unavailable') return { ...stale, freshUntil: 0 }
      throw error
    }
  }
}

const read = <T extends z.ZodType>(cursor: string | undefined, shape: T): z.infer<T> | undefined => {
  if (cursor === undefined) return undefined
  const key = decodeCursor(cursor, shape)
  if (key === undefined) throw new AppError('request.invalid-cursor')
  return key
}

/** Cuts the one row too many that tells whether there is more. */
const pageOf = (rows: VersionedProduct[], limit: number, keyOf: (row: VersionedProduct) => (string | number)[]): Page<Product> => {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map(({ product }) => product),
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null,
  }
}
