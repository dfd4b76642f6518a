import { Injectable } from '@nestjs/common'
import { Database } from '@catamaran/data'

export interface MailRow {
  readonly id: string
  readonly kind: 'verify_email' | 'already_registered'
  readonly recipient: string
  readonly registrationId: string
  readonly attempts: number
  /** How many mails this recipient got in the last hour. */
  readonly recent: number
}

const TAKE_DUE = {
  name: 'mail.take-due',
  text: `with due as (
      select id from mail where outcome is null and due_at <= now() order by due_at limit $1 for update skip locked)
    update mail set due_at = now() + $2 * interval '1 ms', attempts = attempts + 1 from due where mail.id = due.id
    returning mail.id, kind, recipient, registration_id as "registrationId", attempts,
      (select count(*) from mail sent where sent.recipient = mail.recipient and sent.outcome = 'sent' and sent.finished_at > now() - interval '1 hour') as recent`,
}

const INSERT_LINK = {
  name: 'mail.insert-link',
  text: `insert into email_link (secret_hash, registration_id) select $1, id from registration where id = $2 and expires_at > now()
    returning registration_id`,
}

const FINISH = { name: 'mail.finish', text: 'update mail set outcome = $2, finished_at = now() where id = $1 and outcome is null' }
const PUT_OFF = { name: 'mail.put-off', text: "update mail set due_at = now() + $2 * interval '1 ms' where id = $1 and outcome is null" }

/** Registrations go a day after they expired, and their mail with them. */
const PRUNE = {
  name: 'mail.prune',
  text: `delete from registration where id in (
      select id from registration where expires_at < now() - interval '1 day'
        and not exists (select from mail where registration_id = registration.id and outcome is null) limit 1000)`,
}

@Injectable()
export class MailRepository {
  constructor(private readonly database: Database) {}

  /** Takes what is due for this worker alone, for as long as the lease lasts. */
  takeDue(limit: number, leaseMs: number): Promise<MailRow[]> {
    return this.database.query<MailRow>(TAKE_DUE, [limit, leaseMs])
  }

  /** Whether the link was written: not when its registration is gone or has expired. */
  async insertLink(hash: Buffer, registrationId: string): Promise<boolean> {
    return (await this.database.query(INSERT_LINK, [hash, registrationId])).length > 0
  }

  async finish(id: string, outcome: 'sent' | 'dropped' | 'failed'): Promise<void> {
    await this.database.query(FINISH, [id, outcome])
  }

  async putOff(id: string, byMs: number): Promise<void> {
    await this.database.query(PUT_OFF, [id, byMs])
  }

  async prune(): Promise<void> {
    await this.database.query(PRUNE)
  }
}
