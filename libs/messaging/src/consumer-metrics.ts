import { counter, histogram, isSampled, observe } from '@catamaran/platform'

/** What became of a message or batch. */
export type Outcome = 'done' | 'retried' | 'waiting' | 'dead' | 'skipped'

interface PartitionState {
  readonly group: string
  readonly topic: string
  readonly partition: number
  /** Messages behind the one in hand. */
  lag: number
  /** Since when its partition is held by a dependency that is down. */
  heldSince: number | undefined
}

/** What the consumers tell of themselves: outcomes, durations, and how far each partition is behind. */
export class ConsumerMetrics {
  private readonly consumed = counter('messaging.consumed')
  private readonly duration = histogram('messaging.process.duration')
  private readonly partitions = new Map<string, PartitionState>()
  private readonly endings = [
    observe('messaging.lag', (tell) => {
      for (const { lag, group, topic, partition } of this.partitions.values()) tell(lag, { group, topic, partition })
    }),
    observe('messaging.held', (tell) => {
      const now = Date.now()
      for (const { heldSince, group, topic, partition } of this.partitions.values())
        tell(heldSince === undefined ? 0 : (now - heldSince) / 1000, { group, topic, partition })
    }),
  ]

  /** Makes a group known, before it has done anything. */
  start(group: string): void {
    counter('messaging.consumed', { group })
  }

  note(group: string, outcome: Outcome, count: number): void {
    this.consumed.add(count, { group, outcome })
  }

  /** @param traceparent of what was handled */
  noteDuration(group: string, ms: number, traceparent: string): void {
    if (isSampled(traceparent)) this.duration.recordTraced(ms / 1000, traceparent, { group })
    else this.duration.record(ms / 1000, { group })
  }

  notePartition(group: string, topic: string, partition: number, lag: number, heldSince: number | undefined): void {
    this.partitions.set(`${group} ${topic} ${partition}`, { group, topic, partition, lag, heldSince })
  }

  /** Forgets a group's partitions: others may have them from now on. */
  forget(group: string): void {
    for (const [key, state] of this.partitions) if (state.group === group) this.partitions.delete(key)
  }

  close(): void {
    for (const end of this.endings) end()
  }
}
