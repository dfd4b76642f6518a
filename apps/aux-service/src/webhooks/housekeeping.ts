import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { observe, Repeating } from '@catamaran/platform'
import { Disabling } from './disabling.js'
import { EndpointsRepository } from './endpoints.repository.js'
import { WebhookEvents } from './webhook-events.js'

const BURY_EVERY_MS = 60_000
/** As long as the first pause of an endpoint. */
const COUNT_EVERY_MS = 5_000

/** Buries what a process that died left waiting for disabled endpoints, and tells how many endpoints are paused. */
@Injectable()
export class WebhookHousekeeping implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly rounds: readonly Repeating[]
  private paused = 0
  private readonly endObserving = observe('webhooks.endpoints.paused', (tell) => tell(this.paused))

  constructor(disabling: Disabling, endpoints: EndpointsRepository, events: WebhookEvents) {
    const failed = (error: unknown): void => events.housekeepingFailed(error)
    const count = async (): Promise<void> => void (this.paused = await endpoints.countPaused())
    this.rounds = [
      new Repeating({ everyMs: BURY_EVERY_MS, round: () => disabling.bury(), failed }),
      new Repeating({ everyMs: COUNT_EVERY_MS, round: count, failed }),
    ]
  }

  onApplicationBootstrap(): void {
    for (const round of this.rounds) round.start()
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.endObserving()
    await Promise.all(this.rounds.map((round) => round.stop()))
  }
}
