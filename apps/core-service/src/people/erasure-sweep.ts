import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { CONFIG, type Config } from '../config.js'
import { BusinessEvents } from '../events.js'
import { PeopleService } from './people.service.js'

/** Goes on with erasures every `sweepMs`: whatever was left by a crash, an outage or an order that had not ended. Every process may run one. */
@Injectable()
export class ErasureSweep implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined
  private sweeping: Promise<void> = Promise.resolve()

  constructor(
    private readonly people: PeopleService,
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
      this.sweeping = this.people
        .sweep()
        .catch((error: unknown) => this.events.erasureFailed(error))
        .finally(() => {
          if (this.timer !== undefined) this.schedule()
        })
    }, this.config.erasure.sweepMs)
  }
}
