import { Inject, Injectable } from '@nestjs/common'
import {
  BUYER_EVENTS,
  decodeCursor,
  encodeCursor,
  idOf,
  idSchema,
  uuidOf,
  type DomainEvent,
  type Id,
  type NotificationPage,
  type OrderId,
  type PageQuery,
  type UserId,
} from '@catamaran/contracts'
import type { EventBatch } from '@catamaran/messaging'
import { AppError, Groups } from '@catamaran/platform'
import { z } from 'zod'
import { CONFIG, type Config } from '../config.js'
import { PeopleRepository } from '../people/people.repository.js'
import { BuyersRepository } from './buyers.repository.js'
import { NotificationsRepository, type NewNotification } from './notifications.repository.js'

type BuyerEvent = DomainEvent<keyof typeof BUYER_EVENTS>

/** Events that buyers are told of together, from whatever partitions: four BatchWriteItem at once. */
const MOST_AT_ONCE = 100
const Cursor = z.tuple([idSchema('notification')])

@Injectable()
export class NotificationsService {
  private readonly telling: Groups<BuyerEvent>

  constructor(
    private readonly repository: NotificationsRepository,
    private readonly buyers: BuyersRepository,
    private readonly people: PeopleRepository,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.telling = new Groups({ work: (events) => this.tell(events), most: MOST_AT_ONCE })
  }

  /** Tells buyers what became of their orders, once for each event. */
  async notify({ events }: EventBatch): Promise<void> {
    const told = events.flatMap(({ event }) => (isBuyerEvent(event) ? [event] : []))
    if (told.length > 0) await this.telling.do(told)
  }

  /**
   * Who was erased is looked for after the write: an erasure that began before it is seen, one that begins later deletes what was written. What comes again does both
   * again.
   */
  private async tell(events: readonly BuyerEvent[]): Promise<[]> {
    // DynamoDB refuses a batch that names a key twice, as an event does that was published again.
    const told = [...new Map(events.map((event) => [event.id, event])).values()]
    const buyers = await this.buyersOf(told)
    const entries = told.flatMap((event) => this.notificationOf(event, buyers.get(event.data.orderId)) ?? [])
    await this.repository.insert(entries)
    const closed = await this.people.findClosed([...new Set(buyers.values())])
    if (closed.size === 0) return []
    await this.repository.delete(entries.filter(({ userId }) => closed.has(userId)))
    await this.buyers.deleteOf([...closed])
    return []
  }

  async list(userId: string, { cursor, limit }: PageQuery): Promise<NotificationPage> {
    const before = cursor === undefined ? undefined : decodeCursor(cursor, Cursor)
    if (cursor !== undefined && before === undefined) throw new AppError('request.invalid-cursor')
    const found = await this.repository.list(userId, before?.[0], limit + 1)
    const items = found.slice(0, limit)
    const last = items.at(-1)
    return { items, nextCursor: found.length > limit && last !== undefined ? encodeCursor([last.id]) : null }
  }

  /** Whose the orders of some events are. Only some events say so; the one that an order was placed by comes before all others of it. */
  private async buyersOf(events: readonly BuyerEvent[]): Promise<ReadonlyMap<OrderId, UserId>> {
    const placed = events.flatMap(({ type, data }) => (type === 'orders.order.placed.v1' && 'buyerId' in data ? [data] : []))
    if (placed.length > 0) await this.buyers.save(placed)
    const known = await this.buyers.find([...new Set(events.map(({ data }) => data.orderId))])
    const said = events.flatMap(({ data }) => ('buyerId' in data ? [[data.orderId, data.buyerId] as const] : []))
    return new Map([...known, ...said])
  }

  /** Undefined when nobody knows any more whose it is: that person was erased. */
  private notificationOf({ id, type, time, data }: BuyerEvent, userId: UserId | undefined): NewNotification | undefined {
    if (userId === undefined) return undefined
    return {
      userId,
      id: idOf('notification', uuidOf(id as Id<'event'>)),
      type: BUYER_EVENTS[type],
      orderId: data.orderId,
      createdAt: time,
      expiresAt: Math.floor((Date.parse(time) + this.config.notifications.ttlMs) / 1000),
    }
  }
}

const isBuyerEvent = (event: DomainEvent): event is BuyerEvent => Object.hasOwn(BUYER_EVENTS, event.type)
