import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { causesOf, LOGGER, type Logger } from '@catamaran/platform'
import { CONFIG, type Config } from '../config.js'
import { ErasureService } from './erasure.service.js'

/** Ends confirmed erasures, many at once, every `sweepMs`. Every process may run one. */
@Injectable()
export class ErasureSweep implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined
  private sweeping: Promise<void> = Promise.resolve()

  constructor(
    private readonly erasures: ErasureService,
    @Inject(LOGGER) private readonly logger: Logger,
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
      this.sweeping = this.erasures
        .finishConfirmed()
        .catch((error: unknown) => this.logger.warn({ causes: causesOf(error) }, 'erasures could not be ended, trying again'))
        .finally(() => {
          if (this.timer !== undefined) this.schedule()
        })
    }, this.config.erasure.sweepMs)
  }
}
