import { metrics, type Counter, type Histogram, type ObservableGauge, type ObservableResult } from '@opentelemetry/api'

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
  private readonly consumed: Counter
  private readonly duration: Histogram
  private readonly lag: ObservableGauge
  private readonly held: ObservableGauge
  private readonly partitions = new Map<string, PartitionState>()

  constructor() {
    const meter = metrics.getMeter('catamaran')
    this.consumed = meter.createCounter('messaging.consumed', { description: 'Messages by group and outcome' })
    this.duration = meter.createHistogram('messaging.process.duration', {
      unit: 's',
      description: 'Duration of handling one message or batch',
      advice: { explicitBucketBoundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5] },
    })
    this.lag = meter.createObservableGauge('messaging.lag', { description: 'Messages not yet handled, per partition' })
    this.lag.addCallback(this.observeLag)
    this.held = meter.createObservableGauge('messaging.held', { unit: 's', description: 'How long a partition has been held up' })
    this.held.addCallback(this.observeHeld)
  }

  note(group: string, outcome: Outcome, count: number): void {
    this.consumed.add(count, { group, outcome })
  }

  noteDuration(group: string, ms: number): void {
    this.duration.record(ms / 1000, { group })
  }

  notePartition(group: string, topic: string, partition: number, lag: number, heldSince: number | undefined): void {
    this.partitions.set(`${group} ${topic} ${partition}`, { group, topic, partition, lag, heldSince })
  }

  /** Forgets a group's partitions: others may have them from now on. */
  forget(group: string): void {
    for (const [key, state] of this.partitions) if (state.group === group) this.partitions.delete(key)
  }

  close(): void {
    this.lag.removeCallback(this.observeLag)
    this.held.removeCallback(this.observeHeld)
  }

  private readonly observeLag = (result: ObservableResult): void => {
    for (const { lag, heldSince: _, ...labels } of this.partitions.values()) result.observe(lag, labels)
  }

  private readonly observeHeld = (result: ObservableResult): void => {
    for (const { heldSince, lag: _, ...labels } of this.partitions.values()) {
      if (heldSince !== undefined) result.observe((Date.now() - heldSince) / 1000, labels)
    }
  }
}
