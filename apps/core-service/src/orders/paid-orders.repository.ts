import { Inject, Injectable } from '@nestjs/common'
import {
  EVENTS,
  idOf,
  newId,
  uuidOf,
  type EventType,
  type FulfilmentId,
  type OrderId,
  type PartnerId,
  type ProductId,
  type ReturnId,
  type SellerId,
} from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'
import { Outbox, type NewEvent } from '@catamaran/messaging'
import { currentContext } from '@catamaran/platform'
import { CONFIG, type Config } from '../config.js'
import { lockOrder, type LockedOrder } from './locked-order.js'
import type { Change, Pieces } from './order-rules.js'
import type { ChangedProduct } from './orders.repository.js'
import type { OrderStatus } from './orders.schema.js'
import * as sql from './paid-orders.sql.js'

/** Something that happened to a locked order: the event's type without topic and version, its data, and the part it is about. */
export interface Happening {
  readonly event: string
  readonly data: Record<string, unknown>
  readonly partId?: string
  readonly to?: OrderStatus
  readonly reason?: string | null
}

@Injectable()
export class PaidOrdersRepository {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** The order of a part that a partner ships. */
  async findOfPart(id: FulfilmentId, partnerId: PartnerId): Promise<OrderId | undefined> {
    return this.findOrder(sql.ORDER_OF_PART, uuidOf(id), partnerId)
  }

  /** The order of a return to a partner. */
  async findOfReturn(id: ReturnId, partnerId: PartnerId): Promise<OrderId | undefined> {
    return this.findOrder(sql.ORDER_OF_RETURN, uuidOf(id), partnerId)
  }

  async listCompletable(limit: number): Promise<OrderId[]> {
    return (await this.database.query<{ id: string }>(sql.COMPLETABLE, [limit])).map(({ id }) => idOf('order', id))
  }

  /** Runs `work` with the order's row locked, in one transaction. Undefined when there is no such order. */
  async withLock<T>(id: OrderId, work: (tx: Queryable, order: LockedOrder) => Promise<T>): Promise<T | undefined> {
    return this.database.transaction(async (tx) => {
      const order = await lockOrder(tx, id)
      return order && work(tx, order)
    })
  }

  /** Writes changes and their events within the transaction that holds the lock. @returns the products whose page has changed */
  async write(tx: Queryable, order: LockedOrder, changes: readonly Change[]): Promise<ChangedProduct[]> {
    const changed: ChangedProduct[] = []
    for (const change of changes) changed.push(...(await this.writeOne(tx, order, change)))
    await this.tell(
      tx,
      order,
      changes.flatMap((change) => happeningOf(order, change) ?? []),
    )
    return changed
  }

  /** Writes what happened: transitions, events and the order's new version, within the transaction that holds the lock. */
  async tell(tx: Queryable, order: LockedOrder, happenings: readonly Happening[]): Promise<void> {
    if (happenings.length === 0) return
    let { status, cancelReason } = order
    const rows = happenings.map((happening, index) => {
      const from = status
      status = happening.to ?? status
      if (happening.to !== undefined) cancelReason = happening.reason ?? null
      return { ...happening, version: order.version + 1 + index, from, to: status }
    })
    await tx.query(sql.UPDATE_ORDER, [uuidOf(order.id), order.version + rows.length, status, cancelReason, this.config.orders.returnMs])
    await tx.query(sql.INSERT_TRANSITIONS, [
      uuidOf(order.id),
      rows.map(({ version }) => version),
      rows.map(({ from }) => from),
      rows.map(({ to }) => to),
      rows.map((row) => row.reason),
      rows.map(({ event }) => event),
      rows.map(({ partId }) => partId),
    ])
    const events = rows.flatMap(({ event, version, data }) => {
      const type = `orders.${event}.v1` as EventType
      return type in EVENTS ? [{ type, subject: order.id, sequence: version, data } as NewEvent] : []
    })
    await this.outbox.insert(tx, events)
  }

  private async findOrder(statement: typeof sql.ORDER_OF_PART, id: string, partnerId: PartnerId): Promise<OrderId | undefined> {
    const [row] = await this.database.query<{ id: string }>(statement, [id, uuidOf(partnerId)])
    return row && idOf('order', row.id)
  }

