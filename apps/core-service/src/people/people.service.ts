import { Inject, Injectable } from '@nestjs/common'
import { decodeCursor, encodeCursor, PersonPage, type PersonQuery, type UserId } from '@catamaran/contracts'
import { Inbox, Outbox } from '@catamaran/messaging'
import { AppError, HttpClient } from '@catamaran/platform'
import { z } from 'zod'
import { CartsService } from '../carts/carts.service.js'
import { AUX, CONFIG, type Config } from '../config.js'
import { OrdersService } from '../orders/orders.service.js'
import { PeopleRepository } from './people.repository.js'

export const GROUP = 'core.people'
const BATCH = 500

/** Where an export goes on: in which part, and after what. */
const Cursor = z.tuple([z.enum(['orders', 'cart', 'notifications']), z.string()])
type Cursor = z.infer<typeof Cursor>

/**
 * What core-service holds of people, and its side of an erasure: the account's end is an event; ended orders are freed of the person at once, open ones
 * when they end (ErasureSweep); with the last of them gone, an event says so. Every step may be repeated.
 */
@Injectable()
export class PeopleService {
  constructor(
    private readonly repository: PeopleRepository,
    private readonly orders: OrdersService,
    private readonly carts: CartsService,
    private readonly inbox: Inbox,
    private readonly outbox: Outbox,
    @Inject(AUX) private readonly aux: HttpClient,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Begins the erasure of a person whose account was closed. */
  async close(userId: UserId, eventId: string): Promise<void> {
    await this.repository.close(userId, BATCH, (tx) => this.inbox.firstTime(tx, GROUP, eventId))
    await this.carts.delete(userId)
  }

  /**
   * Goes on with all erasures. One ends when no order bears the person's name and no token of theirs can be good any more: until then an order may
   * still come in, and be freed of them when it ends.
   */
  async sweep(): Promise<void> {
    for (let changed = BATCH; changed === BATCH;) changed = await this.repository.pseudonymise(BATCH)
    for (const userId of await this.repository.listReady(this.config.erasure.settleMs, BATCH)) await this.finish(userId)
  }

  /** A page of what there is about a person, aux-service's share included. @throws AppError request.invalid-cursor */
  async read(userId: UserId, { cursor, limit }: PersonQuery): Promise<PersonPage> {
    const [part, after] = cursor === undefined ? (['orders', ''] satisfies Cursor) : (decodeCursor(cursor, Cursor) ?? [])
    if (part === undefined || after === undefined) throw new AppError('request.invalid-cursor')
    const query = { limit, ...(after === '' ? {} : { cursor: after }) }
    if (part === 'orders') {
      const { items, nextCursor } = await this.orders.list(userId, query)
      return { part, items, nextCursor: encodeCursor(nextCursor === null ? ['cart', ''] : ['orders', nextCursor]) }
    }
    if (part === 'cart') {
      const { version, lines } = await this.carts.read(userId)
      return { part, items: lines.length === 0 ? [] : [{ version, lines }], nextCursor: encodeCursor(['notifications', '']) }
    }
    const page = await this.aux.call({ path: `/internal/people/${userId}`, query, answer: PersonPage })
    return { ...page, nextCursor: page.nextCursor === null ? null : encodeCursor(['notifications', page.nextCursor]) }
  }

  private async finish(userId: UserId): Promise<void> {
    await this.carts.delete(userId) // one that a late request made again
    await this.repository.markErased(userId, (tx) =>
      this.outbox.insert(tx, [
        { type: 'erasure.person.erased.v1', subject: userId, sequence: 1, data: { userId, service: 'core-service' } },
      ]),
    )
    this.outbox.wake()
  }
}
