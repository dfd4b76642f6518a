import { Injectable } from '@nestjs/common'
import { idOf, uuidOf, type Id, type PartnerId, type UserId } from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'
import type { Invitation, Invite } from './invitations.schema.js'

interface InvitationRow {
  readonly id: string
  readonly email: string
  readonly role: Invitation['role']
  readonly createdAt: Date
  readonly expiresAt: Date
}

const INSERT = {
  name: 'invitation.insert',
  text: 'insert into partner_invitation (id, partner_id, email, role, invited_by, created_at) values ($1, $2, $3, $4, $5, $6)',
}
const LIST = {
  name: 'invitation.list',
  text: `select partner_invitation.id, email, role, partner_invitation.created_at as "createdAt", expires_at as "expiresAt"
    from partner_invitation join mail_action using (id)
    where partner_id = $1 and expires_at > $2 and ($3::uuid is null or partner_invitation.id > $3) order by partner_invitation.id limit $4`,
}
const FIND = {
  name: 'invitation.find',
  text: `select partner_invitation.id, email, role, partner_invitation.created_at as "createdAt", expires_at as "expiresAt"
    from partner_invitation join mail_action using (id) where partner_id = $1 and partner_invitation.id = $2`,
}
const COUNT = {
  name: 'invitation.count',
  text: 'select count(*) from partner_invitation join mail_action using (id) where partner_id = $1 and expires_at > $2',
}
// Whatever ends an invitation deletes its mail action, and with it the row, the links and mail that was not sent yet.
const DELETE = {
  name: 'invitation.delete',
  text: 'delete from mail_action using partner_invitation i where i.id = mail_action.id and i.partner_id = $1 and i.id = $2 returning i.id',
}
const DELETE_BY_EMAIL = {
  name: 'invitation.delete-by-email',
  text: 'delete from mail_action using partner_invitation i where i.id = mail_action.id and i.partner_id = $1 and i.email = $2',
}

const invitationOf = ({ id, email, role, createdAt, expiresAt }: InvitationRow): Invitation => ({
  ...{ id: idOf('invitation', id), email, role, createdAt: createdAt.toISOString(), expiresAt: expiresAt.toISOString() },
})

/** Invitations that are open. Each has a row in mail_action with the same id. */
@Injectable()
export class InvitationsRepository {
  constructor(private readonly database: Database) {}

  async insert(
    tx: Queryable,
    id: Id<'invitation'>,
    partnerId: PartnerId,
    invite: Invite,
    by: UserId | undefined,
    now: Date,
  ): Promise<void> {
    await tx.query(INSERT, [uuidOf(id), uuidOf(partnerId), invite.email, invite.role, by && uuidOf(by), now])
  }

  async list(partnerId: PartnerId, now: Date, after: string | undefined, limit: number): Promise<Invitation[]> {
    return (await this.database.query<InvitationRow>(LIST, [uuidOf(partnerId), now, after, limit])).map(invitationOf)
  }

  async find(partnerId: PartnerId, id: Id<'invitation'>): Promise<Invitation | undefined> {
    const [row] = await this.database.query<InvitationRow>(FIND, [uuidOf(partnerId), uuidOf(id)])
    return row && invitationOf(row)
  }

  async count(tx: Queryable, partnerId: PartnerId, now: Date): Promise<number> {
    return (await tx.query<{ count: number }>(COUNT, [uuidOf(partnerId), now]))[0]?.count ?? 0
  }

  /** Whether there was one. */
  async delete(partnerId: PartnerId, id: Id<'invitation'>): Promise<boolean> {
    return (await this.database.query(DELETE, [uuidOf(partnerId), uuidOf(id)])).length > 0
  }

  async deleteByEmail(tx: Queryable, partnerId: PartnerId, email: string): Promise<void> {
    await tx.query(DELETE_BY_EMAIL, [uuidOf(partnerId), email])
  }
}
