import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { causesOf, LOGGER, Repeating, type Logger } from '@catamaran/platform'
import { CONFIG, type Config } from '../config.js'
import { DeadLettersRepository } from './dead-letters.repository.js'

const EVERY_MS = 60_000
const BATCH = 1_000

/** Forgets letters that died long ago, replayed or not: they name people by their ids, and what nobody missed for so long nobody will send again. */
@Injectable()
export class LetterHousekeeping implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly rounds: Repeating
  private isStopped = false

  constructor(
    private readonly repository: DeadLettersRepository,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) logger: Logger,
  ) {
    const failed = (error: unknown): void => logger.warn({ causes: causesOf(error) }, 'dead letters could not be tidied, trying again')
    this.rounds = new Repeating({ everyMs: EVERY_MS, round: () => this.tidy(), failed })
  }

  onApplicationBootstrap(): void {
    this.rounds.start()
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopped = true
    await this.rounds.stop()
  }

  async tidy(): Promise<void> {
    while (!this.isStopped && (await this.repository.prune(this.config.ops.keepMs, BATCH)) === BATCH);
  }
}
