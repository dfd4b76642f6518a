import { Injectable } from '@nestjs/common'
import { idOf, type PartnerId, type PartnerRole, type UserId, uuidOf } from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'
import type { Partner, PartnerStatus } from './partners.schema.js'

export interface PartnerRow {
  readonly id: string
  readonly name: string
  readonly status: PartnerStatus
  readonly plan: string
  readonly reason: string | null
  readonly createdAt: Date
  readonly decidedAt: Date | null
}

export interface MembershipRow {
  readonly partnerId: string
  readonly role: PartnerRole
}

export const PARTNER_COLUMNS = `partner.id, partner.name, partner.status, partner.plan, partner.reason, partner.created_at as "createdAt",
  partner.decided_at as "decidedAt"`

/** One after another, so that two askings at once can't both be the last that is allowed. */
const LOCK_PERSON = {
  name: 'partner.lock-person',
  text: 'select id from user_account where id = $1 and closed_at is null for no key update',
}
const COUNT_PENDING = {
  name: 'partner.count-pending',
  text: `select count(*) from partner join partner_member on partner_id = partner.id
    where user_id = $1 and role = 'owner' and status = 'pending'`,
}
const INSERT = { name: 'partner.insert', text: `insert into partner (id, name) values ($1, $2) returning ${PARTNER_COLUMNS}` }
const FIND = { name: 'partner.find', text: `select ${PARTNER_COLUMNS} from partner where id = $1` }
/** What changes about a partner is changed under this lock, one after another. Usage can still be written. */
const LOCK = { name: 'partner.lock', text: `${FIND.text} for no key update` }
const RENAME = {
  name: 'partner.rename',
  text: `update partner set name = $2, version = version + 1 where id = $1 returning version`,
}
const LIST_OF_USER = {
  name: 'partner.list-of-user',
  text: `select ${PARTNER_COLUMNS}, role from partner_member join partner on partner.id = partner_id
    where user_id = $1 and ($2::uuid is null or partner_id > $2) order by partner_id limit $3`,
}
const LIST_MEMBERSHIPS = {
  name: 'partner.list-memberships',
  text: 'select partner_id as "partnerId", role from partner_member where user_id = $1 and ($2::uuid is null or partner_id = $2) limit $3',
}

/** A partner as it is shown. */
export const partnerOf = ({ id, name, status, plan, reason, createdAt, decidedAt }: PartnerRow): Partner => ({
  ...{ id: idOf('partner', id), name, status, plan, reason },
  ...{ createdAt: createdAt.toISOString(), decidedAt: decidedAt?.toISOString() ?? null },
})

@Injectable()
export class PartnersRepository {
  constructor(private readonly database: Database) {}

  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.database.transaction(work)
  }

  /** Whether there is such a person; what they do under this lock is done one after another. */
  async lockPerson(tx: Queryable, userId: UserId): Promise<boolean> {
    return (await tx.query(LOCK_PERSON, [uuidOf(userId)])).length > 0
  }

  async countPendingOf(tx: Queryable, userId: UserId): Promise<number> {
    return (await tx.query<{ count: number }>(COUNT_PENDING, [uuidOf(userId)]))[0]?.count ?? 0
  }

  async insert(tx: Queryable, id: PartnerId, name: string): Promise<Partner> {
    const [row] = await tx.query<PartnerRow>(INSERT, [uuidOf(id), name])
    return partnerOf(row as PartnerRow)
  }

  async find(id: PartnerId): Promise<Partner | undefined> {
    const [row] = await this.database.query<PartnerRow>(FIND, [uuidOf(id)])
    return row && partnerOf(row)
  }

  /** A partner that stays as it is until the end of the transaction. */
  async lock(tx: Queryable, id: PartnerId): Promise<Partner | undefined> {
    const [row] = await tx.query<PartnerRow>(LOCK, [uuidOf(id)])
    return row && partnerOf(row)
  }

  /** Returns the version that the partner has then. */
  async rename(tx: Queryable, id: PartnerId, name: string): Promise<number> {
    const [row] = await tx.query<{ version: number }>(RENAME, [uuidOf(id), name])
    return (row as { version: number }).version
  }

  /** The partners of a person after one, in the order of their ids. */
  listOfUser(userId: UserId, after: string | undefined, limit: number): Promise<(PartnerRow & { role: PartnerRole })[]> {
    return this.database.query(LIST_OF_USER, [uuidOf(userId), after, limit])
  }

  /** The memberships of a person, or the one in a partner. */
  listMemberships(userId: UserId, partnerId: PartnerId | undefined, limit: number): Promise<MembershipRow[]> {
    return this.database.query(LIST_MEMBERSHIPS, [uuidOf(userId), partnerId && uuidOf(partnerId), limit])
  }
}
