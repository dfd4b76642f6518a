import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { Outbox } from '@catamaran/messaging'
import { Repeating } from '@catamaran/platform'
import { ProductCache } from '../catalogue/product-cache.js'
import { CONFIG, type Config } from '../config.js'
import { BusinessEvents } from '../events.js'
import { OrdersRepository } from './orders.repository.js'

const BATCH = 100

/** Ends holds on time: looks every `sweepMs` for orders whose hold has ended, by the database's clock. Every process may run one. */
@Injectable()
export class HoldExpiry implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly sweeps: Repeating

  constructor(
    private readonly repository: OrdersRepository,
    private readonly outbox: Outbox,
    private readonly cache: ProductCache,
    private readonly events: BusinessEvents,
    @Inject(CONFIG) config: Config,
  ) {
    this.sweeps = new Repeating({
      everyMs: config.orders.sweepMs,
      round: () => this.sweep(),
      failed: (error) => events.expiryFailed(error),
    })
  }

  onApplicationBootstrap(): void {
    this.sweeps.start()
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.sweeps.stop()
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
