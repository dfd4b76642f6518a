import { compareOpenApi } from 'api-smart-diff'

/** What of an OpenAPI document is looked at here. */
export interface OpenApi {
  readonly paths: Record<string, Record<string, unknown>>
}

interface Change {
  readonly action: string
  readonly type: string
  readonly path: readonly (string | number)[]
  readonly before?: unknown
  readonly after?: unknown
}

/** Keywords in which any change is another meaning, on whichever side: what api-smart-diff lets pass in answers. */
const FIXED: readonly unknown[] = ['type', 'format', 'pattern', 'const']

/** Unknown fields are refused, so a field that is taken no more breaks who sends it, as one that comes no more breaks who reads it. */
const isBreaking = ({ action, type, path }: Change): boolean =>
  type === 'breaking' ||
  (action !== 'add' && path.at(-2) !== 'properties' && FIXED.includes(path.at(-1))) ||
  (action === 'remove' && path.at(-2) === 'properties')

/** A parameter by its name, anything else as it is. */
const shownOf = (value: unknown): string => JSON.stringify((value as { name?: unknown } | null)?.name ?? value)

/** The same for the same change whatever else changes: a place in a list is told by what stands there. */
const sentenceOf = ({ action, path, before, after }: Change): string => {
  const [, route, method, ...rest] = path
  const named = rest.map((part, index) => (typeof part === 'number' && index === rest.length - 1 ? shownOf(before ?? after) : part))
  const where = named.filter((part) => !['schema', 'properties', 'content', 'application/json'].includes(String(part))).join(' ')
  return `${method === undefined ? 'all of' : String(method).toUpperCase()} ${route}: ${action} ${where === '' ? 'the operation' : where}`
}

/**
 * Every change between two OpenAPI documents that breaks a caller of the old one, a sentence each: an operation, field or answer gone, input that was
 * taken and is no more, an answer of another shape. New operations, optional input and new fields of answers are fine.
 */
export const apiIncompatibilities = (old: OpenApi, now: OpenApi): string[] => {
  const { diffs } = compareOpenApi(old, now) as unknown as { diffs: Change[] }
  // Shared schemas are looked at where they are used: there it is known whether they come in or go out.
  return [...new Set(diffs.filter((change) => change.path[0] === 'paths' && isBreaking(change)).map(sentenceOf))]
}
