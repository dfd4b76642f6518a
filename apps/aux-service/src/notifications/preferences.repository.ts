import { Injectable } from '@nestjs/common'
import { idOf, uuidOf, type UserId } from '@catamaran/contracts'
import { Database } from '@catamaran/data'

const FIND_UNWILLING = {
  name: 'preferences.find-unwilling',
  text: 'select user_id as id from mail_preference where user_id = any($1) and not is_wanted',
}
const FIND = { name: 'preferences.find', text: 'select is_wanted as "isMailWanted" from mail_preference where user_id = $1' }
const SAVE = {
  name: 'preferences.save',
  text: 'insert into mail_preference (user_id, is_wanted) values ($1, $2) on conflict (user_id) do update set is_wanted = excluded.is_wanted',
}
const DELETE = { name: 'preferences.delete', text: 'delete from mail_preference where user_id = $1' }

/** Who wants mails: everybody who has not said otherwise. */
@Injectable()
export class PreferencesRepository {
  constructor(private readonly database: Database) {}

  /** Those among some people who want no mails. */
  async findUnwilling(ids: readonly UserId[]): Promise<ReadonlySet<UserId>> {
    const rows = await this.database.query<{ id: string }>(FIND_UNWILLING, [ids.map(uuidOf)])
    return new Set(rows.map(({ id }) => idOf('user', id)))
  }

  /** What a person has said; undefined where they have said nothing. */
  async find(userId: UserId): Promise<{ isMailWanted: boolean } | undefined> {
    return (await this.database.query<{ isMailWanted: boolean }>(FIND, [uuidOf(userId)]))[0]
  }

  async save(userId: UserId, isMailWanted: boolean): Promise<void> {
    await this.database.query(SAVE, [uuidOf(userId), isMailWanted])
  }

  async delete(userId: UserId): Promise<void> {
    await this.database.query(DELETE, [uuidOf(userId)])
  }
}
