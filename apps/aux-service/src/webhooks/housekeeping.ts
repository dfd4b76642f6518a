import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { Repeating } from '@catamaran/platform'
import { CONFIG, type Config } from '../config.js'
import { DeliveriesRepository } from './deliveries.repository.js'
import { Disabling } from './disabling.js'
import { WebhookEvents } from './webhook-events.js'

const EVERY_MS = 60_000
const BATCH = 1_000

/** Forgets deliveries that ended long ago, and buries what a process that died left waiting for disabled endpoints. */
@Injectable()
export class WebhookHousekeeping implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly rounds: Repeating
  private isStopped = false

  constructor(
    private readonly deliveries: DeliveriesRepository,
    private readonly disabling: Disabling,
    events: WebhookEvents,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.rounds = new Repeating({ everyMs: EVERY_MS, round: () => this.round(), failed: (error) => events.housekeepingFailed(error) })
  }

  onApplicationBootstrap(): void {
    this.rounds.start()
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopped = true
    await this.rounds.stop()
  }

  private async round(): Promise<void> {
    await this.disabling.bury()
    while (!this.isStopped && (await this.deliveries.prune(this.config.webhooks.keepMs, BATCH)) === BATCH);
  }
}
