import { Inject, Injectable } from '@nestjs/common'
import {
  decodeCursor,
  encodeCursor,
  idOf,
  idSchema,
  uuidOf,
  type DomainEvent,
  type Id,
  type Notification,
  type NotificationPage,
  type PageQuery,
} from '@catamaran/contracts'
import { AppError } from '@catamaran/platform'
import { z } from 'zod'
import { CONFIG, type Config } from '../config.js'
import { NotificationsRepository } from './notifications.repository.js'

type OrderEvent = DomainEvent<'orders.order.placed.v1'> | DomainEvent<'orders.order.cancelled.v1'>

const Cursor = z.tuple([idSchema('notification')])

@Injectable()
export class NotificationsService {
  constructor(
    private readonly repository: NotificationsRepository,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Tells a buyer what became of an order, once for each event. */
  async notify(event: OrderEvent, type: Notification['type']): Promise<void> {
    const id = idOf('notification', uuidOf(event.id as Id<'event'>))
    const expiresAt = Math.floor((Date.parse(event.time) + this.config.notifications.ttlMs) / 1000)
    await this.repository.insert(event.data.buyerId, { id, type, orderId: event.data.orderId, createdAt: event.time }, expiresAt)
  }

  async list(userId: string, { cursor, limit }: PageQuery): Promise<NotificationPage> {
    const before = cursor === undefined ? undefined : decodeCursor(cursor, Cursor)
    if (cursor !== undefined && before === undefined) throw new AppError('request.invalid-cursor')
    const found = await this.repository.list(userId, before?.[0], limit + 1)
    const items = found.slice(0, limit)
    const last = items.at(-1)
    return { items, nextCursor: found.length > limit && last !== undefined ? encodeCursor([last.id]) : null }
  }
}
