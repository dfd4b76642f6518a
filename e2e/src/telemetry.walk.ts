import { LOG_FIELDS, METRICS, SPAN_ATTRIBUTES, familyOf, type MetricSpec } from '@catamaran/platform'
import type { ReceivedSpan } from '@catamaran/testing'

/** One line of `/metrics`, its `le` apart. */
export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** The trace that stands behind it as an example. */
  readonly traceId: string | undefined
}

const LINE = /^([a-zA-Z_:0-9]+)(?:\{(.*?)\})? (\S+)(?: # \{trace_id="([0-9a-f]{32})",span_id="[0-9a-f]{16}"\} \S+ \S+)?$/
const LABEL = /([a-zA-Z_0-9]+)="((?:[^"\\]|\\.)*)"/g

/** Reads an OpenMetrics document. @throws Error at a line that is none */
export const seriesOf = (text: string): Series[] => {
  if (!text.endsWith('# EOF\n')) throw new Error('the document has no end')
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels = '', value, traceId] = LINE.exec(line) ?? []
      if (name === undefined) throw new Error(`not a line of metrics: ${line}`)
      const pairs = [...labels.matchAll(LABEL)].map(([, label = '', text_ = '']) => [label, text_] as const)
      return { name, labels: Object.fromEntries(pairs), value: Number(value), traceId }
    })
}

const DECLARED = new Map<string, MetricSpec>(Object.entries<MetricSpec>(METRICS).map(([name, spec]) => [familyOf(name, spec.unit), spec]))
/** Ids of any of our kinds, addresses of mail, and numbers nobody would count by. */
const ID = /[a-z]{2,5}_[0-9a-z]{26}|[0-9a-f]{8}-[0-9a-f]{4}|[0-9a-f]{16}|@|\d{6}/

const familyOfSample = (name: string): string | undefined =>
  [name, name.replace(/_(total|bucket|sum|count)$/, '')].find((each) => DECLARED.has(each))

/** What is wrong with a process's series: a metric, label or value that nobody declared, an id as a value, more series than were declared. */
export const metricFaults = (series: readonly Series[]): string[] => {
  const faults: string[] = []
  const seen = new Map<string, Set<string>>()
  for (const { name, labels } of series) {
    if (name === 'target_info') continue
    const family = familyOfSample(name)
    const spec = family === undefined ? undefined : DECLARED.get(family)
    if (family === undefined || spec === undefined) {
      faults.push(`${name} is not declared`)
      continue
    }
    const { le: _le, ...own } = labels
    seen.set(family, (seen.get(family) ?? new Set()).add(JSON.stringify(own)))
    const known = new Map(Object.entries(spec.labels).map(([label, values]) => [familyOf(label), values]))
    for (const [label, value] of Object.entries(own)) {
      const values = known.get(label)
      if (values === undefined) faults.push(`${name} has a label ${label} that is not declared`)
      else if (values !== 'open' && !values.includes(value)) faults.push(`${name} has ${label}="${value}", which is not declared`)
      if (ID.test(value)) faults.push(`${name} has an id or a number in ${label}="${value}"`)
    }
  }
  for (const [family, sets] of seen) {
    const most = DECLARED.get(family)?.series ?? 0
    if (sets.size > most) faults.push(`${family} has ${sets.size} series, and may have ${most}`)
  }
  return [...new Set(faults)]
}

const ALWAYS = ['level', 'time', 'service', 'msg']

/** What is wrong with log lines: fields that nobody declared, or none of those that every line has. */
export const logFaults = (lines: readonly Readonly<Record<string, unknown>>[]): string[] => [
  ...new Set(
    lines.flatMap((line) => [
      ...ALWAYS.filter((field) => !(field in line)).map((field) => `a line has no ${field}: ${JSON.stringify(line)}`),
      ...Object.keys(line)
        .filter((field) => !ALWAYS.includes(field) && !(field in LOG_FIELDS))
        .map((field) => `${String(line['service'])} logs the field ${field}, which is not declared`),
    ]),
  ),
]

/** Attributes of spans that nobody declared. */
export const spanFaults = (spans: readonly ReceivedSpan[]): string[] => [
  ...new Set(
    spans.flatMap(({ service, name, attributes }) =>
      Object.keys(attributes)
        .filter((attribute) => !(attribute in SPAN_ATTRIBUTES))
        .map((attribute) => `${service}: ${name} has the attribute ${attribute}, which is not declared`),
    ),
  ),
]

/** Which of the things that are somebody's stand in a text; mail addresses of any kind, too. */
export const personalIn = (text: string, personal: readonly string[]): string[] => [
  ...personal.filter((each) => text.includes(each) || text.includes(encodeURIComponent(each))),
  ...(text.match(/[\w.+-]+@[\w-]+\.[a-z]{2,}/gi) ?? []),
]

/** What is shorter is no secret, but a word that stands in for one. */
const LEAST_SECRET = 12

/** The secrets among a service's variables, those in URLs included. */
export const secretsOf = (env: Readonly<Record<string, string>>): string[] =>
  Object.entries(env)
    .map(([name, value]) => {
      if (/SECRET|API_KEY|SDK_KEY|COOKIE_KEYS|DATA_KEYS/.test(name)) return value
      return URL.canParse(value) ? new URL(value).password : ''
    })
    .filter((secret) => secret.length >= LEAST_SECRET)
