import { uuidOf, type Id } from '@catamaran/contracts'
import type { Queryable } from '@catamaran/data'

const FIRST_TIME = {
  name: 'inbox.first-time',
  text: 'insert into inbox (consumer, event_id) values ($1, $2) on conflict do nothing returning event_id',
}

/** Remembers which events a consumer has applied, in the transaction that applies them: exactly once in effect. */
export class Inbox {
  /**
   * Whether this consumer sees the event for the first time; when false, its effect is there already: do nothing and return.
   * A redelivery at the same time waits for the first one's transaction.
   * Example: `if (!(await inbox.firstTime(tx, 'aux.sales', event.id))) return`.
   * @param consumer a name that stays, usually the group
   * @param eventId the `id` of the event
   */
  async firstTime(tx: Queryable, consumer: string, eventId: string): Promise<boolean> {
    const rows = await tx.query(FIRST_TIME, [consumer, uuidOf(eventId as Id<'event'>)])
    return rows.length === 1
  }
}
