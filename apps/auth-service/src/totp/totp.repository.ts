import { Injectable } from '@nestjs/common'
import { Database, type Queryable } from '@catamaran/data'

export interface TotpRow {
  readonly sealedSecret: Buffer
  readonly confirmedAt: Date | null
  readonly recoveryCodesLeft: number
}

const FIND = {
  name: 'totp.find',
  text: `select sealed_secret as "sealedSecret", confirmed_at as "confirmedAt",
      (select count(*) from recovery_code where recovery_code.user_id = totp.user_id and used_at is null) as "recoveryCodesLeft"
    from totp where user_id = $1`,
}

/** A new secret takes the place of one that was never confirmed, and of no other. */
const START = {
  name: 'totp.start',
  text: `insert into totp (user_id, sealed_secret, created_at) values ($1, $2, $3)
    on conflict (user_id) do update set sealed_secret = excluded.sealed_secret, last_step = 0, created_at = excluded.created_at
      where totp.confirmed_at is null
    returning user_id`,
}

/** Names the secret it was confirmed with, so that one which was started anew meanwhile stays unconfirmed. */
const CONFIRM = {
  name: 'totp.confirm',
  text: `update totp set confirmed_at = $4, last_step = $3
    where user_id = $1 and sealed_secret = $2 and confirmed_at is null returning user_id`,
}

/** Each step works once, also for two who send the same code at the same time. */
const USE_STEP = {
  name: 'totp.use-step',
  text: 'update totp set last_step = $2 where user_id = $1 and confirmed_at is not null and last_step < $2 returning user_id',
}

const DELETE = { name: 'totp.delete', text: 'delete from totp where user_id = $1 and confirmed_at is not null returning user_id' }

const LOCK = { name: 'totp.lock', text: 'select user_id from totp where user_id = $1 and confirmed_at is not null for update' }
const DELETE_CODES = { name: 'totp.delete-codes', text: 'delete from recovery_code where user_id = $1' }
const INSERT_CODES = {
  name: 'totp.insert-codes',
  text: 'insert into recovery_code (user_id, code_hash) select $1, unnest($2::bytea[])',
}

const USE_CODE = {
  name: 'totp.use-code',
  text: `update recovery_code set used_at = $3 where user_id = $1 and code_hash = $2 and used_at is null
      and exists (select from totp where totp.user_id = $1 and confirmed_at is not null)
    returning (select count(*) from recovery_code other
      where other.user_id = $1 and other.used_at is null and other.code_hash <> $2) as left`,
}

/** Secrets of authenticator apps and the recovery codes beside them. */
@Injectable()
export class TotpRepository {
  constructor(private readonly database: Database) {}

  async find(userId: string): Promise<TotpRow | undefined> {
    return (await this.database.query<TotpRow>(FIND, [userId]))[0]
  }

  /** False when codes are switched on already. */
  async start(userId: string, sealedSecret: Buffer, now: Date): Promise<boolean> {
    return (await this.database.query(START, [userId, sealedSecret, now])).length > 0
  }

  /** Switches codes on, with the first recovery codes and `also` in the same transaction. False when somebody was faster. */
  confirm(
    userId: string,
    { sealedSecret, step, now, codeHashes }: { sealedSecret: Buffer; step: number; now: Date; codeHashes: readonly Buffer[] },
    also: (tx: Queryable) => Promise<void>,
  ): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      if ((await tx.query(CONFIRM, [userId, sealedSecret, step, now])).length === 0) return false
      await this.replaceCodes(tx, userId, codeHashes)
      await also(tx)
      return true
    })
  }

  /** Uses the code of a time step up. False when it or a later one was used. */
  async useStep(userId: string, step: number): Promise<boolean> {
    return (await this.database.query(USE_STEP, [userId, step])).length > 0
  }

  /** Uses a recovery code up. @returns how many are left, or undefined when it is none or was used */
  useCode(userId: string, hash: Buffer, now: Date, also: (tx: Queryable, left: number) => Promise<void>): Promise<number | undefined> {
    return this.database.transaction(async (tx) => {
      const [used] = await tx.query<{ left: number }>(USE_CODE, [userId, hash, now])
      if (used !== undefined) await also(tx, used.left)
      return used?.left
    })
  }

  /** Puts new recovery codes in the place of all old ones. False when codes are not switched on. */
  renewCodes(userId: string, codeHashes: readonly Buffer[], also: (tx: Queryable) => Promise<void>): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      if ((await tx.query(LOCK, [userId])).length === 0) return false
      await this.replaceCodes(tx, userId, codeHashes)
      await also(tx)
      return true
    })
  }

  /** Switches codes off and forgets the recovery codes. False when they were off. */
  delete(userId: string, also: (tx: Queryable) => Promise<void>): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      if ((await tx.query(DELETE, [userId])).length === 0) return false
      await tx.query(DELETE_CODES, [userId])
      await also(tx)
      return true
    })
  }

  private async replaceCodes(tx: Queryable, userId: string, codeHashes: readonly Buffer[]): Promise<void> {
    await tx.query(DELETE_CODES, [userId])
    await tx.query(INSERT_CODES, [userId, codeHashes])
  }
}
