import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { causesOf, LOGGER, Repeating, type Logger } from '@catamaran/platform'
import { CONFIG, type Config } from '../config.js'
import { ErasureService } from './erasure.service.js'

/** Ends confirmed erasures, many at once, every `sweepMs`. Every process may run one. */
@Injectable()
export class ErasureSweep implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly sweeps: Repeating

  constructor(erasures: ErasureService, @Inject(LOGGER) logger: Logger, @Inject(CONFIG) config: Config) {
    this.sweeps = new Repeating({
      everyMs: config.erasure.sweepMs,
      round: () => erasures.finishConfirmed(),
      failed: (error) => logger.warn({ causes: causesOf(error) }, 'erasures could not be ended, trying again'),
    })
  }

  onApplicationBootstrap(): void {
    this.sweeps.start()
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.sweeps.stop()
  }
}
