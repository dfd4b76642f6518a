import { Injectable } from '@nestjs/common'
import { idOf, uuidOf, type UserId } from '@catamaran/contracts'
import { Database } from '@catamaran/data'

const USER = {
  name: 'person.user',
  text: `select email, display_name as name, locale, is_operator as "isOperator", email_verified_at as "emailVerifiedAt", created_at as "createdAt"
    from user_account where id = $1 and closed_at is null`,
}
const PASSKEYS = {
  name: 'person.passkeys',
  text: `select id, name, transports, is_backed_up as "isBackedUp", created_at as "createdAt", last_used_at as "lastUsedAt"
    from passkey where user_id = $1 order by created_at`,
}
const TOTP = { name: 'person.totp', text: 'select confirmed_at as "confirmedAt" from totp where user_id = $1 and confirmed_at is not null' }
const RECOVERY_CODES = {
  name: 'person.recovery-codes',
  text: 'select count(*) filter (where used_at is null) as unused, count(*) filter (where used_at is not null) as used from recovery_code where user_id = $1',
}
const DEVICES = {
  name: 'person.devices',
  text: 'select created_at as "firstSeenAt", last_seen_at as "lastSeenAt" from known_device where user_id = $1 order by created_at',
}
const MEMBERSHIPS = {
  name: 'person.memberships',
  text: `select partner_id as id, name, role, m.created_at as "since" from partner_member m join partner on partner.id = m.partner_id
    where user_id = $1 order by m.created_at`,
}
const MAILS = {
  name: 'person.mails',
  text: `select kind, outcome, mail.created_at as "queuedAt" from mail join user_account on recipient = email where user_account.id = $1
    order by mail.created_at`,
}

/** What auth-service holds of a person, without what is secret. */
export type Account = Readonly<Record<string, unknown>>

/** Reads what auth-service holds of one person, for an export. */
@Injectable()
export class PersonRepository {
  constructor(private readonly database: Database) {}

  /** Undefined when there is no such person (any more). */
  async find(id: UserId): Promise<Account | undefined> {
    const rowsOf = (statement: { name: string; text: string }): Promise<Record<string, unknown>[]> =>
      this.database.query(statement, [uuidOf(id)])
    const [[user], passkeys, [totp], [recoveryCodes], knownDevices, memberships, mails] = await Promise.all([
      ...[rowsOf(USER), rowsOf(PASSKEYS), rowsOf(TOTP), rowsOf(RECOVERY_CODES), rowsOf(DEVICES), rowsOf(MEMBERSHIPS), rowsOf(MAILS)],
    ] as const)
    if (user === undefined) return undefined
    return {
      ...{ id, ...user },
      passkeys: (passkeys ?? []).map((passkey) => ({ ...passkey, id: idOf('passkey', String(passkey['id'])) })),
      ...{ totp: totp ?? null, recoveryCodes, knownDevices },
      memberships: (memberships ?? []).map(({ id: partnerId, ...rest }) => ({ partnerId: idOf('partner', String(partnerId)), ...rest })),
      mails,
    }
  }
}
