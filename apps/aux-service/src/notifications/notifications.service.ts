import { Inject, Injectable } from '@nestjs/common'
import {
  decodeCursor,
  encodeCursor,
  idOf,
  idSchema,
  uuidOf,
  type DomainEvent,
  type EventType,
  type Id,
  type Notification,
  type NotificationPage,
  type PageQuery,
} from '@catamaran/contracts'
import type { EventBatch } from '@catamaran/messaging'
import { AppError } from '@catamaran/platform'
import { z } from 'zod'
import { CONFIG, type Config } from '../config.js'
import { PeopleRepository } from '../people/people.repository.js'
import { NotificationsRepository, type NewNotification } from './notifications.repository.js'

type OrderEvent = DomainEvent<'orders.order.placed.v1'> | DomainEvent<'orders.order.cancelled.v1'>

/** The events that a buyer hears of. */
const TYPES: Partial<Record<EventType, Notification['type']>> = {
  'orders.order.placed.v1': 'order_placed',
  'orders.order.cancelled.v1': 'order_cancelled',
}
const Cursor = z.tuple([idSchema('notification')])

@Injectable()
export class NotificationsService {
  constructor(
    private readonly repository: NotificationsRepository,
    private readonly people: PeopleRepository,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Tells buyers what became of their orders, once for each event. Who was erased is looked for after the write: an erasure that began before it is
   * seen, one that begins later deletes what was written. A batch that comes again does both again.
   */
  async notify({ events }: EventBatch): Promise<void> {
    const entries = events.flatMap(({ event }) => this.notificationOf(event) ?? [])
    if (entries.length === 0) return
    await this.repository.insert(entries)
    const closed = await this.people.findClosed([...new Set(entries.map(({ userId }) => userId))])
    await this.repository.delete(entries.filter(({ userId }) => closed.has(userId)))
  }

  async list(userId: string, { cursor, limit }: PageQuery): Promise<NotificationPage> {
    const before = cursor === undefined ? undefined : decodeCursor(cursor, Cursor)
    if (cursor !== undefined && before === undefined) throw new AppError('request.invalid-cursor')
    const found = await this.repository.list(userId, before?.[0], limit + 1)
    const items = found.slice(0, limit)
    const last = items.at(-1)
    return { items, nextCursor: found.length > limit && last !== undefined ? encodeCursor([last.id]) : null }
  }

  private notificationOf(event: DomainEvent): NewNotification | undefined {
    const type = TYPES[event.type]
    if (type === undefined) return undefined
    const { buyerId, orderId } = (event as OrderEvent).data
    return {
      userId: buyerId,
      id: idOf('notification', uuidOf(event.id as Id<'event'>)),
      type,
      orderId,
      createdAt: event.time,
      expiresAt: Math.floor((Date.parse(event.time) + this.config.notifications.ttlMs) / 1000),
    }
  }
}
