import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { createKafka, Publisher, replayLetter } from '@catamaran/messaging'
import { causesOf, LOGGER, Repeating, type Logger } from '@catamaran/platform'
import { CONFIG, type Config } from '../config.js'
import { DeadLettersRepository } from './dead-letters.repository.js'

const BATCH = 20
/** Longer than a batch takes when Kafka answers late each time. */
const LEASE_MS = 120_000
const WAIT_MS = 1_000

/**
 * Puts letters that are to be replayed on their topics, and marks each once Kafka has it. Who dies in between leaves a lease that ends: that letter goes twice, as
 * any event may, and has its effect once.
 */
@Injectable()
export class Replayer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly publisher: Publisher
  private readonly polls: Repeating
  private inHand: Promise<void> | undefined
  private isWoken = false
  private isStopping = false

  constructor(
    private readonly repository: DeadLettersRepository,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.publisher = new Publisher(createKafka(config.kafka, 'aux-service-replayer', logger))
    this.polls = new Repeating({ everyMs: config.ops.replayPollMs, round: () => this.look(), failed: () => undefined })
  }

  onApplicationBootstrap(): void {
    this.polls.start()
  }

  /** Something is to be replayed. */
  wake(): void {
    void this.look()
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true
    await this.polls.stop()
    await this.inHand
    await this.publisher.close()
  }

  /** One batch at a time; what wakes it meanwhile makes it look once more. */
  private look(): Promise<void> {
    this.isWoken = true
    this.inHand ??= this.work()
      .catch((error: unknown) => this.logger.warn({ causes: causesOf(error) }, 'dead letters could not be replayed, trying again'))
      .finally(() => {
        this.inHand = undefined
      })
    return this.inHand
  }

  private async work(): Promise<void> {
    while (this.isWoken && !this.isStopping) {
      this.isWoken = false
      const letters = await this.repository.lease(BATCH, LEASE_MS)
      const left = new Set(letters.map(({ id }) => id))
      try {
        for (const letter of letters) {
          if (this.isStopping) break
          await replayLetter(this.publisher, this.config.kafka.topicPrefix, letter)
          await this.repository.markReplayed(letter.id)
          left.delete(letter.id)
        }
      } finally {
        if (left.size > 0) await this.repository.putBack([...left], WAIT_MS)
      }
      if (letters.length === BATCH) this.isWoken = true
    }
  }
}
