import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { causesOf, LOGGER, type Logger } from '@catamaran/platform'
import { DevicesRepository } from './devices/devices.repository.js'
import { MailRepository } from './mail/mail.repository.js'
import { RevocationsService } from './revocations/revocations.service.js'

const EVERY_MS = 3_600_000

/** Deletes what has had its time, at the start and each hour. Every process does; nothing is deleted twice. */
@Injectable()
export class Pruner implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined
  private running: Promise<void> = Promise.resolve()

  constructor(
    private readonly mails: MailRepository,
    private readonly devices: DevicesRepository,
    private readonly revocations: RevocationsService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    const round = (): void => {
      this.running = this.prune()
    }
    this.timer = setInterval(round, EVERY_MS).unref()
    round()
  }

  /** Waits for a round in hand, while the database is still there. */
  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer)
    await this.running
  }

  /** One round; a part that fails waits for the next one. */
  async prune(): Promise<void> {
    const parts = await Promise.allSettled([this.mails.prune(), this.devices.prune(), this.revocations.prune()])
    for (const part of parts) {
      if (part.status === 'rejected') this.logger.warn({ causes: causesOf(part.reason) }, 'old rows stay for another hour')
    }
  }
}
