import { z } from 'zod'
import { TOPICS, type Topic } from './events.js'
import { idSchema } from './ids.js'
import { pageOf, PageQuery } from './page.js'
import { SERVICES } from './calls.js'

const TopicName = z.enum(Object.keys(TOPICS) as [Topic, ...Topic[]]).meta({ id: 'TopicName' })

const letter = {
  id: idSchema('deadLetter'),
  status: z.enum(['dead', 'replaying', 'replayed']).meta({
    description: '`replayed`: it lies on its topic again, once. Should it fail again, `failedAgainAs` names its new letter',
  }),
  group: z.string().meta({ description: 'The consumer group that gave it up', example: 'aux.sales' }),
  topic: TopicName,
  partition: z.int().min(0),
  offset: z.int().min(0),
  code: z.string().meta({ description: 'The code of the error; `internal`, or `message.malformed` for what is no event' }),
  reason: z.string(),
  attempts: z.int().min(0),
  deadAt: z.iso.datetime(),
  eventId: z.string().nullable(),
  type: z.string().nullable(),
  subject: z.string().nullable(),
  replayOf: idSchema('deadLetter').nullable().meta({ description: 'The letter whose replay this is' }),
  replayedAt: z.iso.datetime().nullable(),
  failedAgainAs: idSchema('deadLetter').nullable(),
}

/** A message that a consumer group gave up: kept by aux-service, shown to operators by core-service. */
export const DeadLetterEntry = z.strictObject(letter).meta({ id: 'DeadLetter' })
export type DeadLetterEntry = z.infer<typeof DeadLetterEntry>
export const DeadLetterPage = pageOf(DeadLetterEntry, 'DeadLetterPage')
export type DeadLetterPage = z.infer<typeof DeadLetterPage>

/** The same with what it says. */
export const DeadLetterDetails = z
  .strictObject({
    ...letter,
    headers: z.record(z.string(), z.string()).meta({ description: 'Those of CloudEvents, content-type and traceparent' }),
    payload: z.unknown().meta({ description: 'Its JSON; null where it is none' }),
    payloadBytes: z.int().min(0),
  })
  .meta({ id: 'DeadLetterDetails' })
export type DeadLetterDetails = z.infer<typeof DeadLetterDetails>

const filter = {
  topic: TopicName.optional(),
  group: z.string().min(1).max(200).optional(),
  code: z.string().min(1).max(200).optional(),
  from: z.iso.datetime().optional().meta({ description: 'Given up at this time or later' }),
  to: z.iso.datetime().optional().meta({ description: 'Given up before this time' }),
}

/** Which letters of a list or a replay are meant. */
export const DeadLetterFilter = z.strictObject(filter)
export type DeadLetterFilter = z.infer<typeof DeadLetterFilter>

export const DeadLettersQuery = PageQuery.extend({ ...filter, status: z.enum(['dead', 'replaying', 'replayed', 'all']).default('dead') })
export type DeadLettersQuery = z.infer<typeof DeadLettersQuery>

/** Letters at most in one replay. */
export const MAX_REPLAY = 10_000

/** `POST /v1/ops/dead-letters/replay`: a filter, or explicitly all. */
export const ReplayDeadLetters = z
  .strictObject({ ...filter, all: z.literal(true).optional() })
  .refine(({ all, ...rest }) => all === true || Object.values(rest).some((value) => value !== undefined), {
    message: 'expected a filter, or "all": true',
  })
  .meta({ id: 'ReplayDeadLetters', example: { group: 'aux.sales', code: 'internal' } })
export type ReplayDeadLetters = z.infer<typeof ReplayDeadLetters>

/** What a replay of several came to. */
export const Replaying = z
  .strictObject({
    replaying: z.int().min(0).meta({ description: 'How many were dead and are on their way now' }),
    hasMore: z.boolean().meta({ description: `Whether there may be more than the ${MAX_REPLAY} that go at once` }),
  })
  .meta({ id: 'Replaying' })
export type Replaying = z.infer<typeof Replaying>

