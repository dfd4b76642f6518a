import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { until } from '@catamaran/testing'
import { z } from 'zod'
import { freePort, root, startProgram, type Program } from './setting.js'

const SECRETS = { pagerduty: 'p'.repeat(32), opsgenie: 'e4b1f0c2-0000-4000-8000-000000000000', firehydrant: 'fh-key-0123456789' }

interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: unknown
}

/** A PagerDuty Events API v2 event: routing_key and event_action are required, of a trigger also summary, source and severity. */
const PagerDuty = z.object({
  routing_key: z.literal(SECRETS.pagerduty),
  event_action: z.enum(['trigger', 'acknowledge', 'resolve']),
  dedup_key: z.string().min(1).max(255),
  client: z.string(),
  client_url: z.url(),
  links: z.array(z.object({ href: z.url(), text: z.string().min(1) })).length(2),
  payload: z.object({
    summary: z.string().min(1).max(1024),
    source: z.string().min(1),
    severity: z.enum(['critical', 'error', 'warning', 'info']),
    class: z.string().min(1),
    component: z.string().min(1),
    group: z.string().min(1),
  }),
})

/** What Opsgenie's `POST /v2/alerts` takes: message is required, and the lengths are limits. */
const Opsgenie = z.object({
  message: z.string().min(1).max(130),
  alias: z.string().min(1).max(512),
  description: z.string().max(15_000),
  source: z.string().min(1).max(100),
  priority: z.enum(['P1', 'P2', 'P3', 'P4', 'P5']),
  tags: z.array(z.string().min(1).max(50)).max(20),
  details: z.record(z.string(), z.string()),
})

const Alert = z.object({
  status: z.enum(['firing', 'resolved']),
  labels: z.record(z.string(), z.string()),
  annotations: z.object({ summary: z.string().min(1), runbook_url: z.url(), dashboard_url: z.url() }).loose(),
  startsAt: z.iso.datetime({ offset: true }),
  fingerprint: z.string(),
})

/** What FireHydrant's transposer for Alertmanager maps: groupKey, status, receiver, and the first alert's summary and description. */
const FireHydrant = z.object({
  version: z.literal('4'),
  groupKey: z.string().min(1),
  status: z.enum(['firing', 'resolved']),
  receiver: z.string(),
  externalURL: z.url(),
  alerts: z.array(Alert).min(1),
})

const ANNOTATIONS = {
  summary: 'Product reads: the error budget of 30 days burns too fast',
  description: 'Lists and pages of products are answered within 250 ms',
  runbook_url: 'https://runbooks.test/product-reads.md',
  dashboard_url: 'https://grafana.test/d/catamaran-overview',
}
const alert = (alertname: string, severity: 'page' | 'ticket', more: object = {}) => ({
  labels: { alertname, severity, owner: 'storefront', service: 'api-gateway' },
  annotations: ANNOTATIONS,
  ...more,
})

