import { checkCharts } from './chart-rules.js'
import { checkCompose } from './compose.js'
import { checkFlags } from './flags.js'
import { checkGenerated } from './generated.js'
import { checkHygiene } from './hygiene.js'
import { checkLayers } from './layers.js'
import { format, lint } from './oxc.js'
import { checkPackages } from './packages.js'
import { checkSources } from './source-rules.js'
import { readWorkspace, type Fault, type Workspace } from './workspace.js'

export interface CheckOptions {
  readonly root: string
  /** Format and generate instead of complaining. */
  readonly write: boolean
  /** The registry that npm is set to, so that its host stays out of the files. */
  readonly registry?: string | undefined
}

export interface Context extends CheckOptions {
  /** What is in the tree, read at the first call. */
  readonly workspace: () => Promise<Workspace>
  /** Tells what is worth knowing though nothing is wrong. */
  readonly note: (text: string) => void
}

export interface Step {
  readonly name: string
  readonly says: string
  /** It changes files when asked to write. */
  readonly writes?: boolean
  /** What is wrong, as text; undefined or empty when nothing is. */
  readonly run: (context: Context) => Promise<string | undefined>
}

const lines = (faults: readonly Fault[]): string =>
  faults.map(({ path, line, message }) => `${path}${line === undefined ? '' : `:${line}`} ${message}`).join('\n')

const over =
  (check: (workspace: Workspace, context: Context) => Fault[]): Step['run'] =>
  async (context) =>
    lines(check(await context.workspace(), context))

export const STEPS: readonly Step[] = [
  { name: 'format', says: 'oxfmt', writes: true, run: ({ root, write }) => format(root, write) },
  { name: 'lint', says: 'oxlint with types', run: ({ root }) => lint(root) },
  { name: 'sources', says: 'reasons for exceptions, tests that run and wait well, sizes', run: over(checkSources) },
  { name: 'packages', says: 'package.json, imports, tsconfig references and lock file agree', run: over(checkPackages) },
  { name: 'layers', says: 'imports go one way', run: over(checkLayers) },
  {
    name: 'flags',
    says: 'flags are declared, used, and reviewed in time',
    run: over((workspace, { note }) => checkFlags(workspace, note, new Date())),
  },
  {
    name: 'generated',
    says: 'generated files unchanged, events and API compatible',
    writes: true,
    run: async ({ root, write, note }) => lines(await checkGenerated(root, write, undefined, note)),
  },
  {
    name: 'compose',
    says: 'containers are confined, limited, watched and fully configured',
    run: async ({ workspace }) => lines(await checkCompose(await workspace())),
  },
  {
    name: 'charts',
    says: 'what the charts make is confined, limited, reachable by the call table and fully configured',
    run: async ({ workspace }) => lines(await checkCharts(await workspace())),
  },
  {
    name: 'hygiene',
    says: 'no registry host, machine path, private key or unfinished work',
    run: over((workspace, { registry }) => checkHygiene(workspace, registry)),
  },
]

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`
const indented = (text: string): string => text.replace(/^(?=.)/gm, '  ')

async function runStep({ name, says, run }: Step, context: Context, say: (text: string) => void): Promise<string[]> {
  const since = performance.now()
  const wrong = await run(context).catch((error: unknown) => `could not run: ${error instanceof Error ? error.message : String(error)}`)
  say(`${wrong ? 'failed' : 'ok    '} ${name.padEnd(10)} ${seconds(since).padStart(6)}  ${says}\n${wrong ? `${indented(wrong)}\n` : ''}`)
  return wrong ? [name] : []
}

/**
 * Runs the steps side by side (those that write before those that only read) and says how each went as soon as it is known.
 * Resolves to the names of those that failed.
 */
export async function runSteps(steps: readonly Step[], options: CheckOptions, say: (text: string) => void): Promise<string[]> {
  let read: Promise<Workspace> | undefined
  // Not at once: the lint's process starts first, and this one reads and parses beside it.
  const workspace = () => (read ??= new Promise((resolve) => setImmediate(resolve)).then(() => readWorkspace(options.root)))
  const note = (text: string) => say(`note   ${text}\n`)
  const failed: string[] = []
  for (const isWriting of options.write ? [true, false] : [undefined]) {
    const wave = steps.filter(({ writes }) => isWriting === undefined || isWriting === (writes ?? false))
    failed.push(...(await Promise.all(wave.map((step) => runStep(step, { ...options, workspace, note }, say)))).flat())
  }
  return failed
}
