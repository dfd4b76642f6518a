import { Injectable } from '@nestjs/common'
import { Database, type Queryable } from '@catamaran/data'
import type { MailSource } from '../mail/source.js'

const EMAIL_ACTIONS = ['email_change_old', 'email_change_new'] as const
/** What mailed links may still do to an account. They end when its password or its address changes. */
const ACTIONS = ['reset_password', ...EMAIL_ACTIONS] as const

/** Writes the same two rows whether or not the address has an account; those for nobody are finished from the start. */
const ASK_RESET = {
  name: 'credentials.ask-reset',
  text: `with known as (select (select id from user_account where email = $3 and closed_at is null) as user_id),
    made as (
      insert into mail_action (id, kind, user_id, expires_at)
      select $1, 'reset_password', user_id, case when user_id is null then $4::timestamptz else $5::timestamptz end from known
      returning id, user_id)
    insert into mail (id, kind, recipient, action_id, source, outcome, finished_at)
    select $2, 'reset_password', $3, id, $6, case when user_id is null then 'dropped' end, case when user_id is null then now() end from made`,
}

const SET_PASSWORD = {
  name: 'credentials.set-password',
  text: 'update user_account set password_hash = $2, version = version + 1 where id = $1 and closed_at is null returning email',
}
/** They stay until they are pruned: what was mailed for them counts for the limits of mail. */
const END_ACTIONS = {
  name: 'credentials.end-actions',
  text: 'update mail_action set expires_at = $3 where user_id = $1 and kind = any ($2) and expires_at > $3',
}

/** Two actions and two mails, whether or not the new address has an account; where it has, its link is never sent. */
const ASK_EMAIL = {
  name: 'credentials.ask-email',
  text: `with known as (select exists (select from user_account where email = $4) as is_taken),
    actions as (
      insert into mail_action (id, kind, user_id, data, expires_at)
      values ($2, 'email_change_old', $1, $6, $7), ($3, 'email_change_new', $1, $6, $7)),
    mails (id, kind, recipient, action_id) as (
      select $8::uuid, 'email_change_approval', $5::text, $2::uuid
      union all
      select $9, case when is_taken then 'email_change_taken' else 'email_change_confirmation' end, $4, $3 from known)
    insert into mail (id, kind, recipient, action_id, details)
    select id, kind, recipient, action_id, json_build_object('email', $4::text) from mails`,
}

const LOCK = { name: 'credentials.lock', text: 'select email from user_account where id = $1 and closed_at is null for update' }
const IS_WAITING = {
  name: 'credentials.is-waiting',
  text: `select exists (select from mail_action where user_id = $1 and kind in ('email_change_old', 'email_change_new') and data ->> 'change' = $2)
    as "isWaiting"`,
}
const SET_EMAIL = {
  name: 'credentials.set-email',
  text: `update user_account set email = $2, email_verified_at = $3, version = version + 1
    where id = $1 and not exists (select from user_account where email = $2) returning id`,
}
const DELETE_REGISTRATIONS = { name: 'credentials.delete-registrations', text: 'delete from registration where email = $1' }

export interface EmailChange {
  readonly userId: string
  readonly from: string
  readonly to: string
  /** The ids of the change, of what each side's link does, and of the two mails. */
  readonly change: string
  readonly actions: readonly [old: string, next: string]
  readonly mails: readonly [old: string, next: string]
  readonly now: Date
  readonly expiresAt: Date
}

/** What people sign in with: password and email address, and the mailed actions that change them. */
@Injectable()
export class CredentialsRepository {
  constructor(private readonly database: Database) {}

  async insertReset(id: string, mailId: string, email: string, now: Date, expiresAt: Date, source: MailSource): Promise<void> {
    await this.database.query(ASK_RESET, [id, mailId, email, now, expiresAt, source])
  }

  /** Sets a password and ends what mailed links could still do to the account. The person's address; undefined when they are gone. */
  async setPassword(tx: Queryable, userId: string, passwordHash: string, now: Date): Promise<string | undefined> {
    const [person] = await tx.query<{ email: string }>(SET_PASSWORD, [userId, passwordHash])
    await tx.query(END_ACTIONS, [userId, ACTIONS, now])
    return person?.email
  }

  /** Takes down a change of address, in the place of an earlier one. */
  async insertEmailChange({ userId, from, to, change, actions, mails, now, expiresAt }: EmailChange): Promise<void> {
    await this.database.transaction(async (tx) => {
      await tx.query(LOCK, [userId])
      await tx.query(END_ACTIONS, [userId, EMAIL_ACTIONS, now])
      await tx.query(ASK_EMAIL, [userId, ...actions, to, from, JSON.stringify({ change, email: to }), expiresAt, ...mails])
    })
  }

  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.database.transaction(work)
  }

  /** The person's address, whose row is locked until the commit; undefined when they are gone. */
  async lock(tx: Queryable, userId: string): Promise<string | undefined> {
    return (await tx.query<{ email: string }>(LOCK, [userId]))[0]?.email
  }

  /** Whether the other side of a change has not confirmed yet. Ask under the lock: of two at once the second sees the first's answer. */
  async isWaiting(tx: Queryable, userId: string, change: string): Promise<boolean> {
    return (await tx.query<{ isWaiting: boolean }>(IS_WAITING, [userId, change]))[0]?.isWaiting ?? false
  }

  /** False when the address has an account by now. */
  async setEmail(tx: Queryable, userId: string, email: string, now: Date): Promise<boolean> {
    const changed = (await tx.query(SET_EMAIL, [userId, email, now])).length > 0
    await tx.query(END_ACTIONS, [userId, ACTIONS, now])
    if (changed) await tx.query(DELETE_REGISTRATIONS, [email])
    return changed
  }
}
