import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { SERVICES } from '@catamaran/contracts'
import { familyOf, METRICS, type MetricSpec } from '@catamaran/platform'
import { parse } from 'yaml'
import { readObjects } from '../src/chart-objects.js'

interface Values {
  readonly canary: {
    readonly objectives: readonly string[]
    readonly metrics: Record<string, { readonly part: readonly string[]; readonly whole: readonly string[] }>
  }
}

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const read = (path: string) => readFileSync(`${ROOT}${path}`, 'utf8')
const valuesOf = (service: string) => parse(read(`deploy/helm/${service}/values.yaml`)) as Values

const labelName = (name: string): string => name.replaceAll('.', '_')
/** Counters by the name that a scraper sees, and the counts of histograms. */
const FAMILIES = new Map<string, MetricSpec>(
  Object.entries(METRICS).map(([name, spec]: [string, MetricSpec]) => [
    `${familyOf(name, spec.unit)}${spec.kind === 'counter' ? '_total' : '_count'}`,
    spec,
  ]),
)

/** What is wrong with a series: that no service has it, nor the label, nor what is asked of that. */
function faultsOf(series: string): string[] {
  const [, family = '', matchers = ''] = /^(\w+)\{(.*)\}$/.exec(series) ?? []
  const spec = FAMILIES.get(family)
  if (spec === undefined) return [`${family} is no counter of ours`]
  const labels = new Map(Object.entries(spec.labels).map(([name, values]) => [labelName(name), values]))
  return [...matchers.matchAll(/(\w+)(?:=|!=|=~|!~)"([^"]*)"/g)].flatMap(([, label = '', wanted = '']) => {
    const values = labels.get(label)
    if (values === undefined) return [`${family} has no ${label}`]
    return values === 'open'
      ? []
      : wanted
          .split('|')
          .filter((one) => !values.includes(one))
          .map((one) => `${label} is never ${one}`)
  })
}

describe('what a canary is judged by', () => {
  it('is in the services’ own schema of metrics, label by label', () => {
    const used = SERVICES.flatMap((service) =>
      Object.values(valuesOf(service).canary.metrics).flatMap(({ part, whole }) => [...part, ...whole]),
    )
    assert.ok(used.length >= 10)
    assert.deepEqual(used.flatMap(faultsOf), [])
    assert.deepEqual(faultsOf('orders_lost_total{}'), ['orders_lost_total is no counter of ours'])
    assert.deepEqual(faultsOf('payments_operations_total{kind="authorise",result="failed"}'), ['payments_operations_total has no result'])
    assert.deepEqual(faultsOf('signins_total{outcome=~"failed|lost"}'), ['outcome is never lost'])
  })

  it('are objectives whose budget is on record', () => {
    const rules = read('deploy/prometheus/rules/objectives.yml')
    const named = SERVICES.flatMap((service) => valuesOf(service).canary.objectives)
    assert.deepEqual(
      named.filter(
        (name) => !new RegExp(`record: slo:period_error_budget_remaining:ratio\\n(?:(?!- record)[^])*sloth_slo: ${name}\\n`).test(rules),
      ),
      [],
    )
    assert.ok(named.length >= 5)
  })

  it('tells the canary’s Pods from the primary’s by their names alone', () => {
    const template = readObjects(read('deploy/helm/rendered/eks.yaml')).find(
      ({ metadata }) => metadata.name === 'core-service-payments-failed',
    )
    const { query } = (template?.spec ?? {}) as { query?: string }
    const [canary, primary] = ['-[0-9a-z]+-[0-9a-z]+', '-primary-[0-9a-z]+-[0-9a-z]+'].map((end) => {
      assert.ok(query?.includes(`pod=~"{{ target }}${end}"`))
      return new RegExp(`^core-service${end}$`)
    })
    const pods = ['core-service-5c9d8f7b6-x2x4z', 'core-service-primary-5c9d8f7b6-x2x4z']
    assert.deepEqual(
      pods.map((pod) => [canary?.test(pod), primary?.test(pod)]),
      [
        [true, false],
        [false, true],
      ],
    )
  })
})
