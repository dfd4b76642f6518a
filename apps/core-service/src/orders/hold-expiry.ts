import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { Outbox } from '@catamaran/messaging'
import { ProductCache } from '../catalogue/product-cache.js'
import { CONFIG, type Config } from '../config.js'
import { BusinessEvents } from '../events.js'
import { OrdersRepository } from './orders.repository.js'

const BATCH = 100

/** Ends holds on time: looks every `sweepMs` for orders whose hold has ended, by the database's clock. Every process may run one. */
@Injectable()
export class HoldExpiry implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined
  private sweeping: Promise<void> = Promise.resolve()

  constructor(
    private readonly repository: OrdersRepository,
    private readonly outbox: Outbox,
    private readonly cache: ProductCache,
    private readonly events: BusinessEvents,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    this.schedule()
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearTimeout(this.timer)
    this.timer = undefined
    await this.sweeping
  }

  private schedule(): void {
    this.timer = setTimeout(() => {
      this.sweeping = this.sweep()
        .catch((error: unknown) => this.events.expiryFailed(error))
        .finally(() => {
          if (this.timer !== undefined) this.schedule()
        })
    }, this.config.orders.sweepMs)
  }

  private async sweep(): Promise<void> {
    for (let ended = BATCH; ended === BATCH;) {
      const { cancelled, changed } = await this.repository.expireHolds(BATCH)
      ended = cancelled.length
      if (ended === 0) return
      this.outbox.wake()
      this.cache.announce(changed)
      this.events.holdsExpired(cancelled)
    }
  }
}
