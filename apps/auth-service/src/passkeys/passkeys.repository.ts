import { Injectable } from '@nestjs/common'
import { Database, type Queryable } from '@catamaran/data'

/** A credential record (Web Authentication Level 3, section 4). */
export interface PasskeyRow {
  readonly id: string
  readonly userId: string
  readonly credentialId: Buffer
  readonly publicKey: Buffer
  readonly signCount: number
  readonly transports: string[]
  readonly isBackupEligible: boolean
  readonly isBackedUp: boolean
  readonly name: string
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
}

export type NewPasskey = Omit<PasskeyRow, 'lastUsedAt'> & { readonly aaguid: string }

const COLUMNS = `passkey.id, user_id as "userId", credential_id as "credentialId", public_key as "publicKey", sign_count as "signCount", transports,
    is_backup_eligible as "isBackupEligible", is_backed_up as "isBackedUp", name, passkey.created_at as "createdAt", last_used_at as "lastUsedAt"`

const LIST = { name: 'passkey.list', text: `select ${COLUMNS} from passkey where user_id = $1 order by id` }
const FIND_BY_CREDENTIAL = {
  name: 'passkey.find-by-credential',
  text: `select ${COLUMNS} from passkey join user_account on user_account.id = user_id where credential_id = $1 and closed_at is null`,
}

/** The user's row is locked, so that two at once don't pass the limit together. */
const LOCK_USER = { name: 'passkey.lock-user', text: 'select id from user_account where id = $1 for update' }
const INSERT = {
  name: 'passkey.insert',
  text: `insert into passkey
      (id, user_id, credential_id, public_key, sign_count, transports, is_backup_eligible, is_backed_up, aaguid, name, created_at)
    select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 where (select count(*) from passkey where user_id = $2) < $12
    on conflict (credential_id) do nothing returning id`,
}

const RENAME = { name: 'passkey.rename', text: `update passkey set name = $3 where id = $1 and user_id = $2 returning ${COLUMNS}` }
const DELETE = { name: 'passkey.delete', text: 'delete from passkey where id = $1 and user_id = $2 returning name' }

/** An authenticator that counts must count up; of two sign-ins with the same count one is from a copy. */
const USE = {
  name: 'passkey.use',
  text: `update passkey set sign_count = $2, is_backed_up = $3, last_used_at = $4
    where id = $1 and (sign_count < $2 or (sign_count = 0 and $2 = 0)) returning id`,
}

@Injectable()
export class PasskeysRepository {
  constructor(private readonly database: Database) {}

  list(userId: string): Promise<PasskeyRow[]> {
    return this.database.query<PasskeyRow>(LIST, [userId])
  }

  async findByCredential(credentialId: Buffer): Promise<PasskeyRow | undefined> {
    return (await this.database.query<PasskeyRow>(FIND_BY_CREDENTIAL, [credentialId]))[0]
  }

  /** False when the credential is known already, or the person has `most` passkeys. */
  insert(passkey: NewPasskey, most: number, also: (tx: Queryable) => Promise<void>): Promise<boolean> {
    const { id, userId, credentialId, publicKey, signCount, transports, isBackupEligible, isBackedUp, aaguid, name, createdAt } = passkey
    const credential = [credentialId, publicKey, signCount, transports, isBackupEligible, isBackedUp, aaguid]
    return this.database.transaction(async (tx) => {
      await tx.query(LOCK_USER, [userId])
      if ((await tx.query(INSERT, [id, userId, ...credential, name, createdAt, most])).length === 0) return false
      await also(tx)
      return true
    })
  }

  async rename(id: string, userId: string, name: string): Promise<PasskeyRow | undefined> {
    return (await this.database.query<PasskeyRow>(RENAME, [id, userId, name]))[0]
  }

  /** @returns the name it had, or undefined when the person has no such passkey */
  delete(id: string, userId: string, also: (tx: Queryable, name: string) => Promise<void>): Promise<string | undefined> {
    return this.database.transaction(async (tx) => {
      const [deleted] = await tx.query<{ name: string }>(DELETE, [id, userId])
      if (deleted !== undefined) await also(tx, deleted.name)
      return deleted?.name
    })
  }

  /** Notes a sign-in. False when the counter did not rise. */
  async markUsed(id: string, signCount: number, isBackedUp: boolean, now: Date): Promise<boolean> {
    return (await this.database.query(USE, [id, signCount, isBackedUp, now])).length > 0
  }
}
