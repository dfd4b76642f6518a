import { Injectable } from '@nestjs/common'
import { idOf, uuidOf, type PartnerId, type PartnerRole, type UserId } from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'
import type { Member } from './partners.schema.js'

export interface MemberRow {
  readonly userId: string
  readonly email: string
  readonly displayName: string | null
  readonly role: PartnerRole
  readonly joinedAt: Date
}

const SELECT = `select user_id as "userId", email, display_name as "displayName", role, partner_member.created_at as "joinedAt"
  from partner_member join user_account on user_account.id = user_id`

const INSERT = {
  name: 'member.insert',
  text: 'insert into partner_member (partner_id, user_id, role) values ($1, $2, $3) on conflict do nothing returning user_id',
}
const LIST = {
  name: 'member.list',
  text: `${SELECT} where partner_id = $1 and ($2::uuid is null or user_id > $2) order by user_id limit $3`,
}
const FIND = { name: 'member.find', text: `${SELECT} where partner_id = $1 and user_id = $2` }
const FIND_BY_EMAIL = { name: 'member.find-by-email', text: `${SELECT} where partner_id = $1 and email = $2` }
const COUNT_OWNERS = {
  name: 'member.count-owners',
  text: `select count(*) from partner_member where partner_id = $1 and role = 'owner'`,
}
const LIST_OWNER_EMAILS = {
  name: 'member.list-owner-emails',
  text: `select email from partner_member join user_account on user_account.id = user_id where partner_id = $1 and role = 'owner' and closed_at is null
    order by user_id`,
}
const SET_ROLE = { name: 'member.set-role', text: 'update partner_member set role = $3 where partner_id = $1 and user_id = $2' }
const DELETE = { name: 'member.delete', text: 'delete from partner_member where partner_id = $1 and user_id = $2' }

/** A member as it is shown. */
export const memberOf = ({ userId, email, displayName, role, joinedAt }: MemberRow): Member => ({
  ...{ userId: idOf('user', userId), email, displayName, role, joinedAt: joinedAt.toISOString() },
})

/** Who belongs to which partner. Changes are made under the partner's lock. */
@Injectable()
export class MembersRepository {
  constructor(private readonly database: Database) {}

  /** False where the person is a member already, whose role stays. */
  async insert(tx: Queryable, partnerId: PartnerId, userId: UserId, role: PartnerRole): Promise<boolean> {
    return (await tx.query(INSERT, [uuidOf(partnerId), uuidOf(userId), role])).length > 0
  }

  list(partnerId: PartnerId, after: string | undefined, limit: number): Promise<MemberRow[]> {
    return this.database.query(LIST, [uuidOf(partnerId), after, limit])
  }

  async find(tx: Queryable, partnerId: PartnerId, userId: UserId): Promise<Member | undefined> {
    const [row] = await tx.query<MemberRow>(FIND, [uuidOf(partnerId), uuidOf(userId)])
    return row && memberOf(row)
  }

  async findByEmail(tx: Queryable, partnerId: PartnerId, email: string): Promise<Member | undefined> {
    const [row] = await tx.query<MemberRow>(FIND_BY_EMAIL, [uuidOf(partnerId), email])
    return row && memberOf(row)
  }

  async countOwners(tx: Queryable, partnerId: PartnerId): Promise<number> {
    return (await tx.query<{ count: number }>(COUNT_OWNERS, [uuidOf(partnerId)]))[0]?.count ?? 0
  }

  async listOwnerEmails(tx: Queryable, partnerId: PartnerId): Promise<string[]> {
    return (await tx.query<{ email: string }>(LIST_OWNER_EMAILS, [uuidOf(partnerId)])).map(({ email }) => email)
  }

  async setRole(tx: Queryable, partnerId: PartnerId, userId: UserId, role: PartnerRole): Promise<void> {
    await tx.query(SET_ROLE, [uuidOf(partnerId), uuidOf(userId), role])
  }

  async delete(tx: Queryable, partnerId: PartnerId, userId: UserId): Promise<void> {
    await tx.query(DELETE, [uuidOf(partnerId), uuidOf(userId)])
  }
}
