import { Injectable } from '@nestjs/common'
import { uuidOf, WEBHOOK_TYPES, type DomainEvent, type Id, type IdKind } from '@catamaran/contracts'
import type { EventBatch } from '@catamaran/messaging'
import { Groups } from '@catamaran/platform'
import { Delivering } from './delivering.js'
import type { QueueEntry } from './queue.repository.js'

/** Events that are queued by one statement, from whatever partitions. */
const MOST_AT_ONCE = 500

type ToldType = keyof typeof WEBHOOK_TYPES

const isTold = (event: DomainEvent): event is DomainEvent<ToldType> => event.type in WEBHOOK_TYPES

/** Turns events into webhooks. */
@Injectable()
export class IntakeService {
  private readonly taking: Groups<QueueEntry>

  constructor(delivering: Delivering) {
    this.taking = new Groups({ work: (entries) => delivering.take(entries).then(() => []), most: MOST_AT_ONCE })
  }

  /** Queues the events of a batch that partners are told of, each once. */
  async take({ events }: EventBatch): Promise<void> {
    const entries = events.flatMap(({ event }) => (isTold(event) ? entryOf(event) : []))
    if (entries.length > 0) await this.taking.do(entries)
  }
}

/** The body is written here and never again: every attempt sends the same bytes. What is nobody's goes to nobody. */
const entryOf = ({ id, type, subject, time, traceparent, data: { partnerId, ...data } }: DomainEvent<ToldType>): QueueEntry[] =>
  partnerId === null
    ? []
    : [
        {
          eventId: uuidOf(id as Id<'event'>),
          partnerId: uuidOf(partnerId),
          subject: uuidOf(subject as Id<IdKind>),
          type: WEBHOOK_TYPES[type],
          body: JSON.stringify({ type: WEBHOOK_TYPES[type], timestamp: time, data }),
          traceparent,
        },
      ]
