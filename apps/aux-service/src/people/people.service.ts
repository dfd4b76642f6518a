import { Injectable } from '@nestjs/common'
import { encodeCursor, type PersonPage, type PersonQuery, type UserId } from '@catamaran/contracts'
import { Outbox } from '@catamaran/messaging'
import { BuyersRepository } from '../notifications/buyers.repository.js'
import { NotificationsRepository } from '../notifications/notifications.repository.js'
import { NotificationsService } from '../notifications/notifications.service.js'
import { PreferencesRepository } from '../notifications/preferences.repository.js'
import { PeopleRepository } from './people.repository.js'

/** Where an export goes on once the notifications are told. */
const PREFERENCES = encodeCursor(['preferences'])

/** What aux-service holds of people: their notifications, which orders are theirs, and whether they want mails. Sales are a seller's, the audit trail keeps digests. */
@Injectable()
export class PeopleService {
  constructor(
    private readonly repository: PeopleRepository,
    private readonly feed: NotificationsRepository,
    private readonly notifications: NotificationsService,
    private readonly preferences: PreferencesRepository,
    private readonly buyers: BuyersRepository,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Erases a person whose account was closed and says so. Each step may be repeated, so that it may stop anywhere and begin again. The tombstone is
   * first: who writes a notification looks for it afterwards (NotificationsService), so nothing comes between it and the deletion unseen.
   */
  async erase(userId: UserId): Promise<void> {
    await this.repository.insertTombstone(userId)
    await this.feed.deleteAll(userId)
    await this.preferences.delete(userId)
    await this.buyers.deleteOf([userId])
    await this.repository.markErased(userId, (tx) =>
      this.outbox.insert(tx, [
        { type: 'erasure.person.erased.v1', subject: userId, sequence: 1, data: { userId, service: 'aux-service' } },
      ]),
    )
    this.outbox.wake()
  }

  /** A page of what there is about a person. @throws AppError request.invalid-cursor */
  async read(userId: UserId, query: PersonQuery): Promise<PersonPage> {
    if (query.cursor === PREFERENCES) {
      const said = await this.preferences.find(userId)
      return { part: 'preferences', items: said === undefined ? [] : [{ mail: said.isMailWanted }], nextCursor: null }
    }
    const { items, nextCursor } = await this.notifications.list(userId, query)
    return { part: 'notifications', items, nextCursor: nextCursor ?? PREFERENCES }
  }
}
