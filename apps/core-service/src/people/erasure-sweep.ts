import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { Repeating } from '@catamaran/platform'
import { CONFIG, type Config } from '../config.js'
import { BusinessEvents } from '../events.js'
import { PeopleService } from './people.service.js'

/** Goes on with erasures every `sweepMs`: whatever was left by a crash, an outage or an order that had not ended. Every process may run one. */
@Injectable()
export class ErasureSweep implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly sweeps: Repeating

  constructor(people: PeopleService, events: BusinessEvents, @Inject(CONFIG) config: Config) {
    this.sweeps = new Repeating({
      everyMs: config.erasure.sweepMs,
      round: () => people.sweep(),
      failed: (error) => events.erasureFailed(error),
    })
  }

  onApplicationBootstrap(): void {
    this.sweeps.start()
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.sweeps.stop()
  }
}
