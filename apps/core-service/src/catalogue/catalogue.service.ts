import { Injectable } from '@nestjs/common'
import type { ProductId } from '@catamaran/contracts'
import { AppError, isUnavailable } from '@catamaran/platform'
import { CatalogueRepository, type VersionedProduct } from './catalogue.repository.js'
import { ProductCache, type CachedProduct } from './product-cache.js'

@Injectable()
export class CatalogueService {
  private readonly loading = new Map<ProductId, Promise<CachedProduct>>()

  constructor(
    private readonly repository: CatalogueRepository,
    private readonly cache: ProductCache,
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

  private async load(id: ProductId, held: CachedProduct | undefined): Promise<CachedProduct> {
    const shared = await this.cache.fetchShared(id)
    if (shared !== undefined && shared.freshUntil > 0) return shared
    try {
      const row = await this.repository.findById(id)
      if (row === undefined) throw new AppError('catalogue.product-not-found')
      return this.cache.put(id, row.version, JSON.stringify(row.product))
    } catch (error) {
      const stale = shared ?? held
      if (stale !== undefined && isUnavailable(error)) return { ...stale, freshUntil: 0 }
      throw error
    }
  }
}
