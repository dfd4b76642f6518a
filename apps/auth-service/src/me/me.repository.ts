import { Injectable } from '@nestjs/common'
import { Database } from '@catamaran/data'

const PROFILE = `id, email, display_name as name, locale, is_operator as "isOperator", created_at as "createdAt",
  exists (select from totp where user_id = user_account.id and confirmed_at is not null) as "hasTotp",
  (select count(*) from passkey where user_id = user_account.id) as passkeys`

const FIND = { name: 'me.find', text: `select ${PROFILE} from user_account where id = $1 and closed_at is null` }
const UPDATE = {
  name: 'me.update',
  text: `update user_account set
      display_name = case when $2 then $3 else display_name end, locale = coalesce($4, locale), version = version + 1
    where id = $1 and closed_at is null returning ${PROFILE}`,
}

export interface ProfileRow {
  readonly id: string
  readonly email: string
  readonly name: string | null
  readonly locale: 'en' | 'de'
  readonly isOperator: boolean
  readonly createdAt: Date
  readonly hasTotp: boolean
  readonly passkeys: number
}

export interface ProfileChange {
  readonly name?: string | null | undefined
  readonly locale?: string | undefined
}

@Injectable()
export class MeRepository {
  constructor(private readonly database: Database) {}

  async find(userId: string): Promise<ProfileRow | undefined> {
    return (await this.database.query<ProfileRow>(FIND, [userId]))[0]
  }

  /** Changes what is given; a name of null is taken away. */
  async update(userId: string, { name, locale }: ProfileChange): Promise<ProfileRow | undefined> {
    return (await this.database.query<ProfileRow>(UPDATE, [userId, name !== undefined, name, locale]))[0]
  }
}
