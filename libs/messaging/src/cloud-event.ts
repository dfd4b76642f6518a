import { EVENTS, idOf, isId, readStoredData, subjectOf, type DomainEvent, type EventData, type EventType } from '@catamaran/contracts'
import type { IHeaders, Message } from 'kafkajs'

/** A row of the outbox, every column as text but `sequence`. */
export interface OutboxRow {
  readonly seq: number
  readonly id: string
  readonly type: string
  readonly subject: string
  readonly sequence: number
  readonly time: string
  readonly traceparent: string | null
  readonly data: string
  readonly actor: string | null
}

/** Whether a text is a type of the event map. */
export const isEventType = (type: string): type is EventType => Object.hasOwn(EVENTS, type)

/** The event that a row of the outbox tells of. @throws Error when its type is unknown or its data is not JSON */
export const eventOf = (row: OutboxRow, source: string): DomainEvent => {
  if (!isEventType(row.type)) throw new Error(`the type ${row.type} is not in the event map`)
  return {
    id: idOf('event', row.id),
    type: row.type,
    source,
    subject: subjectOf(row.type, row.subject),
    time: row.time,
    sequence: row.sequence,
    ...(row.traceparent === null ? {} : { traceparent: row.traceparent }),
    ...(row.actor === null ? {} : { actor: row.actor }),
    data: readStoredData(row.data) as EventData<EventType>,
  }
}

/** The event as a Kafka message (CloudEvents 1.0 Kafka protocol binding, binary mode); the key is the subject, which keeps its order. */
export const messageOf = (event: DomainEvent): Message & { value: string } => ({
  key: event.subject,
  value: JSON.stringify(event.data),
  headers: {
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_type: event.type,
    ce_source: event.source,
    ce_subject: event.subject,
    ce_time: event.time,
    ce_sequence: String(event.sequence),
    'content-type': 'application/json',
    ...(event.actor === undefined ? {} : { ce_actor: event.actor }),
    ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
  },
})

/** What a consumer found in a message: an event, a type that it doesn't know, or something that is no event at all. */
export type Reading =
  | { readonly kind: 'event'; readonly event: DomainEvent }
  | { readonly kind: 'unknown'; readonly type: string }
  | { readonly kind: 'malformed'; readonly reason: string }

const malformed = (reason: string): Reading => ({ kind: 'malformed', reason })

const text = (headers: IHeaders | undefined, name: string): string => {
  const value = headers?.[name]
  return value === undefined ? '' : String(Array.isArray(value) ? value[0] : value)
}

/** An id as we make them, which has room for nothing else; or nothing. */
const ACTOR = /^[\w-]{0,100}$/

const jsonOf = (value: Buffer | null): { json: unknown } | undefined => {
  try {
    return { json: JSON.parse(String(value)) as unknown }
  } catch {
    return undefined
  }
}

/** The type a message says it has, '' when it says none. */
export const typeOf = (headers: IHeaders | undefined): string => text(headers, 'ce_type')

/**
 * Reads a message of a topic. Nothing of it is taken on trust: envelope, ids and payload are checked against the event map.
 * @param topic the topic's name without prefix
 */
export const readMessage = (topic: string, headers: IHeaders | undefined, value: Buffer | null): Reading => {
  const type = typeOf(headers)
  if (type === '') return malformed('it has no ce_type header')
  if (!isEventType(type)) return { kind: 'unknown', type }
  const spec = EVENTS[type]
  if (spec.topic !== topic) return malformed(`${type} does not belong on the topic ${topic}`)
  const envelope = {
    id: text(headers, 'ce_id'),
    source: text(headers, 'ce_source'),
    subject: text(headers, 'ce_subject'),
    time: text(headers, 'ce_time'),
    sequence: Number(text(headers, 'ce_sequence') || 'none'),
  }
  if (text(headers, 'ce_specversion') !== '1.0') return malformed('ce_specversion is not 1.0')
  if (!isId('event', envelope.id)) return malformed('ce_id is not the id of an event')
  if (!isId(spec.subject, envelope.subject)) return malformed(`ce_subject is not the id of a ${spec.subject}`)
  if (!envelope.source.startsWith('/')) return malformed('ce_source is not a path')
  if (Number.isNaN(Date.parse(envelope.time))) return malformed('ce_time is not a time')
  if (!Number.isSafeInteger(envelope.sequence) || envelope.sequence < 0) return malformed('ce_sequence is not a version')
  const actor = text(headers, 'ce_actor')
  if (!ACTOR.test(actor)) return malformed('ce_actor is not the id of somebody')
  const parsed = jsonOf(value)
  if (parsed === undefined) return malformed('the value is not JSON')
  const data = spec.data.safeParse(parsed.json)
  if (!data.success)
    return malformed(`the payload is not that of ${type}: ${data.error.issues.map(({ path }) => path.join('.')).join(', ')}`)
  const traceparent = text(headers, 'traceparent')
  return {
    kind: 'event',
    event: { ...envelope, type, ...(traceparent === '' ? {} : { traceparent }), ...(actor === '' ? {} : { actor }), data: data.data },
  }
}