  private async writeOne(tx: Queryable, order: LockedOrder, change: Change): Promise<ChangedProduct[]> {
    switch (change.kind) {
      case 'part': {
        const isShipped = change.to === 'shipped'
        const [reason, carrier, tracking] = isShipped ? [null, change.carrier, change.trackingNumber] : [change.reason, null, null]
        await tx.query(sql.UPDATE_PART, [uuidOf(change.part.id), change.to, reason, carrier, tracking])
        return []
      }
      case 'money': {
        const id = uuidOf(newId('paymentOperation'))
        const { operation, amountMinor, partId } = change
        await tx.query(sql.INSERT_OPERATION, [
          id,
          uuidOf(order.id),
          operation,
          amountMinor,
          uuidOf(partId as FulfilmentId),
          this.config.release,
          currentContext()?.traceparent,
        ])
        return []
      }
      case 'restock':
        return this.restock(tx, change.lines)
      case 'return': {
        const { id, partId, lines, refundMinor } = change.asked
        const stored = lines.map(({ productId, quantity }) => ({ productId: uuidOf(productId), quantity }))
        await tx.query(sql.INSERT_RETURN, [uuidOf(id), uuidOf(partId), JSON.stringify(stored), change.reason, refundMinor])
        return []
      }
      case 'decision':
        await tx.query(sql.DECIDE_RETURN, [uuidOf(change.asked.id), change.to, change.isRestocked])
        return []
      case 'order':
        return [] // its state is written with what happened
    }
  }

  private async restock(tx: Queryable, lines: readonly Pieces[]): Promise<ChangedProduct[]> {
    const rows = await tx.query<{ id: string; seller_id: string; version: number }>(sql.RESTOCK, [
      lines.map(({ productId }) => uuidOf(productId)),
      lines.map(({ quantity }) => quantity),
    ])
    const products = rows.map(({ id, seller_id, version }) => ({ id: idOf('product', id), sellerId: idOf('seller', seller_id), version }))
    await this.outbox.insert(
      tx,
      products.map(({ id, sellerId, version }) => ({
        type: 'catalogue.product.changed.v1',
        subject: id,
        sequence: version,
        data: { productId: id, sellerId },
      })),
    )
    return products.map(({ id, version }) => [id, version] as const)
  }
}

type LockedPart = LockedOrder['parts'][number]

/** What every event about a part tells. */
export const partFacts = (order: LockedOrder, { id, sellerId, partnerId }: LockedPart) => ({
  orderId: order.id,
  fulfilmentId: id,
  sellerId,
  partnerId,
  currency: order.currency,
})

const linesOf = (part: LockedPart, pieces: readonly Pieces[]): (Pieces & { sellerId: SellerId; unitPriceMinor: number })[] =>
  pieces.map(({ productId, quantity }) => ({
    productId,
    sellerId: part.sellerId,
    quantity,
    unitPriceMinor: part.lines.find((line) => line.productId === (productId as ProductId))?.unitPriceMinor ?? 0,
  }))

const happeningOf = (order: LockedOrder, change: Change): Happening | undefined => {
  const partOf = (id: FulfilmentId): LockedPart => order.parts.find((part) => part.id === id) as LockedPart
  switch (change.kind) {
    case 'part': {
      const part = partOf(change.part.id)
      const { itemsMinor, shippingMinor } = part
      const facts = { ...partFacts(order, part), itemsMinor, shippingMinor, lines: linesOf(part, part.lines) }
      const data = change.to === 'cancelled' ? { ...facts, reason: change.reason } : facts
      return { event: `fulfilment.${change.to}`, data, partId: uuidOf(part.id) }
    }
    case 'return':
    case 'decision': {
      const { asked } = change
      const part = partOf(asked.partId)
      const data = { ...partFacts(order, part), returnId: asked.id, refundMinor: asked.refundMinor, lines: linesOf(part, asked.lines) }
      return { event: `return.${change.kind === 'return' ? 'requested' : change.to}`, data, partId: uuidOf(asked.id) }
    }
    case 'order': {
      const lines = order.parts.flatMap((part) => linesOf(part, part.lines))
      const facts = { orderId: order.id, buyerId: order.buyerId, currency: order.currency, totalMinor: order.totalMinor, lines }
      const data = change.to === 'cancelled' ? { ...facts, reason: change.reason } : facts
      return { event: `order.${change.to}`, data, to: change.to, reason: change.reason }
    }
    default:
      return undefined
  }
}
