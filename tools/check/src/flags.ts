import { FLAGS, METRICS, type FlagSpec } from '@catamaran/flags/registry'
import ts from 'typescript'
import { lineOf } from './imports.js'
import type { Fault, Source, Workspace } from './workspace.js'

export interface Registry {
  readonly flags: Readonly<Record<string, FlagSpec>>
  readonly metrics: readonly string[]
}

const REGISTRY = 'libs/flags/src/registry.ts'
const OURS: Registry = { flags: FLAGS, metrics: METRICS }
const GRACE_MS = 30 * 24 * 3_600_000
/** How code asks for flags and tells of metrics, on something that is called flags. */
const ASKS = /^(?:\w+\.)*flags\.(value|forCaller|track)$/

interface Use {
  readonly name: string | undefined
  readonly isMetric: boolean
  readonly path: string
  readonly line: number
}

function usesIn({ ast, path }: Source): Use[] {
  const uses: Use[] = []
  const visit = (node: ts.Node): void => {
    const method = ts.isCallExpression(node) ? ASKS.exec(node.expression.getText(ast))?.[1] : undefined
    if (method !== undefined && ts.isCallExpression(node)) {
      const [first] = node.arguments
      const name = first !== undefined && ts.isStringLiteral(first) ? first.text : undefined
      uses.push({ name, isMetric: method === 'track', path, line: lineOf(ast, node) })
    }
    ts.forEachChild(node, visit)
  }
  visit(ast)
  return uses
}

function checkUse({ name, isMetric, path, line }: Use, { flags, metrics }: Registry): Fault[] {
  if (name === undefined)
    return [{ path, line, message: 'a flag is named where it is asked for, as a literal, so that it is found when it goes' }]
  if (isMetric ? metrics.includes(name) : name in flags) return []
  return [{ path, line, message: `the ${isMetric ? 'metric' : 'flag'} ${name} is not declared in ${REGISTRY}` }]
}

const unused = (what: string): Fault => ({ path: REGISTRY, message: `${what}: remove it, or use it` })

/** A flag past its review day is told of; 30 days later it is a fault. */
function checkAge(key: string, { reviewBy, owner }: FlagSpec, now: Date, note: (text: string) => void): Fault[] {
  const ageMs = now.getTime() - Date.parse(`${reviewBy}T23:59:59Z`)
  if (Number.isNaN(ageMs)) return [{ path: REGISTRY, message: `${key} has the review day ${reviewBy}, which is no day` }]
  if (ageMs <= 0) return []
  const message = `${key} was to be reviewed by ${reviewBy} (${owner}): remove it, or give it a new day (docs/using-flags.md)`
  if (ageMs > GRACE_MS) return [{ path: REGISTRY, message }]
  note(`flags: ${message}. In 30 days from then the check fails.`)
  return []
}

/**
 * Every flag that the services ask for is declared, every declared one is asked for, likewise the metrics of experiments, and none is older than
 * somebody has answered for.
 */
export function checkFlags({ packages }: Workspace, note: (text: string) => void, now: Date, registry = OURS): Fault[] {
  const sources = packages.flatMap(({ kind, sources: found }) =>
    kind === 'apps' || kind === 'libs' ? found.filter(({ isTest }) => !isTest) : [],
  )
  const uses = sources.filter(({ text }) => text.includes('flags.')).flatMap(usesIn)
  const isUsed = (name: string, isMetric: boolean) => uses.some((use) => use.name === name && use.isMetric === isMetric)
  const flags = Object.entries(registry.flags)
  return [
    ...uses.flatMap((use) => checkUse(use, registry)),
    ...flags.filter(([key]) => !isUsed(key, false)).map(([key]) => unused(`nothing asks for the flag ${key}`)),
    ...registry.metrics.filter((name) => !isUsed(name, true)).map((name) => unused(`nothing tells of the metric ${name}`)),
    ...registry.metrics
      .filter((name) => !flags.some(([, { metric }]) => metric === name))
      .map((name) => unused(`no experiment is judged by the metric ${name}`)),
    ...flags
      .filter(([, { kind, metric }]) => kind === 'experiment' && metric === undefined)
      .map(([key]) => ({ path: REGISTRY, message: `the experiment ${key} has no metric: say what it is judged by` })),
    ...flags.flatMap(([key, spec]) => checkAge(key, spec, now, note)),
  ]
}
