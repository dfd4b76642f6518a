import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { until } from '@catamaran/testing'
import { parseAllDocuments, stringify } from 'yaml'
import { freePort, promtool, root, startProgram } from './setting.js'

const text = readFileSync(join(root, 'deploy/helm/rendered/eks.yaml'), 'utf8')
const templates = parseAllDocuments(text)
  .map((document) => document.toJS() as { kind: string; metadata: { name: string }; spec: { query: string } } | null)
  .filter((object) => object?.kind === 'MetricTemplate')

/** A query as Flagger sends it. */
const queryOf = (service: string, metric: string): string => {
  const query = templates.find((object) => object?.metadata.name === `${service}-${metric}`)?.spec.query ?? ''
  return query.replaceAll('{{ namespace }}', 'shop').replaceAll('{{ target }}', service).replaceAll('{{ interval }}', '2m')
}

const PODS = { canary: '-5c9d8f7b6-x2x4z', primary: '-primary-7f6d5c4b3-abcde', other: '-primary-7f6d5c4b3-abcde' } as const
type Who = keyof typeof PODS
/** What a series of one of them gains each quarter of a minute. */
type Growth = readonly (readonly [series: string, who: Who, each: number])[]

const folder = mkdtempSync(join(tmpdir(), 'catamaran-canaries-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** promtool says where the query is worth something else. */
async function isWorth(service: string, metric: string, growth: Growth, value: number): Promise<void> {
  const input_series = growth.map(([series, who, each]) => ({
    series: series.replace('{', `{namespace="${who === 'other' ? 'staging' : 'shop'}",pod="${service}${PODS[who]}",`),
    values: `0+${each}x40`,
  }))
  const promql_expr_test = [{ expr: queryOf(service, metric), eval_time: '8m', exp_samples: [{ labels: '{}', value }] }]
  const file = join(folder, `${metric}.yml`)
  writeFileSync(
    file,
    stringify({ rule_files: [], evaluation_interval: '15s', tests: [{ interval: '15s', input_series, promql_expr_test }] }),
  )
  await promtool('test', 'rules', file)
}

/** What Flagger's load tester is told to run before a version is promoted. */
const gateOf = (service: string): string => {
  const options = readFileSync(join(root, 'deploy/helm/rendered/options.yaml'), 'utf8')
  const canary = parseAllDocuments(options)
    .map((document) => document.toJS() as { kind: string; metadata: { name: string }; spec: { analysis: { webhooks: Webhook[] } } } | null)
    .find((object) => object?.kind === 'Canary' && object.metadata.name === service)
  return canary?.spec.analysis.webhooks.find(({ type }) => type === 'confirm-promotion')?.metadata.cmd ?? ''
}
interface Webhook {
  readonly type: string
  readonly metadata: { readonly cmd: string }
}

/** Whether the gate opens to a service, with what a Prometheus has on record of the objectives' budgets. */
async function opens(service: string, budgets: Readonly<Record<string, number>>): Promise<boolean> {
  const data = mkdtempSync(join(folder, 'prometheus-'))
  const rules = Object.entries(budgets).map(([name, left]) => ({
    ...{ record: 'slo:period_error_budget_remaining:ratio', expr: `vector(${left})`, labels: { sloth_slo: name } },
  }))
  writeFileSync(
    join(data, 'rules.yml'),
    stringify({ groups: [{ name: 'budgets', interval: '1s', rules: [...rules, { record: 'is_there', expr: 'vector(1)' }] }] }),
  )
  writeFileSync(join(data, 'prometheus.yml'), stringify({ rule_files: ['rules.yml'] }))
  const port = await freePort()
  const files = ['--config.file', join(data, 'prometheus.yml'), '--storage.tsdb.path', join(data, 'tsdb')]
  const program = startProgram('prometheus', [...files, '--web.listen-address', `127.0.0.1:${port}`])
  const url = `http://127.0.0.1:${port}`
  try {
    const isThere = async () =>
      (
        await fetch(`${url}/api/v1/query?query=is_there`).then(
          (answer) => answer.text(),
          () => '',
        )
      ).includes('"value"')
    await until(isThere, { deadlineMs: 60_000, everyMs: 200, message: 'the budgets are on record' })
    const run = promisify(execFile)('bash', ['-c', gateOf(service).replaceAll('http://prometheus.monitoring:9090', url)])
    return await run.then(
      () => true,
      () => false,
    )
  } finally {
    await program.stop()
  }
}

const authorised = (outcome: string) => `payments_operations_total{kind="authorise",outcome="${outcome}"}`
const unknown = 'payments_trouble_total{kind="authorise",outcome="unknown"}'
const asked = (status: number) =>
  `http_server_request_duration_seconds_count{http_request_method="POST",http_route="/v1/orders",http_response_status_code="${status}"}`

describe('the gate before promotion', () => {
  it('opens where each objective has some of its budget left, and not where one has none or nobody knows', async () => {
    assert.equal(await opens('core-service', { 'order-placing': 0.4, 'payment-success': 0.01 }), true)
    assert.equal(await opens('core-service', { 'order-placing': 0.4, 'payment-success': -0.2, 'sign-in': 1 }), false)
    assert.equal(await opens('core-service', { 'order-placing': 0.4 }), false)
  })
})

describe('what Flagger asks of a canary', () => {
  it('is by how many points more of its payments fail than of the primary’s, other installations left out', async () => {
    const primary: Growth = [
      [authorised('succeeded'), 'primary', 96],
      [authorised('declined'), 'primary', 4],
      [authorised('declined'), 'other', 1000],
    ]
    await isWorth(
      'core-service',
      'payments-failed',
      [...primary, [authorised('succeeded'), 'canary', 24], [authorised('declined'), 'canary', 1]],
      0,
    )
    await isWorth(
      'core-service',
      'payments-failed',
      [...primary, [authorised('succeeded'), 'canary', 0], [authorised('declined'), 'canary', 10]],
      96,
    )
    await isWorth('core-service', 'payments-failed', [...primary, [authorised('succeeded'), 'canary', 4], [unknown, 'canary', 4]], 46)
  })

  it('is by how many points fewer of the requests to place an order come to one', async () => {
    const primary: Growth = [
      [asked(201), 'primary', 90],
      [asked(409), 'primary', 10],
      ['orders_placed_total{}', 'primary', 90],
    ]
    await isWorth('core-service', 'orders-placed', [...primary, [asked(201), 'canary', 10], ['orders_placed_total{}', 'canary', 9]], 0)
    await isWorth('core-service', 'orders-placed', [...primary, [asked(201), 'canary', 10], ['orders_placed_total{}', 'canary', 0]], -90)
    await isWorth('api-gateway', 'orders-taken', [...primary, [asked(503), 'canary', 10]], -90)
  })

  it('is nothing where too few came, nor where none did; and its own share where the primary had none', async () => {
    const few: Growth = [[authorised('declined'), 'canary', 0.5]]
    await isWorth('core-service', 'payments-failed', few, 0)
    await isWorth('core-service', 'payments-failed', [], 0)
    await isWorth('core-service', 'payments-failed', [[authorised('declined'), 'canary', 10]], 100)
  })

  it('is nowhere wrong in its words', async () => {
    for (const object of templates) {
      const [, service = '', metric = ''] = /^(\w+-\w+)-(.*)$/.exec(object?.metadata.name ?? '') ?? []
      await isWorth(service, metric, [], 0)
    }
  })
})
