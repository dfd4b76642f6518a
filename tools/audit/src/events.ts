import { idOf } from '@catamaran/contracts'
import { isPublished, typeOf, type Books, type Finding, type PublishedEvent } from './books.js'

/** Kafka keeps events for seven days: what is older may be gone from it. */
const TRANSITIONS = `select order_id as id, version::int, event, at > now() - interval '6 days' as is_young from order_transition order by order_id, version`
const OUTBOX =
  'select subject as id, sequence::int as version, type from outbox union all select subject, sequence::int, type from outbox_dead'
const VERSIONS = `select o.id, o.version::int as told, coalesce(t.version, 0)::int as counted, coalesce(t.rows, 0)::int as rows from orders o left join (
  select order_id, max(version) as version, count(*) as rows from order_transition group by order_id) t on t.order_id = o.id
  where o.version <> coalesce(t.version, 0) or o.version <> coalesce(t.rows, 0)`

const nameOf = (id: string, version: number): string => `${id} v${version}`

/** Events of one order that come again with another id, or before their time. Repeats of the same id are what "at least once" means. */
const disordered = (events: readonly PublishedEvent[]): string[] => {
  const ids = new Map<number, string>()
  let last = 0
  const faults: string[] = []
  for (const { id, sequence, subject } of events) {
    const known = ids.get(sequence)
    if (known !== undefined && known !== id) faults.push(`${nameOf(subject, sequence)} was published as ${known} and as ${id}`)
    if (known === undefined && sequence < last) faults.push(`${nameOf(subject, sequence)} came after v${last}`)
    ids.set(sequence, id)
    last = Math.max(last, sequence)
  }
  return faults
}

/** I5: every committed event reaches Kafka or waits in the outbox, once per version and in order, and the order's history has no gap. */
export const checkEvents = async ({ core, events }: Books): Promise<Finding[]> => {
  const found = (detail: string): Finding => ({ invariant: 'I5', detail })
  const versions = await core<{ id: string; told: number; counted: number; rows: number }>(VERSIONS)
  const waiting = await core<{ id: string; version: number; type: string }>(OUTBOX)
  const published = new Map(events.map((event) => [nameOf(event.subject, event.sequence), event.type]))
  for (const { id, version, type } of waiting) if (type.startsWith('orders.')) published.set(nameOf(idOf('order', id), version), type)
  const transitions = (await core<{ id: string; version: number; event: string; is_young: boolean }>(TRANSITIONS)).filter(({ event }) =>
    isPublished(event),
  )
  const expected = new Map(transitions.map(({ id, version, event }) => [nameOf(idOf('order', id), version), typeOf(event)]))
  const old = new Set(transitions.filter((each) => !each.is_young).map(({ id, version }) => nameOf(idOf('order', id), version)))
  const byOrder = Map.groupBy(events, ({ subject }) => subject)
  return [
    ...versions.map(({ id, told, counted, rows }) =>
      found(`order ${idOf('order', id)} is at version ${told}, its ${rows} transitions reach ${counted}`),
    ),
    ...[...expected]
      .filter(([name, type]) => published.get(name) !== type && !(old.has(name) && !published.has(name)))
      .map(([name, type]) => found(`${type} of ${name} never came to Kafka`)),
    ...[...published]
      .filter(([name]) => !expected.has(name))
      .map(([name, type]) => found(`${type} of ${name} was published, and nobody committed it`)),
    ...[...byOrder.values()].flatMap(disordered).map(found),
  ]
}

/** How many messages came more than once: absorbed by whoever consumes them. */
export const countRepeats = (events: readonly PublishedEvent[]): number => events.length - new Set(events.map(({ id }) => id)).size
