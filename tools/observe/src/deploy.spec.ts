import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { dashboards } from './dashboards.js'
import { alertOf, readObjectives } from './index.js'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

interface Rule {
  readonly alert?: string
  readonly labels: Record<string, string>
  readonly annotations: Record<string, string>
}

const RULES = 'deploy/prometheus/rules'
const alerts = readdirSync(join(root, RULES))
  .flatMap((file) => (parse(readFileSync(join(root, RULES, file), 'utf8')) as { groups: { rules: Rule[] }[] }).groups)
  .flatMap(({ rules }) => rules.filter(({ alert }) => alert !== undefined))

/** What a runbook says, under these headings. */
const HEADINGS = ['What it means', 'Look', 'Do', 'Be sure', 'Tried']

describe('what an alert tells whoever is got up', () => {
  it('is who owns it and how soon to come', () => {
    for (const { alert, labels } of alerts)
      assert.ok(labels['owner'] !== undefined && ['page', 'ticket'].includes(labels['severity'] ?? ''), alert)
  })

  it('is a page and a ticket for each objective', () => {
    const names = alerts.map(({ alert, labels }) => `${alert} ${labels['severity']}`)
    for (const objective of readObjectives(root))
      for (const severity of ['page', 'ticket']) assert.ok(names.includes(`${alertOf(objective)} ${severity}`), objective.name)
  })

  it('is a dashboard that exists', () => {
    const names = dashboards(root).map(({ path }) => path.replace(/.*\/(.*)\.json/, '{{ $externalLabels.grafana }}/d/catamaran-$1'))
    for (const { alert, annotations } of alerts) {
      const url = annotations['dashboard_url']?.replace('{{ $labels.service }}', 'core-service') ?? ''
      assert.ok(names.includes(url), `${alert}: ${url}`)
    }
  })

  it('is a runbook: what it means, what to look at, what to do, how to be sure, and when that was tried', () => {
    const linked = alerts.map(({ annotations }) => annotations['runbook_url']?.replace('{{ $externalLabels.runbooks }}/', '') ?? '')
    for (const file of linked) {
      const path = join(root, 'docs/runbooks', file)
      assert.ok(existsSync(path), `docs/runbooks/${file} is missing`)
      const headings = [...readFileSync(path, 'utf8').matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)
      assert.deepEqual(headings, HEADINGS, file)
    }
    // Restoring is what a person decides, and no alert.
    assert.deepEqual(readdirSync(join(root, 'docs/runbooks')).toSorted(), [...new Set([...linked, 'restore.md'])].toSorted())
  })
})
