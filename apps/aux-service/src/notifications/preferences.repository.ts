import { Injectable } from '@nestjs/common'
import { uuidOf, type UserId } from '@catamaran/contracts'
import { Database } from '@catamaran/data'

const FIND = { name: 'preferences.find', text: 'select is_wanted from mail_preference where user_id = $1' }
const SAVE = {
  name: 'preferences.save',
  text: 'insert into mail_preference (user_id, is_wanted) values ($1, $2) on conflict (user_id) do update set is_wanted = excluded.is_wanted',
}
const DELETE = { name: 'preferences.delete', text: 'delete from mail_preference where user_id = $1' }

/** Who wants mails: everybody who has not said otherwise. */
@Injectable()
export class PreferencesRepository {
  constructor(private readonly database: Database) {}

  async isMailWanted(userId: UserId): Promise<boolean> {
    return (await this.database.query<{ is_wanted: boolean }>(FIND, [uuidOf(userId)]))[0]?.is_wanted ?? true
  }

  async save(userId: UserId, isMailWanted: boolean): Promise<void> {
    await this.database.query(SAVE, [uuidOf(userId), isMailWanted])
  }

  async delete(userId: UserId): Promise<void> {
    await this.database.query(DELETE, [uuidOf(userId)])
  }
}
