import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'

const FOLDER = 'deploy/slo'

const Metric = z.strictObject({
  metricSource: z.strictObject({ type: z.literal('Prometheus'), spec: z.strictObject({ query: z.string() }) }),
})

/** What of OpenSLO v1 our documents use: a ratio of two counters, one target, a rolling window of 30 days. */
const Document = z.strictObject({
  apiVersion: z.literal('openslo/v1'),
  kind: z.literal('SLO'),
  metadata: z.strictObject({
    name: z.string().regex(/^[a-z]+(-[a-z]+)*$/),
    displayName: z.string(),
    labels: z.strictObject({ owner: z.string() }),
  }),
  spec: z.strictObject({
    description: z.string(),
    service: z.string(),
    indicator: z.strictObject({
      metadata: z.strictObject({ name: z.string() }),
      spec: z.strictObject({ ratioMetric: z.strictObject({ counter: z.literal(true), good: Metric, total: Metric }) }),
    }),
    timeWindow: z.tuple([z.strictObject({ duration: z.literal('30d'), isRolling: z.literal(true) })]),
    budgetingMethod: z.literal('Occurrences'),
    objectives: z.tuple([z.strictObject({ displayName: z.string(), target: z.number().gt(0).lt(1) })]),
  }),
})

/** An objective as its OpenSLO document in `deploy/slo` states it. */
export interface Objective {
  /** `product-reads`: also the name of its runbook. */
  readonly name: string
  readonly title: string
  readonly owner: string
  readonly service: string
  readonly description: string
  /** The share of events that are good, 0 to 1. */
  readonly target: number
  /** Selectors of counters. */
  readonly good: string
  readonly total: string
}

const objectiveOf = (text: string): Objective => {
  const { metadata, spec } = Document.parse(parse(text))
  const { good, total } = spec.indicator.spec.ratioMetric
  const { name, displayName: title } = metadata
  return {
    ...{ name, title, owner: metadata.labels.owner, service: spec.service, description: spec.description },
    ...{ target: spec.objectives[0].target, good: good.metricSource.spec.query, total: total.metricSource.spec.query },
  }
}

/** All objectives, by name. @throws ZodError for a document that says more or less than is read here */
export const readObjectives = (root: string): Objective[] =>
  readdirSync(join(root, FOLDER))
    .filter((file) => file.endsWith('.yaml'))
    .toSorted()
    .map((file) => objectiveOf(readFileSync(join(root, FOLDER, file), 'utf8')))
