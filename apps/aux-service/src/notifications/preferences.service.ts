import { Injectable } from '@nestjs/common'
import type { NotificationPreferences, UserId } from '@catamaran/contracts'
import { PeopleRepository } from '../people/people.repository.js'
import { PreferencesRepository } from './preferences.repository.js'

@Injectable()
export class PreferencesService {
  constructor(
    private readonly repository: PreferencesRepository,
    private readonly people: PeopleRepository,
  ) {}

  async read(userId: UserId): Promise<NotificationPreferences> {
    return { mail: !(await this.repository.findUnwilling([userId])).has(userId) }
  }

  /** Who was erased is looked for after the write, as for the feed: nothing of a person comes back. */
  async change(userId: UserId, { mail }: NotificationPreferences): Promise<NotificationPreferences> {
    await this.repository.save(userId, mail)
    if ((await this.people.findClosed([userId])).has(userId)) await this.repository.delete(userId)
    return this.read(userId)
  }
}
