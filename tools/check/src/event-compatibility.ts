import type { AsyncApi, JsonSchema } from './asyncapi.js'

/** Keywords in which any change is another meaning. */
const FIXED = ['type', 'format', 'pattern', 'const', 'anyOf', 'oneOf', 'allOf', 'not', 'multipleOf', 'uniqueItems'] as const
const LOWER = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'] as const
const UPPER = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'] as const

const text = (value: unknown): string => JSON.stringify(value) ?? 'nothing'
const list = (value: readonly unknown[] | undefined): string[] => (value ?? []).map(text)

/** A schema and the document in which its references are looked up. */
interface Part {
  readonly schema: JsonSchema
  readonly document: AsyncApi
}

const at = ({ document }: Part, schema: JsonSchema): Part => {
  const name = schema.$ref?.replace('#/components/schemas/', '')
  return { document, schema: (name === undefined ? undefined : document.components.schemas[name]) ?? schema }
}

/** Bounds that shut out values which were allowed. */
function tightened(old: JsonSchema, now: JsonSchema): string[] {
  const isHigher = (a: unknown, b: unknown) => typeof b === 'number' && (typeof a !== 'number' || b > a)
  const isLower = (a: unknown, b: unknown) => typeof b === 'number' && (typeof a !== 'number' || b < a)
  return [
    ...LOWER.filter((keyword) => isHigher(old[keyword], now[keyword])),
    ...UPPER.filter((keyword) => isLower(old[keyword], now[keyword])),
  ].map((keyword) => `${keyword} was tightened from ${text(old[keyword])} to ${text(now[keyword])}`)
}

function changedFields(where: string, old: Part, now: Part): string[] {
  const before = old.schema.properties ?? {}
  const after = now.schema.properties ?? {}
  const required = new Set(old.schema.required)
  const requiredNow = new Set(now.schema.required)
  return [
    ...Object.keys(before).flatMap((name) => {
      const [was, is] = [before[name], after[name]]
      if (!is) return [`${where}.${name} was removed or renamed`]
      return was ? changes(`${where}.${name}`, at(old, was), at(now, is)) : []
    }),
    ...[...requiredNow].filter((name) => !required.has(name)).map((name) => `${where}.${name} is required now, older events lack it`),
    ...[...required]
      .filter((name) => !requiredNow.has(name) && name in after)
      .map((name) => `${where}.${name} may be missing now, readers rely on it`),
  ]
}

/** What changed between two schemas so that stored events or running readers would break. New optional fields and values are fine. */
function changes(where: string, old: Part, now: Part): string[] {
  const { schema: was } = old
  const { schema: is } = now
  const fixed = FIXED.filter((keyword) => text(was[keyword]) !== text(is[keyword]))
  const values = list(is.enum)
  const closes = was['additionalProperties'] !== false && is['additionalProperties'] === false
  return [
    ...fixed.map((keyword) => `${where}: ${keyword} changed from ${text(was[keyword])} to ${text(is[keyword])}`),
    ...(is.enum ? (was.enum ? list(was.enum).filter((value) => !values.includes(value)) : ['any value']) : []).map(
      (value) => `${where} no longer allows ${value}`,
    ),
    ...tightened(was, is).map((change) => `${where}: ${change}`),
    ...(closes ? [`${where} refuses unknown fields now`] : []),
    ...changedFields(where, old, now),
    ...(was.items && is.items ? changes(`${where}[]`, at(old, was.items), at(now, is.items)) : []),
  ]
}

const topicOf = (document: AsyncApi, type: string): string | undefined =>
  Object.keys(document.channels).find((topic) => type in (document.channels[topic]?.messages ?? {}))

const nextVersion = (type: string): string => type.replace(/\.v(\d+)$/, (_, version: string) => `.v${Number(version) + 1}`)

/** Every reason why `now` may not replace `old`: one sentence each, with the way out. */
export function incompatibilities(old: AsyncApi, now: AsyncApi): string[] {
  const events = Object.entries(old.components.messages).flatMap(([type, was]) => {
    const is = now.components.messages[type]
    const wayOut = `make a ${nextVersion(type)} beside it`
    if (!is) return [`${type} was removed: stored events still carry it. Keep it, and ${wayOut}`]
    const [from, to] = [topicOf(old, type), topicOf(now, type)]
    const found = [
      ...(from === to ? [] : [`moved from topic ${from} to ${to}`]),
      ...(text(was.bindings.kafka.key) === text(is.bindings.kafka.key) ? [] : ['has another kind of key']),
      ...changes('data', at({ document: old, schema: {} }, was.payload), at({ document: now, schema: {} }, is.payload)),
    ]
    return found.map((change) => `${type}: ${change}. Leave it as it was, and ${wayOut}`)
  })
  const topics = Object.entries(old.channels).flatMap(([topic, was]) => {
    const is = now.channels[topic]
    if (!is) return [`topic ${topic} was removed: readers of it would wait for ever`]
    const [before, after] = [was.bindings.kafka.partitions, is.bindings.kafka.partitions]
    return before === after
      ? []
      : [`topic ${topic} has ${after} partitions instead of ${before}: the order per key would break. Make a new topic`]
  })
  return [...events, ...topics]
}
