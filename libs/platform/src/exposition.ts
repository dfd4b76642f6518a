import type { Attributes } from '@opentelemetry/api'
import { DataPointType, type MetricData } from '@opentelemetry/sdk-metrics'
import { exemplarsOf, type Exemplar } from './exemplars.js'

/** The two text formats a scraper may ask for: Prometheus 0.0.4, and OpenMetrics 1.0.0, which also carries exemplars. */
export type Format = 'text' | 'openmetrics'

const SUFFIX: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes', '1': 'ratio' }

/** A metric's name as Prometheus has it, without a counter's `_total`: `http.server.request.duration` in `s` is `http_server_request_duration_seconds`. */
export const familyOf = (name: string, unit = ''): string => {
  const plain = name.replace(/[^a-zA-Z0-9_]/g, '_')
  const suffix = SUFFIX[unit]
  return suffix === undefined || plain.endsWith(`_${suffix}`) ? plain : `${plain}_${suffix}`
}

const escaped = (text: string): string => text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"')
const labelsOf = (attributes: Attributes): string[] =>
  Object.entries(attributes).map(([name, value]) => `${name.replace(/[^a-zA-Z0-9_]/g, '_')}="${escaped(String(value))}"`)
const braced = (labels: readonly string[]): string => (labels.length === 0 ? '' : `{${labels.join(',')}}`)
/** Bounds look the same in both formats: some scrapers take `1` and `1.0` for two. */
const bound = (value: number | undefined): string => (value === undefined ? '+Inf' : Number.isInteger(value) ? `${value}.0` : String(value))

const exemplarText = (exemplar: Exemplar | undefined): string =>
  exemplar === undefined ? '' : ` # {trace_id="${exemplar.traceId}",span_id="${exemplar.spanId}"} ${exemplar.value} ${exemplar.at}`

interface Buckets {
  readonly buckets: { readonly boundaries: readonly number[]; readonly counts: readonly number[] }
  readonly sum?: number
  readonly count: number
}

const histogramLines = (
  name: string,
  family: string,
  attributes: Attributes,
  { buckets, sum = 0, count }: Buckets,
  format: Format,
): string[] => {
  const labels = labelsOf(attributes)
  const exemplars = format === 'openmetrics' ? exemplarsOf(name, attributes) : []
  let upTo = 0
  const lines = buckets.counts.map((inBucket, index) => {
    upTo += inBucket
    return `${family}_bucket${braced([...labels, `le="${bound(buckets.boundaries[index])}"`])} ${upTo}${exemplarText(exemplars[index])}`
  })
  return [...lines, `${family}_sum${braced(labels)} ${sum}`, `${family}_count${braced(labels)} ${count}`]
}

const linesOf = (metric: MetricData, format: Format): string[] => {
  const { name, description, unit } = metric.descriptor
  const family = familyOf(name, unit)
  const isCounter = metric.dataPointType === DataPointType.SUM && metric.isMonotonic
  const type = isCounter ? 'counter' : metric.dataPointType === DataPointType.HISTOGRAM ? 'histogram' : 'gauge'
  const sample = isCounter ? `${family}_total` : family
  // 0.0.4 describes a counter by the name of its samples, OpenMetrics by that of the family.
  const described = format === 'text' ? sample : family
  const head = [`# HELP ${described} ${escaped(description)}`, `# TYPE ${described} ${type}`]
  if (format === 'openmetrics' && SUFFIX[unit] !== undefined) head.push(`# UNIT ${family} ${SUFFIX[unit]}`)
  if (metric.dataPointType === DataPointType.HISTOGRAM)
    return [...head, ...metric.dataPoints.flatMap(({ attributes, value }) => histogramLines(name, family, attributes, value, format))]
  if (metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM) throw new Error(`${name} is an exponential histogram: give it buckets`)
  return [...head, ...metric.dataPoints.map(({ attributes, value }) => `${sample}${braced(labelsOf(attributes))} ${value}`)]
}

/** What `/metrics` answers with. The exporter of OpenTelemetry writes no exemplars and adds no units to names (0.301), so this is our own. */
export const exposition = (target: Attributes, metrics: readonly MetricData[], format: Format): string => {
  const info = [`# TYPE ${format === 'text' ? 'target_info gauge' : 'target info'}`, `target_info${braced(labelsOf(target))} 1`]
  const end = format === 'text' ? [] : ['# EOF']
  return `${[...info, ...metrics.flatMap((metric) => linesOf(metric, format)), ...end].join('\n')}\n`
}
