import { EVENTS, newId, uuidOf, type EventData, type EventType, type Id, type IdKind } from '@catamaran/contracts'
import type { Database, Queryable } from '@catamaran/data'
import { currentActor, currentContext } from '@catamaran/platform'

/**
 * An event as its writer gives it: `subject` is the aggregate's id, `sequence` its version after the change, `actor` who made it where that is not the
 * caller of the request in hand.
 */
export type NewEvent<T extends EventType = EventType> = T extends EventType
  ? { readonly type: T; readonly subject: Id<IdKind>; readonly sequence: number; readonly data: EventData<T>; readonly actor?: Id<IdKind> }
  : never

/** The largest payload that goes into the outbox, in bytes of UTF-8; the table checks it too. */
export const MAX_DATA_BYTES = 65_536

const INSERT = {
  name: 'outbox.insert',
  text: `insert into outbox (id, type, subject, sequence, traceparent, data, actor)
    select id, type, subject, sequence, $6, data, actor
    from unnest($1::uuid[], $2::text[], $3::uuid[], $4::bigint[], $5::text[], $7::text[])
      with ordinality as e(id, type, subject, sequence, data, actor, n)
    order by n`,
}

const dataOf = (event: NewEvent): string => {
  const parsed = EVENTS[event.type].data.safeParse(event.data)
  if (!parsed.success) throw new Error(`${event.type} of ${event.subject} has a payload that its schema refuses`, { cause: parsed.error })
  const json = JSON.stringify(parsed.data)
  const bytes = Buffer.byteLength(json)
  if (bytes > MAX_DATA_BYTES)
    throw new Error(`${event.type} of ${event.subject} has a payload of ${bytes} bytes; at most ${MAX_DATA_BYTES} fit into an event`)
  return json
}

/** Where a service writes its events: in the same transaction as the change they tell of. The relay publishes them. */
export class Outbox {
  private readonly listeners = new Set<() => void>()

  /** @param database the service's own, with the tables of `migrateMessaging` */
  constructor(readonly database: Database) {}

  /**
   * Writes events, all in one statement. Write an event after its aggregate's row is locked, and call `wake` after the commit.
   * @throws Error when a payload isn't what its schema says, or is too large
   */
  async insert(tx: Queryable, events: readonly NewEvent[]): Promise<void> {
    if (events.length === 0) return
    const data = events.map(dataOf)
    await tx.query(INSERT, [
      events.map(() => uuidOf(newId('event'))),
      events.map(({ type }) => type),
      events.map(({ subject }) => uuidOf(subject)),
      events.map(({ sequence }) => sequence),
      data,
      currentContext()?.traceparent ?? null,
      events.map(({ actor }) => actor ?? currentActor() ?? null),
    ])
  }

  /** Tells the relay of this process that something was committed. Without it the relay finds out by polling. */
  wake(): void {
    for (const listener of this.listeners) listener()
  }

  /** Calls `listener` on each wake. @returns a function that ends it */
  onWake(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
}
