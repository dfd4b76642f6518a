import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { Repeating } from '@catamaran/platform'
import { Disabling } from './disabling.js'
import { WebhookEvents } from './webhook-events.js'

const EVERY_MS = 60_000

/** Buries what a process that died left waiting for disabled endpoints. */
@Injectable()
export class WebhookHousekeeping implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly rounds: Repeating

  constructor(disabling: Disabling, events: WebhookEvents) {
    this.rounds = new Repeating({ everyMs: EVERY_MS, round: () => disabling.bury(), failed: (error) => events.housekeepingFailed(error) })
  }

  onApplicationBootstrap(): void {
    this.rounds.start()
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.rounds.stop()
  }
}
