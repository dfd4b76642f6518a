import type { Attributes } from '@opentelemetry/api'
import { METRICS, type MetricName, type MetricSpec } from './metrics.schema.js'

/** A trace that is an example of what one bucket of a histogram counts. The SDK for JavaScript keeps none (3.1). */
export interface Exemplar {
  readonly traceId: string
  readonly spanId: string
  readonly value: number
  /** Epoch seconds. */
  readonly at: number
}

const kept = new Map<string, (Exemplar | undefined)[]>()

const keyOf = (name: string, labels: Attributes): string =>
  JSON.stringify([name, Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1))])

/** Remembers the last trace of each bucket. Called for sampled requests only: it costs what they cost anyway. */
export const keepExemplar = (name: MetricName, labels: Attributes = {}, value: number, traceparent: string): void => {
  const { buckets = [] }: MetricSpec = METRICS[name]
  const key = keyOf(name, labels)
  let ofSeries = kept.get(key)
  if (ofSeries === undefined) kept.set(key, (ofSeries = []))
  const over = buckets.findIndex((bound) => value <= bound)
  const told = { traceId: traceparent.slice(3, 35), spanId: traceparent.slice(36, 52), value, at: Date.now() / 1000 }
  ofSeries[over === -1 ? buckets.length : over] = told
}

/** The examples of a series, by the index of their bucket. */
export const exemplarsOf = (name: string, labels: Attributes): readonly (Exemplar | undefined)[] => kept.get(keyOf(name, labels)) ?? []
