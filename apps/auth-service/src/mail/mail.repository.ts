import { Injectable } from '@nestjs/common'
import { newId, uuidOf } from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'
import type { MailKind } from './mail.texts.js'

/** What a mail's text says besides its link: a device, a name, a time. No secrets. */
export type MailDetails = Readonly<Record<string, string>>

export interface NewMail {
  readonly kind: MailKind
  readonly recipient: string
  /** What its link does; undefined for a mail without one. */
  readonly actionId?: string
  readonly details?: MailDetails
}

export interface MailRow {
  readonly id: string
  readonly kind: MailKind
  readonly recipient: string
  readonly registrationId: string | null
  readonly actionId: string | null
  readonly details: MailDetails
  readonly attempts: number
  /** How many mails of this kind the recipient got in the last hour, and how many of them by the doing of the same source. */
  readonly recent: number
  readonly recentOfSource: number
}

/** What a mailed link does when it is used (the table mail_action). */
export interface MailAction {
  readonly id: string
  readonly kind: string
  readonly userId: string | undefined
  readonly data: Readonly<Record<string, string>>
}

/** Mails like the one at hand. */
const IS_RECENT = `sent.recipient = mail.recipient and sent.kind = mail.kind and sent.outcome = 'sent'
  and sent.finished_at > now() - interval '1 hour'`

const INSERT = {
  name: 'mail.insert',
  text: 'insert into mail (id, kind, recipient, action_id, details) values ($1, $2, $3, $4, $5)',
}
const INSERT_TO_USER = {
  name: 'mail.insert-to-user',
  text: 'insert into mail (id, kind, recipient, details) select $1, $2, email, $4 from user_account where id = $3',
}

const TAKE_DUE = {
  name: 'mail.take-due',
  text: `with due as (
      select id from mail where outcome is null and due_at <= now() order by due_at limit $1 for update skip locked)
    update mail set due_at = now() + $2 * interval '1 ms', attempts = attempts + 1 from due where mail.id = due.id
    returning mail.id, kind, recipient, registration_id as "registrationId", action_id as "actionId", details, attempts,
      (select count(*) from mail sent where ${IS_RECENT}) as recent,
      (select count(*) from mail sent where ${IS_RECENT} and sent.source is not distinct from mail.source) as "recentOfSource"`,
}

const INSERT_LINK = {
  name: 'mail.insert-link',
  text: `insert into email_link (secret_hash, registration_id, action_id)
    select $1::bytea, id, null from registration where id = $2::uuid and expires_at > now()
    union all
    select $1::bytea, null, id from mail_action where id = $3::uuid and expires_at > now()
    returning secret_hash`,
}

const INSERT_ACTION = {
  name: 'mail.insert-action',
  text: 'insert into mail_action (id, kind, user_id, data, expires_at) values ($1, $2, $3, $4, $5)',
}

const ACTION = `mail_action.id, mail_action.kind, mail_action.user_id as "userId", mail_action.data`
const FIND_ACTION = {
  name: 'mail.find-action',
  text: `select ${ACTION} from mail_action join email_link on email_link.action_id = mail_action.id
    where secret_hash = $1 and mail_action.kind = $2 and expires_at > $3`,
}
const TAKE_ACTION = {
  name: 'mail.take-action',
  text: `delete from mail_action using email_link
    where email_link.secret_hash = $1 and email_link.action_id = mail_action.id and mail_action.kind = $2 and mail_action.expires_at > $3
    returning ${ACTION}`,
}

const FINISH = { name: 'mail.finish', text: 'update mail set outcome = $2, finished_at = now() where id = $1 and outcome is null' }
const PUT_OFF = { name: 'mail.put-off', text: "update mail set due_at = now() + $2 * interval '1 ms' where id = $1 and outcome is null" }

const actionOf = (rows: { id: string; kind: string; userId: string | null; data: Record<string, string> }[]): MailAction | undefined =>
  rows[0] && { ...rows[0], userId: rows[0].userId ?? undefined }

/** Mail to send, and what the links in it do. */
@Injectable()
export class MailRepository {
  constructor(private readonly database: Database) {}

  /** Queues a mail in the transaction of what it tells of. Wake the worker after the commit. @returns its id */
  async insertMail(tx: Queryable, { kind, recipient, actionId, details = {} }: NewMail): Promise<string> {
    const id = uuidOf(newId('request'))
    await tx.query(INSERT, [id, kind, recipient, actionId, JSON.stringify(details)])
    return id
  }

  /** The same, for a mail without a link to whoever has the account (a bare UUID). */
  async insertMailToUser(tx: Queryable, userId: string, kind: MailKind, details: MailDetails = {}): Promise<void> {
    await tx.query(INSERT_TO_USER, [uuidOf(newId('request')), kind, userId, JSON.stringify(details)])
  }

  /** Writes what a link will do; queue a mail with `actionId` to send one. */
  async insertAction(
    tx: Queryable,
    { id, kind, userId, data }: Omit<MailAction, 'userId'> & { userId?: string | undefined },
    expiresAt: Date,
  ): Promise<void> {
    await tx.query(INSERT_ACTION, [id, kind, userId, JSON.stringify(data), expiresAt])
  }

  /** What a link would do, without doing it; undefined when it was used, has expired, or is for something else. */
  async findAction(secretHash: Buffer, kind: string, now: Date): Promise<MailAction | undefined> {
    return actionOf(await this.database.query(FIND_ACTION, [secretHash, kind, now]))
  }

  /** Uses a link up: of two at once one gets the action. */
  async takeAction(tx: Queryable, secretHash: Buffer, kind: string, now: Date): Promise<MailAction | undefined> {
    return actionOf(await tx.query(TAKE_ACTION, [secretHash, kind, now]))
  }

  /** Takes what is due for this worker alone, for as long as the lease lasts. */
  takeDue(limit: number, leaseMs: number): Promise<MailRow[]> {
    return this.database.query<MailRow>(TAKE_DUE, [limit, leaseMs])
  }

  /** Whether the link was written: not when what it is for is gone or has expired. */
  async insertLink(hash: Buffer, { registrationId, actionId }: Pick<MailRow, 'registrationId' | 'actionId'>): Promise<boolean> {
    return (await this.database.query(INSERT_LINK, [hash, registrationId, actionId])).length > 0
  }

  async finish(id: string, outcome: 'sent' | 'dropped' | 'failed'): Promise<void> {
    await this.database.query(FINISH, [id, outcome])
  }

  async putOff(id: string, byMs: number): Promise<void> {
    await this.database.query(PUT_OFF, [id, byMs])
  }
}
