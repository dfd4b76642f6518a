import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { alertOf, OBJECTIVE_RULES, readObjectives, type Objective } from '@catamaran/observe'
import { stringify } from 'yaml'
import { promtool, root } from './setting.js'

const HTTP = 'http_request_method="GET", http_response_status_code="200"'
const PLACE = 'service="api-gateway", http_request_method="POST", http_route="/v1/orders"'
const SIGN_IN = 'service="api-gateway", http_request_method="POST"'
const READ = `service="api-gateway", ${HTTP}, http_route="/v1/products/{id}"`

/** The series by which a system would tell of an objective: what counts all events, what the good ones, what the bad ones. */
const SERIES: Readonly<Record<string, Readonly<Partial<Record<'all' | 'good' | 'bad', string>>>>> = {
  'product-reads': {
    all: `http_server_request_duration_seconds_count{${READ}}`,
    good: `http_server_request_duration_seconds_bucket{${READ}, le="0.25"}`,
  },
  'order-placing': {
    all: `http_server_request_duration_seconds_count{${PLACE}, http_response_status_code="409"}`,
    good: `http_server_request_duration_seconds_bucket{${PLACE}, http_response_status_code="409", le="1"}`,
  },
  'payment-success': {
    good: 'payments_operations_total{service="core-service", kind="authorise", outcome="declined"}',
    bad: 'payments_trouble_total{service="core-service", kind="authorise", outcome="unknown"}',
  },
  'sign-in': {
    good: `http_server_request_duration_seconds_count{${SIGN_IN}, http_route="/account/*", http_response_status_code="303"}`,
    bad: `http_server_request_duration_seconds_count{${SIGN_IN}, http_route="/oidc/*", http_response_status_code="503"}`,
  },
  'webhook-delay': {
    all: 'webhooks_delay_seconds_count{service="aux-service"}',
    good: 'webhooks_delay_seconds_bucket{service="aux-service", le="5"}',
  },
}

const STEP_MIN = 2
const EVENTS = 100_000

/** A stretch of time in which the budget burns so many times faster than it lasts for. */
interface Stretch {
  readonly minutes: number
  readonly burn: number
}

/** A counter over some stretches, in promtool's notation. */
const counterOver = (stretches: readonly Stretch[], perStep: (burn: number) => number): string => {
  let value = 0
  return stretches
    .map(({ minutes, burn }) => {
      const steps = minutes / STEP_MIN
      const each = Math.round(perStep(burn))
      const text = `${value}+${each}x${steps - 1}`
      value += each * steps
      return text
    })
    .join(' ')
}

const seriesOf = ({ name, target }: Objective, stretches: readonly Stretch[]) =>
  Object.entries(SERIES[name] ?? {}).map(([what, series]) => {
    const bad = (burn: number) => EVENTS * Math.min(1, burn * (1 - target))
    const perStep = { all: () => EVENTS, bad, good: (burn: number) => EVENTS - bad(burn) }[what as 'all' | 'good' | 'bad']
    return { series, values: counterOver(stretches, perStep) }
  })

/** An alert with all that it tells. */
const alertFor = (objective: Objective, severity: 'page' | 'ticket') => ({
  exp_labels: {
    ...{ severity, sloth_severity: severity, owner: objective.owner, service: objective.service },
    ...{ sloth_id: `${objective.service}-${objective.name}`, sloth_service: objective.service, sloth_slo: objective.name },
  },
  exp_annotations: {
    summary: `${objective.title}: the error budget of 30 days burns too fast`,
    description: `${objective.description}; ${objective.target * 100} % of them in 30 days.`,
    runbook_url: `https://runbooks.test/${objective.name}.md`,
    dashboard_url: 'https://grafana.test/d/catamaran-overview',
    title: `(${severity}) ${objective.service} ${objective.name} SLO error budget burn rate is too fast.`,
  },
})

const folder = mkdtempSync(join(tmpdir(), 'catamaran-rules-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Which alerts of each objective there are at some minutes of a history; promtool says where that is not so. */
async function tried(stretches: readonly Stretch[], expected: Readonly<Record<number, readonly ('page' | 'ticket')[]>>): Promise<void> {
  const tests = readObjectives(root).map((objective) => ({
    interval: `${STEP_MIN}m`,
    external_labels: { grafana: 'https://grafana.test', runbooks: 'https://runbooks.test' },
    input_series: seriesOf(objective, stretches),
    alert_rule_test: Object.entries(expected).map(([minutes, severities]) => ({
      eval_time: `${minutes}m`,
      alertname: alertOf(objective),
      exp_alerts: severities.map((severity) => alertFor(objective, severity)),
    })),
  }))
  const file = join(folder, 'objectives.yml')
  // Looked at so seldom, a record is stale for an alert that is looked at before it.
  const group_eval_order = readObjectives(root).flatMap(({ service, name }) =>
    ['sli-recordings', 'meta-recordings', 'alerts'].map((kind) => `sloth-slo-${kind}-${service}-${name}`),
  )
  writeFileSync(file, stringify({ rule_files: [join(root, OBJECTIVE_RULES)], evaluation_interval: '10m', group_eval_order, tests }))
  await promtool('test', 'rules', file)
}

const HOUR = 60
const quiet = (hours: number): Stretch => ({ minutes: hours * HOUR, burn: 0.5 })

describe('what an objective’s alerts do', () => {
  it('a fast burn pages within its window of an hour, and no more once it is over', () =>
    tried([quiet(6), { minutes: 60, burn: 20 }, { minutes: 60, burn: 0 }], {
      [6 * HOUR]: [],
      [6 * HOUR + 30]: ['ticket'],
      [6 * HOUR + 50]: ['page', 'ticket'],
      [6 * HOUR + 90]: ['ticket'],
    }))

  it('a slow burn makes a ticket, and pages nobody', () =>
    tried([quiet(6), { minutes: 12 * HOUR, burn: 4 }], { [6 * HOUR + 30]: [], [12 * HOUR]: ['ticket'], [18 * HOUR]: ['ticket'] }))

  it('noise does neither: half of what the budget bears, and a peak of sixty times as much for six minutes', () =>
    tried([{ minutes: 18 * HOUR - 6, burn: 0.5 }, { minutes: 6, burn: 60 }, quiet(2)], {
      [18 * HOUR]: [],
      [18 * HOUR + 10]: [],
      [20 * HOUR]: [],
    }))

  it('an outage in which nothing is good at all, so that no series says so, pages', async () => {
    const [orders] = readObjectives(root).filter(({ name }) => name === 'order-placing')
    assert.ok(orders)
    const series = `http_server_request_duration_seconds_count{${PLACE}, http_response_status_code="503"}`
    const expected = { eval_time: '20m', alertname: alertOf(orders), exp_alerts: [alertFor(orders, 'page'), alertFor(orders, 'ticket')] }
    const external_labels = { grafana: 'https://grafana.test', runbooks: 'https://runbooks.test' }
    const file = join(folder, 'outage.yml')
    const tests = [{ interval: '1m', external_labels, input_series: [{ series, values: '0+10x30' }], alert_rule_test: [expected] }]
    writeFileSync(file, stringify({ rule_files: [join(root, OBJECTIVE_RULES)], evaluation_interval: '1m', tests }))
    await promtool('test', 'rules', file)
  })
})

it('the alerts of what no objective sees fire and stay silent as deploy/prometheus/tests/alerts.yml says', () =>
  promtool('test', 'rules', join(root, 'deploy/prometheus/tests/alerts.yml')))
