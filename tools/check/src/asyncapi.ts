import { deadLetterTopic, EVENTS, ID_PREFIXES, TOPICS, type IdKind, type Topic } from '@catamaran/contracts'
import { z } from 'zod'

/** As much of JSON Schema draft 7 as zod writes. */
export interface JsonSchema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly enum?: readonly unknown[]
  readonly [keyword: string]: unknown
}

interface Ref {
  readonly $ref: string
}

/** As much of AsyncAPI 3.0 as we write; https://www.asyncapi.com/docs/reference/specification/v3.0.0 */
export interface AsyncApi {
  readonly asyncapi: '3.0.0'
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly defaultContentType: string
  readonly channels: Readonly<Record<string, Channel>>
  readonly components: {
    readonly messages: Readonly<Record<string, Message>>
    readonly messageTraits: Readonly<Record<string, { readonly headers: JsonSchema }>>
    readonly schemas: Readonly<Record<string, JsonSchema>>
  }
}

interface Channel {
  readonly address: string
  readonly description: string
  readonly messages: Readonly<Record<string, Ref>>
  readonly bindings: { readonly kafka: { readonly topic: string; readonly partitions: number; readonly bindingVersion: string } }
}

interface Message {
  readonly name: string
  readonly summary: string
  readonly contentType: string
  readonly headers: JsonSchema
  readonly payload: JsonSchema
  readonly traits: readonly Ref[]
  readonly bindings: { readonly kafka: { readonly key: JsonSchema; readonly bindingVersion: string } }
}

/** The events as this module reads them from contracts. */
export type EventMap = Readonly<
  Record<string, { readonly topic: string; readonly subject: IdKind; readonly about: string; readonly data: z.ZodType }>
>

const KAFKA_BINDING = '0.5.0'
const TEXT = { type: 'string' } as const

/** CloudEvents 1.0 in Kafka's binary mode: the envelope is headers, the value is the data. `ce_sequence` is the aggregate's version. */
const ENVELOPE: JsonSchema = {
  type: 'object',
  properties: {
    ce_specversion: { const: '1.0' },
    ce_id: { ...TEXT, pattern: `^${ID_PREFIXES.event}_`, description: 'The same in every delivery: tell a repeated one by it.' },
    ce_type: TEXT,
    ce_source: { ...TEXT, format: 'uri-reference', description: 'The service that wrote it, for example /core-service.' },
    ce_subject: { ...TEXT, description: 'The id of the aggregate; also the key of the record.' },
    ce_time: { ...TEXT, format: 'date-time' },
    ce_sequence: { ...TEXT, pattern: '^[0-9]+$', description: "The aggregate's version after the change: a lower one is older." },
    ce_actor: {
      ...TEXT,
      description: 'Who made the change: the id of a user, an API key, a client or a partner. Absent: the system itself.',
    },
    'content-type': { const: 'application/json' },
    traceparent: { ...TEXT, description: 'W3C trace context of the change.' },
  },
  required: ['ce_specversion', 'ce_id', 'ce_type', 'ce_source', 'ce_subject', 'ce_time', 'ce_sequence', 'content-type'],
}

const idPattern = (kind: IdKind): JsonSchema => ({ ...TEXT, pattern: `^${ID_PREFIXES[kind]}_[0-7][0-9a-hjkmnp-tv-z]{25}$` })

/** A payload's schema as a reader must take it, with its named parts moved to where `#/components/schemas` finds them. */
function payloadOf(data: z.ZodType, shared: Record<string, JsonSchema>): JsonSchema {
  const {
    $schema: _dialect,
    definitions = {},
    ...schema
  } = z.toJSONSchema(data, { target: 'draft-7', io: 'input' }) as JsonSchema & {
    definitions?: Record<string, JsonSchema>
  }
  const moved = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll('"#/definitions/', '"#/components/schemas/')) as T
  Object.assign(shared, moved(definitions))
  return moved(schema)
}

function channels(events: EventMap, topics: Readonly<Record<string, number>>): Record<string, Channel> {
  return Object.fromEntries(
    Object.entries(topics).map(([topic, partitions]) => {
      const types = Object.keys(events).filter((type) => events[type]?.topic === topic)
      const channel: Channel = {
        address: topic,
        description: `Ordered per key. What a consumer can't digest goes to ${deadLetterTopic(topic)}, with the group and the reason in headers.`,
        messages: Object.fromEntries(types.map((type) => [type, { $ref: `#/components/messages/${type}` }])),
        bindings: { kafka: { topic, partitions, bindingVersion: KAFKA_BINDING } },
      }
      return [topic, channel]
    }),
  )
}

/** The AsyncAPI document of an event map. */
export function asyncApiOf(events: EventMap, topics: Readonly<Record<string, number>>): AsyncApi {
  const schemas: Record<string, JsonSchema> = {}
  const messages = Object.entries(events).map(([type, { subject, about, data }]): [string, Message] => [
    type,
    {
      name: type,
      summary: about,
      contentType: 'application/json',
      headers: { type: 'object', properties: { ce_type: { const: type }, ce_subject: idPattern(subject) } },
      payload: payloadOf(data, schemas),
      traits: [{ $ref: '#/components/messageTraits/cloudEvent' }],
      bindings: { kafka: { key: idPattern(subject), bindingVersion: KAFKA_BINDING } },
    },
  ])
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Catamaran events',
      version: '1.0.0',
      description:
        "CloudEvents 1.0 in Kafka's binary mode, at least once, in order per aggregate. Generated from libs/contracts/src/events.ts by npm run generate.",
    },
    defaultContentType: 'application/json',
    channels: channels(events, topics),
    components: { messages: Object.fromEntries(messages), messageTraits: { cloudEvent: { headers: ENVELOPE } }, schemas },
  }
}

/** The document of the system's own events, as it is committed. */
export const asyncApiText = (): string =>
  `${JSON.stringify(asyncApiOf(EVENTS satisfies Record<string, { topic: Topic }>, TOPICS), undefined, 2)}\n`
