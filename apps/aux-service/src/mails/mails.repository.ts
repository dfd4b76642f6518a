import { Injectable } from '@nestjs/common'
import type { NotificationType } from '@catamaran/contracts'
import { Database, type Statement } from '@catamaran/data'

/** A mail to queue. Ids are UUIDs; `id` is the event's. */
export interface NewMail {
  readonly id: string
  readonly orderId: string
  readonly kind: NotificationType
  /** The fulfilment or return it is about. */
  readonly partId: string | null
  readonly amountMinor: number | null
}

/** A mail in a worker's hands; `attempts` counts this try too. */
export interface MailRow extends NewMail {
  readonly attempts: number
  readonly ageMs: number
}

export type MailOutcome = 'sent' | 'dropped' | 'failed'

// Inbox and queue in one statement: an event that came before, or twice in a batch, queues nothing.
const INSERT: Statement = {
  name: 'mails.insert',
  text: `
with entry as materialized (
  select distinct on (id) * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[]) as e(id, order_id, kind, part_id, amount_minor) order by id),
fresh as (
  insert into inbox (consumer, event_id) select 'aux.mails', id from entry order by id on conflict do nothing returning event_id)
insert into mail (id, order_id, kind, part_id, amount_minor) select entry.* from entry join fresh on fresh.event_id = entry.id`,
}
// A lease: while it lasts nobody else takes the mail; a worker that dies leaves it to the next.
const TAKE_DUE: Statement = {
  name: 'mails.take-due',
  text: `with due as (select id from mail where outcome is null and due_at <= now() order by due_at limit (select $1::int) for update skip locked)
    update mail set due_at = now() + $2 * interval '1 ms', attempts = attempts + 1 from due where mail.id = due.id
    returning mail.id, order_id as "orderId", kind, part_id as "partId", amount_minor as "amountMinor", attempts,
      (extract(epoch from now() - created_at) * 1000)::bigint as "ageMs"`,
}
const FINISH: Statement = {
  name: 'mails.finish',
  text: `update mail set outcome = $3, finished_at = now() from unnest($1::uuid[], $2::int[]) as m(id, attempts)
    where mail.id = m.id and mail.attempts = m.attempts and outcome is null`,
}
const PUT_OFF: Statement = {
  name: 'mails.put-off',
  text: "update mail set due_at = now() + $3 * interval '1 ms' where id = $1 and attempts = $2 and outcome is null",
}

/** Mails that wait, and what became of those that don't. */
@Injectable()
export class MailsRepository {
  constructor(private readonly database: Database) {}

  /** Queues mails of events that did not come before. */
  async insert(mails: readonly NewMail[]): Promise<void> {
    await this.database.query(INSERT, [
      mails.map(({ id }) => id),
      mails.map(({ orderId }) => orderId),
      mails.map(({ kind }) => kind),
      mails.map(({ partId }) => partId),
      mails.map(({ amountMinor }) => amountMinor),
    ])
  }

  /** Takes up to `limit` mails that are due, for as long as the lease lasts. */
  takeDue(limit: number, leaseMs: number): Promise<MailRow[]> {
    return this.database.query<MailRow>(TAKE_DUE, [limit, leaseMs])
  }

  /** Ends mails, but those that somebody else has by now. */
  async finish(mails: readonly MailRow[], outcome: MailOutcome): Promise<void> {
    if (mails.length > 0) await this.database.query(FINISH, [mails.map(({ id }) => id), mails.map(({ attempts }) => attempts), outcome])
  }

  async putOff({ id, attempts }: MailRow, waitMs: number): Promise<void> {
    await this.database.query(PUT_OFF, [id, attempts, waitMs])
  }
}
