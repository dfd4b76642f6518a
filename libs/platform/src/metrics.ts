import { metrics, ValueType, type Attributes, type Counter, type Histogram, type Meter, type Observable } from '@opentelemetry/api'
import { AggregationTemporality, DataPointType, type HistogramMetricData, type MetricData } from '@opentelemetry/sdk-metrics'
import { keepExemplar } from './exemplars.js'
import { METRICS, type LabelsOf, type MetricName, type MetricSpec, type NameOf } from './metrics.schema.js'

/** The labels of a metric as arguments: none where it has none. */
type Labels<N extends MetricName> = [keyof LabelsOf<N>] extends [never] ? [] : [labels: LabelsOf<N>]

export interface CounterOf<N extends MetricName> {
  add(count: number, ...labels: Labels<N>): void
}
export interface HistogramOf<N extends MetricName> {
  record(value: number, ...labels: Labels<N>): void
  /** Records a value and that this trace is an example of it. @param traceparent of a trace whose spans are sent; others are left out */
  recordTraced(value: number, traceparent: string, ...labels: Labels<N>): void
}

const meter = (): Meter => metrics.getMeter('catamaran')
const specOf = (name: MetricName): MetricSpec => METRICS[name]
const optionsOf = ({ unit, description, buckets }: MetricSpec) => ({
  description,
  ...(unit === undefined ? {} : { unit }),
  ...(buckets === undefined ? {} : { advice: { explicitBucketBoundaries: [...buckets] } }),
})

/** All combinations of the values that labels may take; none where some of them are open and not `known`. */
const combinations = (labels: MetricSpec['labels'], known: Attributes): Attributes[] =>
  Object.entries(labels).reduce<Attributes[]>(
    (sets, [label, values]) => {
      const given = known[label]
      const choices = given !== undefined ? [given] : values === 'open' ? [] : values
      return sets.flatMap((set) => choices.map((value) => ({ ...set, [label]: value })))
    },
    [{}],
  )

/**
 * A counter, which stands at 0 from the start for all values that its labels may take, so that `rate()` sees the first increase.
 * Example: `counter('orders.cancelled').add(1, { reason: 'buyer' })`.
 * @param known values of open labels, to stand at 0 for these
 */
export const counter = <N extends NameOf<'counter'>>(name: N, known: Partial<LabelsOf<N>> = {}): CounterOf<N> => {
  const made: Counter = meter().createCounter(name, optionsOf(specOf(name)))
  for (const labels of combinations(specOf(name).labels, known as Attributes)) made.add(0, labels)
  return made as unknown as CounterOf<N>
}

const madeHistograms = new Set<NameOf<'histogram'>>()

/** A histogram; without labels it is there from the start, empty. Example: `histogram('orders.placing.wait').record(0.004)`. */
export const histogram = <N extends NameOf<'histogram'>>(name: N): HistogramOf<N> => {
  madeHistograms.add(name)
  const made: Histogram = meter().createHistogram(name, optionsOf(specOf(name)))
  return {
    record: (value, ...[labels]: Attributes[]) => made.record(value, labels),
    recordTraced: (value: number, traceparent: string, ...[labels]: Attributes[]) => {
      made.record(value, labels)
      keepExemplar(name, labels, value, traceparent)
    },
  } as HistogramOf<N>
}

/** The histograms without labels that are not among what was collected, since the SDK tells only of those that have a value. */
export const emptyHistograms = (collected: readonly MetricData[]): HistogramMetricData[] =>
  [...madeHistograms].flatMap((name) => {
    const { description, unit = '', labels, buckets = [] } = specOf(name)
    if (Object.keys(labels).length > 0 || collected.some(({ descriptor }) => descriptor.name === name)) return []
    const value = { buckets: { boundaries: [...buckets], counts: Array<number>(buckets.length + 1).fill(0) }, sum: 0, count: 0 }
    const point = { startTime: [0, 0] as [number, number], endTime: [0, 0] as [number, number], attributes: {}, value }
    const descriptor = { name, description, unit, valueType: ValueType.DOUBLE, advice: {} }
    return [
      {
        dataPointType: DataPointType.HISTOGRAM,
        aggregationTemporality: AggregationTemporality.CUMULATIVE,
        descriptor,
        dataPoints: [point],
      },
    ]
  })

/** Tells one value of an observed metric. */
export type Tell<N extends MetricName> = (value: number, ...labels: Labels<N>) => void

/**
 * A metric that is looked at whenever somebody scrapes. Example: `observe('outbox.age', (tell) => tell(this.ageS()))`.
 * @returns what ends it
 */
export const observe = <N extends NameOf<'gauge' | 'counter'>>(name: N, look: (tell: Tell<N>) => void): (() => void) => {
  const spec = specOf(name)
  const options = optionsOf(spec)
  const made: Observable =
    spec.kind === 'gauge' ? meter().createObservableGauge(name, options) : meter().createObservableCounter(name, options)
  const callback = (result: { observe: (value: number, labels?: Attributes) => void }): void =>
    look(((value, labels) => result.observe(value, labels)) as (value: number, labels?: Attributes) => void as Tell<N>)
  made.addCallback(callback)
  return () => made.removeCallback(callback)
}
