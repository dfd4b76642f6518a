import { createHash } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import type { PartnerId, ProductId } from '@catamaran/contracts'
import type { Queryable } from '@catamaran/data'
import { Outbox } from '@catamaran/messaging'
import { AppError } from '@catamaran/platform'
import { ProductCache } from '../catalogue/product-cache.js'
import { ProductsRepository } from './products.repository.js'
import { SellersRepository, type Changed } from './sellers.repository.js'

/** A write's key and what was asked for, which has to be the same each time. */
export interface Once {
  readonly key: string | undefined
  readonly request: unknown
}
export interface Written<T> {
  readonly result: T
  /** Products whose page has changed, for the caches. */
  readonly changed: readonly Changed[]
}

/** Writes to a partner's products: one after another for each partner, with the relay and the caches told after the commit. */
@Injectable()
export class PartnerWrites {
  constructor(
    private readonly sellers: SellersRepository,
    private readonly products: ProductsRepository,
    private readonly outbox: Outbox,
    private readonly cache: ProductCache,
  ) {}

  /** @throws AppError partners.not-active, and what `work` throws */
  async run<T>(partnerId: PartnerId, work: (tx: Queryable) => Promise<Written<T>>): Promise<T> {
    const { result, changed } = await this.sellers.holdingActive(partnerId, work)
    this.outbox.wake()
    this.cache.announce(changed)
    return result
  }

  /**
   * Runs a write about one product once for its key: a duplicate waits for the first one's transaction and answers the same product.
   * @throws AppError request.idempotency-key-reused, partners.not-active, and what `work` throws
   */
  once(
    partnerId: PartnerId,
    { key, request }: Once,
    work: (tx: Queryable) => Promise<Written<ProductId>>,
  ): Promise<{ id: ProductId; isReplayed: boolean }> {
    if (key === undefined) return this.run(partnerId, async (tx) => first(await work(tx)))
    const hash = createHash('sha256').update(JSON.stringify(request)).digest()
    return this.run(partnerId, async (tx) => {
      const earlier = await this.products.findWrite(tx, partnerId, key)
      if (earlier !== undefined) {
        if (!earlier.hash.equals(hash)) throw new AppError('request.idempotency-key-reused')
        return { result: { id: earlier.id, isReplayed: true }, changed: [] }
      }
      const written = await work(tx)
      await this.products.insertWrite(tx, partnerId, key, hash, written.result)
      return first(written)
    })
  }
}

const first = ({ result, changed }: Written<ProductId>): Written<{ id: ProductId; isReplayed: boolean }> => ({
  result: { id: result, isReplayed: false },
  changed,
})
