import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { Flags } from '@catamaran/flags'
import { Repeating } from '@catamaran/platform'
import { CONFIG, type Config } from '../config.js'
import { BusinessEvents } from '../events.js'
import { Holds } from './holds.js'
import { PaidOrdersService } from './paid-orders.service.js'

const BATCH = 100

/** What the clock does to orders, every `sweepMs` and by the database's clock: holds end (or are extended while payments are switched off), and shipped orders are completed. Every process may run one. */
@Injectable()
export class OrderSweeps implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly sweeps: Repeating

  constructor(
    private readonly holds: Holds,
    private readonly paid: PaidOrdersService,
    private readonly flags: Flags,
    events: BusinessEvents,
    @Inject(CONFIG) config: Config,
  ) {
    this.sweeps = new Repeating({
      everyMs: config.orders.sweepMs,
      round: () => this.sweep(),
      failed: (error) => events.sweepFailed(error),
    })
  }

  onApplicationBootstrap(): void {
    this.sweeps.start()
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.sweeps.stop()
  }

  private async sweep(): Promise<void> {
    for (let due = BATCH; due === BATCH;)
      due = await (this.flags.value('payments.enabled') ? this.holds.expire(BATCH) : this.holds.extend(BATCH))
    for (let due = BATCH; due === BATCH;) due = await this.paid.complete(BATCH)
  }
}