/** How far a service's events are from Kafka. */
export const OutboxState = z
  .strictObject({
    service: z.enum(SERVICES),
    isReachable: z.boolean().meta({ description: 'False where the service did not answer: all else is null then' }),
    waiting: z.int().min(0).nullable().meta({ description: 'Events that Kafka has not acknowledged' }),
    oldestAt: z.iso.datetime().nullable(),
    oldestAgeSeconds: z.int().min(0).nullable(),
    unpublishable: z.int().min(0).nullable().meta({ description: 'Events that were set aside, since they can’t be published as they are' }),
  })
  .meta({ id: 'OutboxState' })
export type OutboxState = z.infer<typeof OutboxState>
export const OutboxStatePage = pageOf(OutboxState, 'OutboxStatePage')
export type OutboxStatePage = z.infer<typeof OutboxStatePage>

/** An event that its service could not publish. */
export const UnpublishableEvent = z
  .strictObject({
    eventId: idSchema('event'),
    type: z.string(),
    subject: z.string(),
    sequence: z.int().min(0),
    time: z.iso.datetime(),
    reason: z.string(),
    failedAt: z.iso.datetime(),
    payload: z.unknown().meta({ description: 'Its JSON; null where it is none' }),
  })
  .meta({ id: 'UnpublishableEvent' })
export type UnpublishableEvent = z.infer<typeof UnpublishableEvent>
export const UnpublishableEventPage = pageOf(UnpublishableEvent, 'UnpublishableEventPage')
export type UnpublishableEventPage = z.infer<typeof UnpublishableEventPage>

/** Some events by their ids, or explicitly all. */
export const ReplayUnpublishable = z
  .strictObject({ eventIds: z.array(idSchema('event')).min(1).max(1000).optional(), all: z.literal(true).optional() })
  .refine(({ eventIds, all }) => (eventIds === undefined) !== (all === undefined), { message: 'expected eventIds, or "all": true' })
  .meta({ id: 'ReplayUnpublishable', example: { all: true } })
export type ReplayUnpublishable = z.infer<typeof ReplayUnpublishable>

/** What of the audit trail is asked for: the events of one topic, the newest first. */
export const AuditQuery = PageQuery.extend({
  topic: TopicName.default('orders'),
  subject: z.string().min(1).max(200).optional().meta({ description: 'What was changed, by its id' }),
  actor: z.string().min(1).max(200).optional().meta({ description: 'Who changed it: the id of a user, an API key, a client or a partner' }),
  type: z.string().min(1).max(200).optional().meta({ description: 'What happened', example: 'orders.order.placed.v1' }),
  from: z.iso.datetime().optional().meta({ description: 'Recorded at this time or later' }),
  to: z.iso.datetime().optional().meta({ description: 'Recorded before this time' }),
})
export type AuditQuery = z.infer<typeof AuditQuery>

/** One event as the audit trail keeps it. */
export const AuditEntry = z
  .strictObject({
    eventId: z.string(),
    type: z.string(),
    subject: z
      .string()
      .meta({ description: 'A person’s id stands as a digest: who has the id finds its entries, nobody finds a person by an entry' }),
    sequence: z.int().min(0).meta({ description: 'The version of the subject that the event made' }),
    actor: z.string().nullable().meta({ description: 'Null where the system itself did it' }),
    digest: z.string().meta({ description: 'SHA-256 of the event’s data, as hexadecimal digits' }),
    recordedAt: z.iso.datetime(),
    chain: z.string().meta({ description: 'The hash chain that it stands in, one for each partition of the topic', example: 'orders#3' }),
    link: z.int().positive(),
    offset: z.int().min(0).meta({ description: 'Where the event lies on its partition' }),
  })
  .meta({ id: 'AuditEntry' })
export type AuditEntry = z.infer<typeof AuditEntry>
export const AuditEntryPage = pageOf(AuditEntry, 'AuditEntryPage')
export type AuditEntryPage = z.infer<typeof AuditEntryPage>
