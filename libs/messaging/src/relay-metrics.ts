import { metrics, type Counter, type Histogram, type ObservableGauge, type ObservableResult } from '@opentelemetry/api'

/** What an outbox tells of itself. */
export class RelayMetrics {
  private readonly published: Counter
  private readonly dead: Counter
  private readonly batchSize: Histogram
  private readonly age: ObservableGauge
  private oldest: number | undefined

  constructor() {
    const meter = metrics.getMeter('catamaran')
    this.published = meter.createCounter('outbox.published', { description: 'Events acknowledged by Kafka' })
    this.dead = meter.createCounter('outbox.dead', { description: 'Events set aside in outbox_dead because they can never be published' })
    this.batchSize = meter.createHistogram('outbox.batch.size', {
      description: 'Events in one send',
      advice: { explicitBucketBoundaries: [1, 2, 5, 10, 20, 50, 100, 200, 500] },
    })
    this.age = meter.createObservableGauge('outbox.age', { unit: 's', description: 'Age of the oldest event not yet published' })
    this.age.addCallback(this.observeAge)
  }

  /** @param time of the oldest event that waits, RFC 3339; undefined when none does */
  noteOldest(time: string | undefined): void {
    this.oldest = time === undefined ? undefined : Date.parse(time)
  }

  notePublished(count: number): void {
    this.published.add(count)
    this.batchSize.record(count)
  }

  noteDead(): void {
    this.dead.add(1)
  }

  close(): void {
    this.age.removeCallback(this.observeAge)
  }

  private readonly observeAge = (result: ObservableResult): void => {
    result.observe(this.oldest === undefined ? 0 : Math.max(0, (Date.now() - this.oldest) / 1000))
  }
}
