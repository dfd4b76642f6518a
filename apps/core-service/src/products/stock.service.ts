import { Injectable } from '@nestjs/common'
import type { PartnerId, ProductId } from '@catamaran/contracts'
import type { Queryable } from '@catamaran/data'
import type { Outcome } from '@catamaran/messaging'
import { AppError } from '@catamaran/platform'
import { requireMatch } from './if-match.js'
import { PartnerWrites, type Written } from './partner-writes.js'
import { ProductsRepository } from './products.repository.js'
import type { AdjustStock, SetStock, Stock } from './products.schema.js'

const MAX_AVAILABLE = 100_000_000

/** The strong validator of a stock: what it says itself. */
export const stockEtagOf = ({ available, held, sold }: Stock): string => `"${available}-${held}-${sold}"`

/** How many pieces a partner has for sale. Holds and sales are the orders' own. */
@Injectable()
export class StockService {
  constructor(
    private readonly repository: ProductsRepository,
    private readonly writes: PartnerWrites,
  ) {}

  /** @throws AppError catalogue.product-not-found, also for another partner's */
  async read(partnerId: PartnerId, id: ProductId): Promise<Stock> {
    return found(await this.repository.findStock(partnerId, id))
  }

  /** @throws AppError catalogue.product-not-found, request.precondition-required, request.precondition-failed, partners.not-active */
  async set(partnerId: PartnerId, id: ProductId, ifMatch: string | undefined, { available }: SetStock): Promise<Stock> {
    await this.read(partnerId, id) // somebody else's is not there, whatever the caller's own status
    return this.writes.run(partnerId, async (tx) => {
      const stock = found(await this.repository.lockStock(tx, partnerId, id))
      requireMatch(ifMatch, stockEtagOf(stock))
      const { changed } = await this.put(tx, id, available)
      return { result: { ...stock, available }, changed }
    })
  }

  /** @throws AppError catalogue.product-not-found, catalogue.stock-out-of-range, partners.not-active, and those of `Idempotency.once` */
  async adjust(partnerId: PartnerId, id: ProductId, key: string | undefined, { by }: AdjustStock): Promise<Outcome<Stock, Stock>> {
    await this.read(partnerId, id)
    return this.writes.once(partnerId, { operation: 'stock.adjust', key, request: { id, by } }, async (tx) => {
      const stock = found(await this.repository.lockStock(tx, partnerId, id))
      const available = stock.available + by
      if (available < 0 || available > MAX_AVAILABLE) throw new AppError('catalogue.stock-out-of-range')
      const { changed } = await this.put(tx, id, available)
      return { result: { ...stock, available }, changed }
    })
  }

  private async put(tx: Queryable, id: ProductId, available: number): Promise<Written<ProductId>> {
    const version = await this.repository.setStock(tx, id, available)
    return { result: id, changed: version === undefined ? [] : [[id, version]] }
  }
}

const found = (stock: Stock | undefined): Stock => {
  if (stock === undefined) throw new AppError('catalogue.product-not-found')
  return stock
}
