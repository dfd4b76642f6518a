import { Injectable } from '@nestjs/common'
import { Database, type Queryable } from '@catamaran/data'
import type { MailSource } from '../mail/source.js'

/** A row that a sign-in may be about: a user, or a registration whose mail was not confirmed yet. */
export interface Candidate {
  readonly kind: 'user' | 'registration'
  readonly id: string
  readonly passwordHash: string
}

export interface UserRow {
  readonly id: string
  readonly email: string
}

export interface NewRegistration {
  readonly id: string
  readonly mailId: string
  readonly email: string
  readonly passwordHash: string
  readonly now: Date
  readonly expiresAt: Date
  readonly source: MailSource
}

const FIND_USER = { name: 'user.find', text: 'select id, email from user_account where id = $1 and closed_at is null' }

const IS_OPERATOR = { name: 'user.is-operator', text: 'select from user_account where id = $1 and is_operator and closed_at is null' }

const FIND_CANDIDATE = {
  name: 'user.candidate',
  text: `select kind, id, password_hash as "passwordHash" from (
      select 'user' as kind, id, password_hash from user_account where email = $1 and closed_at is null
      union all
      (select 'registration', id, password_hash from registration where email = $1 and expires_at > $2 order by created_at desc limit 1)
    ) candidate order by kind = 'user' desc limit 1`,
}

/** Writes the same two rows whether or not the address has an account: one statement, one commit, nothing to be timed. */
const REGISTER = {
  name: 'user.register',
  text: `with known as (select exists (select from user_account where email = $3) as is_known),
    made as (
      insert into registration (id, email, password_hash, expires_at)
      select $1, $3, $4, case when is_known then $5::timestamptz else $6::timestamptz end from known
      returning id)
    insert into mail (id, kind, recipient, registration_id, source)
    select $2, case when is_known then 'already_registered' else 'verify_email' end, $3, made.id, $7 from made, known`,
}

/** At most one mail in the time given, however often it is asked for. */
const SEND_AGAIN = {
  name: 'user.send-again',
  text: `insert into mail (id, kind, recipient, registration_id)
    select $2, 'verify_email', email, id from registration
    where id = $1 and expires_at > $3
      and not exists (select from mail where mail.registration_id = registration.id and mail.created_at > $3::timestamptz - $4 * interval '1 ms')`,
}

const TAKE_REGISTRATION = {
  name: 'user.take-registration',
  text: `delete from registration using email_link
    where email_link.secret_hash = $1 and email_link.registration_id = registration.id and registration.expires_at > $2
    returning registration.email, registration.password_hash as "passwordHash"`,
}

const INSERT_USER = {
  name: 'user.insert',
  text: 'insert into user_account (id, email, password_hash) values ($1, $2, $3) on conflict (email) do nothing returning id',
}

const DELETE_REGISTRATIONS = { name: 'user.delete-registrations', text: 'delete from registration where email = $1' }

@Injectable()
export class UsersRepository {
  constructor(private readonly database: Database) {}

  async findUser(id: string): Promise<UserRow | undefined> {
    return (await this.database.query<UserRow>(FIND_USER, [id]))[0]
  }

  async isOperator(id: string): Promise<boolean> {
    return (await this.database.query(IS_OPERATOR, [id])).length > 0
  }

  async findCandidate(email: string, now: Date): Promise<Candidate | undefined> {
    return (await this.database.query<Candidate>(FIND_CANDIDATE, [email, now]))[0]
  }

  async insertRegistration({ id, mailId, email, passwordHash, now, expiresAt, source }: NewRegistration): Promise<void> {
    await this.database.query(REGISTER, [id, mailId, email, passwordHash, now, expiresAt, source])
  }

  async insertMailAgain(registrationId: string, mailId: string, now: Date, quietMs: number): Promise<void> {
    await this.database.query(SEND_AGAIN, [registrationId, mailId, now, quietMs])
  }

  /** Turns the registration of a link into a user, with `also` in the same transaction. Undefined when the link is not good (any more). */
  confirm(secretHash: Buffer, userId: string, now: Date, also: (tx: Queryable) => Promise<void>): Promise<string | undefined> {
    return this.database.transaction(async (tx) => {
      const [taken] = await tx.query<{ email: string; passwordHash: string }>(TAKE_REGISTRATION, [secretHash, now])
      if (taken === undefined) return undefined
      const made = await tx.query(INSERT_USER, [userId, taken.email, taken.passwordHash])
      await tx.query(DELETE_REGISTRATIONS, [taken.email])
      if (made.length === 0) return undefined
      await also(tx)
      return userId
    })
  }
}
