import { Inject, Injectable } from '@nestjs/common'
import { Outbox } from '@catamaran/messaging'
import { ProductCache } from '../catalogue/product-cache.js'
import { CONFIG, type Config } from '../config.js'
import { BusinessEvents } from '../events.js'
import { OrdersRepository, type EndedHold, type HoldEnd } from './orders.repository.js'

/** Ends holds, in groups, and tells of it. */
@Injectable()
export class Holds {
  constructor(
    private readonly repository: OrdersRepository,
    private readonly outbox: Outbox,
    private readonly cache: ProductCache,
    private readonly events: BusinessEvents,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Answers the orders that were pending until now. @throws AppError service.unavailable: nothing is known, end them again */
  async end(ends: readonly HoldEnd[]): Promise<EndedHold[]> {
    const { ended, changed } = await this.repository.endHolds(ends, this.config.release)
    if (ended.length > 0) this.outbox.wake()
    this.cache.announce(changed)
    this.events.holdsEnded(ended)
    return ended
  }

  /** Extends up to `limit` holds that would end soon, for as long as nobody can pay. @returns how many */
  async extend(limit: number): Promise<number> {
    const extended = await this.repository.extendHolds(limit, this.config.orders.holdMs)
    if (extended > 0) this.events.holdsExtended(extended)
    return extended
  }

  /** Cancels up to `limit` orders that were not paid in time. @returns how many were due */
  async expire(limit: number): Promise<number> {
    const due = await this.repository.listExpired(limit)
    if (due.length > 0) await this.end(due.map((orderId) => ({ orderId, event: 'hold_ended' })))
    return due.length
  }
}