describe('Alertmanager, with the configuration as it is', () => {
  const folder = mkdtempSync(join(tmpdir(), 'catamaran-alertmanager-'))
  const received: Received[] = []
  const receiver = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (part: string) => (text += part))
    request.on('end', () => {
      received.push({ path: request.url ?? '', headers: request.headers, body: JSON.parse(text) })
      const status = request.url === '/v2/enqueue' || request.url?.startsWith('/v2/alerts') === true ? 202 : 200
      response.writeHead(status, { 'content-type': 'application/json' }).end('{"status":"success","dedup_key":"x","requestId":"x"}')
    })
  })
  let alertmanager: Program | undefined
  let url = ''

  /** The file with these differences: receivers and secrets are here, nothing is waited for, and Debian's 0.25 takes no `url_file`. */
  const configured = (here: string): string =>
    readFileSync(join(root, 'deploy/alertmanager/alertmanager.yml'), 'utf8')
      .replaceAll(/https:\/\/(events\.pagerduty|api\.opsgenie)\.com/g, here)
      .replace('url_file: /etc/alertmanager/secrets/firehydrant-url', `url: ${here}/v1/transpose/alertmanager/${SECRETS.firehydrant}`)
      .replaceAll('/etc/alertmanager', folder)
      .replaceAll(/(group_wait|group_interval): \w+/g, '$1: 100ms')

  before(async () => {
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    const here = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
    mkdirSync(join(folder, 'secrets'))
    writeFileSync(join(folder, 'secrets/pagerduty-routing-key'), SECRETS.pagerduty)
    writeFileSync(join(folder, 'secrets/opsgenie-api-key'), SECRETS.opsgenie)
    writeFileSync(join(folder, 'alertmanager.yml'), configured(here))
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    const own = [`--config.file=${folder}/alertmanager.yml`, `--storage.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`]
    alertmanager = startProgram('alertmanager', [...own, '--cluster.listen-address=', '--log.level=debug'])
    await until(async () => (await fetch(`${url}/-/ready`)).ok, { message: 'Alertmanager is ready', deadlineMs: 20_000 }).catch((error) => {
      throw new Error(alertmanager?.output(), { cause: error })
    })
  })
  after(async () => {
    await alertmanager?.stop()
    await new Promise((resolve) => receiver.close(resolve))
    rmSync(folder, { recursive: true, force: true })
  })

  const send = async (...alerts: object[]): Promise<void> => {
    const answer = await fetch(`${url}/api/v2/alerts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(alerts),
    })
    assert.equal(answer.status, 200, await answer.text())
  }
  const came = (path: string, has: string): Promise<Received> =>
    until(() => received.find((one) => one.path.startsWith(path) && JSON.stringify(one.body).includes(has)), {
      ...{ message: `${path} came with ${has}`, deadlineMs: 20_000 },
    }).catch((error: unknown) => {
      throw new Error(`${alertmanager?.output().slice(-3_000)}\n${JSON.stringify(received)}`, { cause: error })
    })

  it('takes a page to PagerDuty and FireHydrant, with all that these ask for, and its end too', async () => {
    await send(alert('ProductReadsBudgetBurns', 'page'))
    const paged = PagerDuty.parse((await came('/v2/enqueue', 'ProductReads')).body)
    assert.equal(paged.event_action, 'trigger')
    assert.deepEqual(
      [paged.payload.summary, paged.payload.severity, paged.payload.class, paged.payload.component, paged.payload.group],
      [ANNOTATIONS.summary, 'critical', 'ProductReadsBudgetBurns', 'api-gateway', 'storefront'],
    )
    assert.deepEqual(
      paged.links.map(({ href }) => href),
      [ANNOTATIONS.runbook_url, ANNOTATIONS.dashboard_url],
    )
    const told = await came('/v1/transpose/alertmanager/', 'ProductReads')
    assert.equal(told.path, `/v1/transpose/alertmanager/${SECRETS.firehydrant}`)
    assert.equal(FireHydrant.parse(told.body).alerts[0]?.annotations['summary'], ANNOTATIONS.summary)

    await send(alert('ProductReadsBudgetBurns', 'page', { endsAt: new Date().toISOString() }))
    const over = (await came('/v2/enqueue', '"resolve"')).body as { event_action: string; dedup_key: string }
    assert.deepEqual([over.event_action, over.dedup_key], ['resolve', paged.dedup_key])
    assert.equal(FireHydrant.parse((await came('/v1/transpose/alertmanager/', '"status":"resolved"')).body).status, 'resolved')
  })

  it('takes a ticket to Opsgenie alone', async () => {
    await send(alert('DeadLetters', 'ticket'))
    const { path, headers, body } = await came('/v2/alerts', 'DeadLetters')
    assert.deepEqual([path, headers.authorization], ['/v2/alerts', `GenieKey ${SECRETS.opsgenie}`])
    const ticket = Opsgenie.parse(body)
    assert.deepEqual([ticket.message, ticket.priority, ticket.source], [ANNOTATIONS.summary, 'P4', 'api-gateway'])
    assert.deepEqual(ticket.tags, ['DeadLetters', 'api-gateway', 'storefront'])
    assert.deepEqual([ticket.details['runbook'], ticket.details['dashboard']], [ANNOTATIONS.runbook_url, ANNOTATIONS.dashboard_url])
    assert.ok(!received.some((one) => one.path === '/v2/enqueue' && JSON.stringify(one.body).includes('DeadLetters')))
  })

  it('makes no ticket of a budget that somebody was got up for', async () => {
    await send(alert('SignInBudgetBurns', 'page'))
    await came('/v2/enqueue', 'SignIn')
    await send(alert('SignInBudgetBurns', 'ticket'), alert('OutboxWaits', 'ticket'))
    await came('/v2/alerts', 'OutboxWaits') // sent with it and behind it, so the other one had its turn
    assert.ok(!received.some((one) => one.path === '/v2/alerts' && JSON.stringify(one.body).includes('SignIn')))
    const alerts = (await (await fetch(`${url}/api/v2/alerts?filter=alertname="SignInBudgetBurns"`)).json()) as { status: object }[]
    assert.deepEqual(alerts.map(({ status }) => (status as { state: string }).state).toSorted(), ['active', 'suppressed'])
  })
})
