import { Injectable } from '@nestjs/common'
import { Database, type Queryable } from '@catamaran/data'

const IS_KNOWN = {
  name: 'device.is-known',
  text: `select exists (select from known_device join user_account on user_account.id = user_id where email = $1 and device_hash = $2) as "isKnown"`,
}
// The older rows are looked at as they were before the insert.
const NOTE = {
  name: 'device.note',
  text: `with noted as (
      insert into known_device (user_id, device_hash) values ($1, $2)
      on conflict (user_id, device_hash) do update set last_seen_at = now()
      returning user_id, xmax = 0 as is_new)
    select is_new as "isNew", email, exists (select from known_device where user_id = $1 and device_hash <> $2) as "hasOthers"
    from noted join user_account on user_account.id = user_id`,
}
const FORGET = { name: 'device.forget', text: 'delete from known_device where user_id = $1' }

export interface Noted {
  readonly isNew: boolean
  readonly hasOthers: boolean
  readonly email: string
}

/** Browsers that people have signed in with, by the hash of their cookie. */
@Injectable()
export class DevicesRepository {
  constructor(private readonly database: Database) {}

  async isKnown(email: string, deviceHash: Buffer): Promise<boolean> {
    return (await this.database.query<{ isKnown: boolean }>(IS_KNOWN, [email, deviceHash]))[0]?.isKnown ?? false
  }

  /** Notes that a person uses a device, with `also` in the same transaction; undefined when the person is gone. */
  async note(userId: string, deviceHash: Buffer, also: (tx: Queryable, noted: Noted) => Promise<void>): Promise<void> {
    await this.database.transaction(async (tx) => {
      const [noted] = await tx.query<Noted>(NOTE, [userId, deviceHash])
      if (noted !== undefined) await also(tx, noted)
    })
  }

  /** A person's devices are strangers again. */
  async forgetAll(tx: Queryable, userId: string): Promise<void> {
    await tx.query(FORGET, [userId])
  }
}
