import { DEAD_LETTERS, deadLetterTopic, TOPICS, type DomainEvent, type EventType, type Topic } from '@catamaran/contracts'
import type { MessageHandler } from '@nestjs/microservices'
import { isObservable, lastValueFrom } from 'rxjs'
import { EVENTS } from '@catamaran/contracts'
import { isEventType } from './cloud-event.js'
import type { DeadLetter } from './dead-letter.js'

/** What a method with `@EventPattern(topic, { group, batch: true })` is given: consecutive events of one partition. */
export interface EventBatch {
  readonly topic: Topic
  readonly partition: number
  /** The batch covers all offsets from the first to the last, also those of messages that are no events. */
  readonly firstOffset: number
  readonly lastOffset: number
  /** None where no message was one. */
  readonly events: readonly { readonly offset: number; readonly event: DomainEvent }[]
}

/** What the second argument of `@EventPattern` says. */
export interface EventPatternExtras {
  /** The consumer group. */
  group?: string
  /** Whether the method takes whole batches of a topic. */
  batch?: boolean
  /** How long the broker may gather messages for a larger batch, in milliseconds. Default 0: each comes at once. */
  lingerMs?: number
}

/** A handler as Nest gave it, awaited to its end. @throws what the handler threw */
export type Handle<T> = (payload: T) => Promise<void>

/** What one consumer group handles: methods by event type, and by topic for those that take batches. */
export interface GroupHandlers {
  readonly group: string
  readonly byType: Map<EventType, Handle<DomainEvent>>
  readonly byTopic: Map<Topic, Handle<EventBatch>>
  /** Takes what lies on the dead-letter topics. */
  byLetter: Handle<DeadLetter[]> | undefined
  /** The longest that its methods ask for. */
  lingerMs: number
}

const awaited =
  (handler: MessageHandler) =>
  async (payload: unknown): Promise<void> => {
    const result: unknown = await handler(payload)
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined })
  }

const isTopic = (pattern: string): pattern is Topic => Object.hasOwn(TOPICS, pattern)

/** The topics a group reads. */
export const topicsOf = ({ byType, byTopic, byLetter }: GroupHandlers): string[] => [
  ...new Set([
    ...byTopic.keys(),
    ...[...byType.keys()].map((type): Topic => EVENTS[type].topic),
    ...(byLetter === undefined ? [] : Object.keys(TOPICS).map(deadLetterTopic)),
  ]),
]

/** All `@EventPattern` methods of an application, sorted into groups. */
export class HandlerRegistry {
  private readonly groups = new Map<string, GroupHandlers>()

  /** @throws Error for a method that could not be called as it is declared */
  add(pattern: unknown, handler: MessageHandler, extras: EventPatternExtras): void {
    const name = String(pattern)
    const fail = (problem: string): never => {
      throw new Error(`@EventPattern('${name}'): ${problem}`)
    }
    const { group = fail("name its consumer group: { group: '<service>.<purpose>' }"), batch = false, lingerMs = 0 } = extras
    const handlers = this.groupOf(group)
    handlers.lingerMs = Math.max(handlers.lingerMs, lingerMs)
    if (name === DEAD_LETTERS) {
      if (!batch) return fail('letters are taken in batches: { batch: true }')
      if (handlers.byLetter !== undefined) return fail(`the group ${group} has a handler for it already: use another group`)
      handlers.byLetter = awaited(handler)
    } else if (batch) {
      if (!isTopic(name)) return fail(`a batch handler takes a topic, one of ${Object.keys(TOPICS).join(', ')}`)
      if (handlers.byTopic.has(name)) return fail(`the group ${group} has a handler for it already: use another group`)
      handlers.byTopic.set(name, awaited(handler))
    } else {
      if (!isEventType(name)) return fail('it is not a type of the event map in @catamaran/contracts; a topic needs { batch: true }')
      if (handlers.byType.has(name)) return fail(`the group ${group} has a handler for it already: use another group`)
      handlers.byType.set(name, awaited(handler))
    }
    const mixed = [...handlers.byType.keys()].find((type) => handlers.byTopic.has(EVENTS[type].topic))
    if (mixed !== undefined) fail(`the group ${group} reads ${EVENTS[mixed].topic} in batches and one by one: use two groups`)
  }

  all(): GroupHandlers[] {
    return [...this.groups.values()]
  }

  private groupOf(group: string): GroupHandlers {
    const known = this.groups.get(group)
    if (known !== undefined) return known
    const made: GroupHandlers = { group, byType: new Map(), byTopic: new Map(), byLetter: undefined, lingerMs: 0 }
    this.groups.set(group, made)
    return made
  }
}
