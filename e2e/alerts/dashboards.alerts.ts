import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { apiKey, createCatamaran, dataOf } from '@catamaran/sdk'
import { startSystem, type RunningSystem } from '@catamaran/stack'
import { until } from '@catamaran/testing'
import { parse, stringify } from 'yaml'
import { journey } from '../src/journey.js'
import { freePort, root, startProgram, type Program } from './setting.js'

const FOLDER = join(root, 'deploy/grafana/dashboards')
const PANELS = readdirSync(FOLDER).flatMap((file) => {
  const { panels } = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as { panels: { title: string; targets: { expr: string }[] }[] }
  return panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ name: `${file} “${title}”`, expr })))
})

interface Config {
  readonly global: object
  readonly scrape_configs: readonly [{ readonly relabel_configs: unknown }]
}

/** A new buyer's whole way, and an order of what the demo partner sells, so that its receiver hears of it. */
const visit = async (system: RunningSystem): Promise<void> => {
  const { accessToken } = await journey(system, () => undefined)
  const seller = createCatamaran({ baseUrl: system.gateway, auth: apiKey(system.demo?.partner.apiKey ?? '') })
  const { items } = await dataOf(seller.GET('/v1/partner/products', { params: { query: { limit: 20 } } }))
  const buyer = createCatamaran({ baseUrl: system.gateway, auth: { token: () => accessToken } })
  const deliveryAddress = { name: 'A Buyer', line1: 'Havenkade 12', city: 'Rotterdam', postalCode: '3011 AA', country: 'NL' }
  const lines = items.filter(({ status }) => status === 'active').slice(0, 1)
  await dataOf(
    buyer.POST('/v1/orders', {
      params: { header: { 'Idempotency-Key': randomUUID() } },
      body: { lines: lines.map(({ id }) => ({ productId: id, quantity: 1 })), deliveryAddress, paymentMethod: 'card_ok' },
    }),
  )
}

/** The file with these differences: it looks every second, at the services where they are, and sends no alert. */
const configured = ({ services }: RunningSystem): string => {
  const { global } = parse(readFileSync(join(root, 'deploy/prometheus/prometheus.yml'), 'utf8')) as Config
  const static_configs = Object.entries(services).map(([service, { admin }]) => ({ targets: [new URL(admin).host], labels: { service } }))
  return stringify({
    global: { ...global, scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [join(root, 'deploy/prometheus/rules/*.yml')],
    scrape_configs: [{ job_name: 'catamaran', static_configs }],
  })
}

describe('a Prometheus that scrapes the running system', () => {
  const folder = mkdtempSync(join(tmpdir(), 'catamaran-prometheus-'))
  let started: Awaited<ReturnType<typeof startSystem>> | undefined
  let prometheus: Program | undefined
  let url = ''

  before(async () => {
    started = await startSystem()
    writeFileSync(join(folder, 'prometheus.yml'), configured(started.system))
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    const where = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`]
    const links = { GRAFANA_URL: 'https://grafana.test', RUNBOOKS_URL: 'https://runbooks.test' }
    prometheus = startProgram('prometheus', [...where, '--enable-feature=expand-external-labels'], links)
    await until(async () => (await fetch(`${url}/-/ready`)).ok, { message: 'Prometheus is ready', deadlineMs: 30_000 })
  })
  after(async () => {
    await prometheus?.stop()
    await started?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const ask = async (query: string): Promise<readonly { metric: Record<string, string>; value: [number, string] }[]> => {
    const answer = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query })}`)
    const { status, data, error } = (await answer.json()) as { status: string; error?: string; data: { result: [] } }
    assert.equal(status, 'success', `${query}: ${error}`)
    return data.result
  }
  const isShown = async (expr: string): Promise<boolean> =>
    (await ask(expr.replaceAll('$__rate_interval', '30s'))).some(({ value: [, value] }) => value !== 'NaN')

  it('leaves no panel of any dashboard empty', async () => {
    const { system } = started as NonNullable<typeof started>
    await until(async () => (await ask('up == 1')).length === 4, { message: 'all four services are scraped', deadlineMs: 20_000 })
    let empty = PANELS
    await until(
      async () => {
        // Again and again: a rate is of what came since the first look.
        await visit(system)
        const shown = await Promise.all(empty.map(({ expr }) => isShown(expr)))
        empty = empty.filter((_panel, index) => shown[index] !== true)
        return empty.length === 0
      },
      { everyMs: 1_000, deadlineMs: 60_000 },
    ).catch(() => undefined)
    assert.deepEqual(
      empty.map(({ name, expr }) => `${name}: ${expr}`),
      [],
      `of ${PANELS.length} queries`,
    )
  })

  it('finds every rule healthy and no alert in a system that is well', async () => {
    const { data } = (await (await fetch(`${url}/api/v1/rules`)).json()) as {
      data: { groups: { rules: { name: string; health: string; lastError?: string; state?: string }[] }[] }
    }
    const rules = data.groups.flatMap((group) => group.rules)
    assert.ok(rules.length > 80)
    assert.deepEqual(
      rules.filter(({ health, state = 'inactive' }) => health !== 'ok' || state !== 'inactive'),
      [],
    )
  })
})
