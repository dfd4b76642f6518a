import { Injectable } from '@nestjs/common'
import { idOf, uuidOf, type PartnerId, type UserId } from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'
import { forgetKeys } from '@catamaran/messaging'

/** A person as the closing of the account finds them. */
export interface ClosingUser {
  readonly email: string
  readonly isClosed: boolean
}

/** A membership, with what the partner has besides. */
export interface Membership {
  readonly partnerId: PartnerId
  readonly isOwner: boolean
  readonly hasOthers: boolean
  readonly hasOtherOwner: boolean
}

export interface Erasure {
  readonly requestedAt: Date
  readonly finishedAt: Date | null
}

// Partners before people, as where a membership is made: that locks the partner, then refers to the person.
const LOCK_PARTNERS = {
  name: 'erasure.lock-partners',
  text: 'select id from partner where id in (select partner_id from partner_member where user_id = $1) order by id for update',
}
const LOCK_USER = {
  name: 'erasure.lock-user',
  text: 'select email, closed_at is not null as "isClosed" from user_account where id = $1 for update',
}
const MEMBERSHIPS = {
  name: 'erasure.memberships',
  text: `select partner_id as "partnerId", role = 'owner' as "isOwner",
      exists (select from partner_member o where o.partner_id = m.partner_id and o.user_id <> $1) as "hasOthers",
      exists (select from partner_member o where o.partner_id = m.partner_id and o.user_id <> $1 and o.role = 'owner') as "hasOtherOwner"
    from partner_member m where user_id = $1 order by partner_id`,
}
const SUSPEND = {
  name: 'erasure.suspend',
  text: `update partner set status = 'suspended', reason = 'its only member left', version = version + 1, decided_at = now()
    where id = any($1) and status in ('pending', 'active')`,
}

/** The right form, and a tag that no password leads to. */
const NO_PASSWORD = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`
// The address is free for a new account at once.
const CLOSE_USER = {
  name: 'erasure.close-user',
  text: `update user_account set email = 'closed-' || id || '@erased.invalid', password_hash = $2, display_name = null, is_operator = false,
      closed_at = now(), version = version + 1
    where id = $1 returning version`,
}
const DELETE_OF_USER = [
  ...['passkey', 'totp', 'recovery_code', 'known_device', 'partner_member', 'person_export', 'mail_action'].map((table) => ({
    name: `erasure.delete-${table}`,
    text: `delete from ${table} where user_id = $1`,
  })),
]
const DELETE_OF_ADDRESS = [
  { name: 'erasure.delete-registrations', text: 'delete from registration where email = $1' },
  {
    name: 'erasure.delete-invitations',
    text: 'delete from mail_action where id in (select id from partner_invitation where email = $1)',
  },
  { name: 'erasure.delete-mails', text: "delete from mail where recipient = $1 or details ->> 'email' = $1" },
]

const INSERT = { name: 'erasure.insert', text: 'insert into erasure (user_id, mail_id) values ($1, $2)' }
const FIND = {
  name: 'erasure.find',
  text: 'select requested_at as "requestedAt", finished_at as "finishedAt" from erasure where user_id = $1',
}
const CONFIRM = {
  'core-service': {
    name: 'erasure.confirm-core',
    text: 'update erasure set core_erased_at = coalesce(core_erased_at, now()) where user_id = $1',
  },
  'aux-service': {
    name: 'erasure.confirm-aux',
    text: 'update erasure set aux_erased_at = coalesce(aux_erased_at, now()) where user_id = $1',
  },
}

// The mail that confirms is waited for: it goes out, or is given up, within a day.
const LIST_CONFIRMED = {
  name: 'erasure.list-confirmed',
  text: `select user_id as id from erasure
    where finished_at is null and core_erased_at is not null and aux_erased_at is not null
      and not exists (select from mail where mail.id = mail_id and outcome is null)
    order by requested_at limit $1`,
}
const FINISH = [
  { name: 'erasure.delete-mail', text: 'delete from mail where id = (select mail_id from erasure where user_id = $1)' },
  { name: 'erasure.delete-user', text: 'delete from user_account where id = $1' },
  { name: 'erasure.finish', text: 'update erasure set finished_at = coalesce(finished_at, now()), mail_id = null where user_id = $1' },
]
// The newest row says how far revocations have come, so the row stays; whom it was about does not.
const BLANK_REVOCATIONS = {
  name: 'erasure.blank-revocations',
  text: "update revocation set subject = '' where kind = 'user' and subject = $1 and expires_at < now()",
}

/** Accounts that are closed, and the erasure of what hangs on them in this database. */
@Injectable()
export class ErasureRepository {
  constructor(private readonly database: Database) {}

  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.database.transaction(work)
  }

  /** Locks the person, and the partners they belong to, for a transaction; undefined when there is no such person. */
  async lockUser(tx: Queryable, id: UserId): Promise<ClosingUser | undefined> {
    await tx.query(LOCK_PARTNERS, [uuidOf(id)])
    return (await tx.query<ClosingUser>(LOCK_USER, [uuidOf(id)]))[0]
  }

  async listMemberships(tx: Queryable, id: UserId): Promise<Membership[]> {
    const rows = await tx.query<Omit<Membership, 'partnerId'> & { partnerId: string }>(MEMBERSHIPS, [uuidOf(id)])
    return rows.map((row) => ({ ...row, partnerId: idOf('partner', row.partnerId) }))
  }

  async suspendPartners(tx: Queryable, ids: readonly PartnerId[]): Promise<void> {
    if (ids.length > 0) await tx.query(SUSPEND, [ids.map((id) => uuidOf(id))])
  }

  /** Closes the account and takes away all that it could be used with, and what waits for its address. @returns the account's new version */
  async closeUser(tx: Queryable, id: UserId, email: string): Promise<number> {
    const [closed] = await tx.query<{ version: number }>(CLOSE_USER, [uuidOf(id), NO_PASSWORD])
    for (const statement of DELETE_OF_USER) await tx.query(statement, [uuidOf(id)])
    for (const statement of DELETE_OF_ADDRESS) await tx.query(statement, [email])
    return closed?.version ?? 1
  }

  async insertErasure(tx: Queryable, id: UserId, mailId: string): Promise<void> {
    await tx.query(INSERT, [uuidOf(id), mailId])
  }

  async findErasure(id: UserId): Promise<Erasure | undefined> {
    return (await this.database.query<Erasure>(FIND, [uuidOf(id)]))[0]
  }

  /** Notes that a service holds nothing of the person any more. */
  async confirm(id: UserId, service: keyof typeof CONFIRM): Promise<void> {
    await this.database.query(CONFIRM[service], [uuidOf(id)])
  }

  /** People that every other service has erased, and whose own rows are left. */
  async listConfirmed(limit: number): Promise<UserId[]> {
    return (await this.database.query<{ id: string }>(LIST_CONFIRMED, [limit])).map(({ id }) => idOf('user', id))
  }

  /** Deletes the person and all that hangs on them; the erasure stays. */
  async finish(id: UserId): Promise<void> {
    await this.database.transaction(async (tx) => {
      for (const statement of FINISH) await tx.query(statement, [uuidOf(id)])
      await tx.query(BLANK_REVOCATIONS, [id])
      await forgetKeys(tx, id)
    })
  }
}
