import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { stringify } from 'yaml'
import { readObjectives, type Objective } from './objectives.js'

/** Recording rules and burn-rate alerts of all objectives. */
export const OBJECTIVE_RULES = 'deploy/prometheus/rules/objectives.yml'
const SLOTH = 'github.com/slok/sloth/cmd/sloth@v0.16.0'
const FIRST_BUILD_WITHIN_MS = 900_000

const WINDOW = '[{{.window}}]'

/** Nothing good counts as zero and not as no answer: else the worst outage would burn nothing. */
const errorsOf = ({ good, total }: Objective): string => `sum(rate(${total}${WINDOW})) - (sum(rate(${good}${WINDOW})) or vector(0))`

/** Without events there is no ratio: 0 / 0 would be NaN, and so would every mean over it. */
const totalOf = ({ total }: Objective): string => `sum(rate(${total}${WINDOW})) > 0`

/** `order-placing` → `OrderPlacingBudgetBurns`. */
export const alertOf = ({ name }: Objective): string =>
  `${name.replaceAll(/(?:^|-)([a-z])/g, (_all, letter: string) => letter.toUpperCase())}BudgetBurns`

/** An objective as sloth takes it (its own format: of OpenSLO it reads v1alpha alone, and makes no alerts of it). */
const slothOf = (objective: Objective): string =>
  stringify(
    {
      version: 'prometheus/v1',
      service: objective.service,
      slos: [
        {
          name: objective.name,
          objective: Number((objective.target * 100).toFixed(4)),
          description: objective.description,
          sli: { events: { error_query: errorsOf(objective), total_query: totalOf(objective) } },
          alerting: {
            name: alertOf(objective),
            labels: { owner: objective.owner, service: objective.service },
            annotations: {
              summary: `${objective.title}: the error budget of 30 days burns too fast`,
              description: `${objective.description}; ${objective.target * 100} % of them in 30 days.`,
              runbook_url: `{{ $externalLabels.runbooks }}/${objective.name}.md`,
              dashboard_url: '{{ $externalLabels.grafana }}/d/catamaran-overview',
            },
            page_alert: { labels: { severity: 'page' } },
            ticket_alert: { labels: { severity: 'ticket' } },
          },
        },
      ],
    },
    { lineWidth: 0 },
  )

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const stamped = (input: string, rules: string): string =>
  `# Made of deploy/slo by ${SLOTH}: npm run generate. Not by hand: the check compares these sums.\n# objectives ${sha256(input)}\n# rules ${sha256(rules)}\n${rules}`

/** The rules of a file when they were made of this input and nobody touched them since. */
const keptOf = (file: string, input: string): string | undefined => {
  if (!existsSync(file)) return undefined
  const text = readFileSync(file, 'utf8')
  const rules = text.split('\n').slice(3).join('\n')
  return text === stamped(input, rules) ? text : undefined
}

/** Runs sloth: built by Go at the first time, unless SLOTH names a binary of the same version. */
async function runSloth(input: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'catamaran-sloth-'))
  try {
    const file = join(folder, 'objectives.yaml')
    writeFileSync(file, input)
    const args = ['generate', '--no-log', '--input', file]
    const binary = process.env['SLOTH']
    const [command, before] = binary === undefined ? ['go', ['run', SLOTH]] : [binary, []]
    const { stdout } = await promisify(execFile)(command, [...before, ...args], { cwd: folder, timeout: FIRST_BUILD_WITHIN_MS })
    // A document for each objective; together they are one list of groups.
    return `groups:\n${stdout.replaceAll(/^(---|#.*|groups:|)\n/gm, '')}`
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error
    throw new Error('the objectives changed, so sloth makes their rules anew, and that needs Go 1.26 or newer', { cause: error })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * The file of rules. Sloth, and so Go, is needed only where the objectives changed since it was made.
 * @throws Error when it has to be made anew and `write` is false
 */
export async function objectiveRules(root: string, write: boolean): Promise<string> {
  const input = readObjectives(root).map(slothOf).join('---\n')
  const kept = keptOf(join(root, OBJECTIVE_RULES), input)
  if (kept === undefined && !write) throw new Error('deploy/slo or the rules themselves were changed: run npm run generate (it needs Go)')
  return kept ?? stamped(input, await runSloth(input))
}
