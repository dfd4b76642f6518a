import { counter, histogram, observe } from '@catamaran/platform'

/** What an outbox tells of itself: the relay that leads knows how it stands, the others say that nothing waits. */
export class RelayMetrics {
  private readonly published = counter('outbox.published')
  private readonly dead = counter('outbox.dead')
  private readonly batchSize = histogram('outbox.batch.size')
  private oldest: number | undefined
  private depth = 0
  private isAway = false
  private readonly endings = [
    observe('outbox.age', (tell) => tell(this.oldest === undefined ? 0 : Math.max(0, (Date.now() - this.oldest) / 1000))),
    observe('outbox.depth', (tell) => tell(this.depth)),
    observe('circuit_breaker.state', (tell) => tell(this.isAway ? 1 : 0, { peer: 'kafka' })),
  ]

  /** @param time of the oldest event that waits, RFC 3339; undefined when none does @param depth how many wait */
  noteWaiting(time: string | undefined, depth: number): void {
    this.oldest = time === undefined ? undefined : Date.parse(time)
    this.depth = depth
  }

  /** Whether Kafka is left in peace for a while. */
  noteAway(isAway: boolean): void {
    this.isAway = isAway
  }

  notePublished(count: number): void {
    this.published.add(count)
    this.batchSize.record(count)
  }

  noteDead(): void {
    this.dead.add(1)
  }

  close(): void {
    for (const end of this.endings) end()
  }
}
