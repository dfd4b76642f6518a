import type { EachBatchPayload } from 'kafkajs'

const COMMIT_AFTER_MS = 500

/**
 * Commits what a consumer has handled, all partitions in one request twice a second. kafkajs would commit each batch of each partition and wait for it, a
 * request for almost every event. So a crash has more read again, which has no second effect.
 */
export class Commits {
  private waiting: { readonly timer: NodeJS.Timeout; readonly commit: () => Promise<void> } | undefined
  private isEnding = false

  /** Something was resolved: it is committed soon, and when the consumer is about to end, at once. */
  async note(fetched: EachBatchPayload): Promise<void> {
    this.waiting ??= {
      timer: setTimeout(() => void this.now(), COMMIT_AFTER_MS),
      commit: () => fetched.commitOffsetsIfNecessary(fetched.uncommittedOffsets()),
    }
    if (this.isEnding) await this.now()
  }

  /** From now on nothing waits. */
  async end(): Promise<void> {
    this.isEnding = true
    await this.now()
  }

  /** Forgets what waits: its consumer has gone, and whoever has the partitions reads it again. */
  drop(): void {
    clearTimeout(this.waiting?.timer)
    this.waiting = undefined
  }

  private async now(): Promise<void> {
    const { waiting } = this
    this.drop()
    await waiting?.commit().catch(() => undefined) // what failed is committed with the next, or read again
  }
}
