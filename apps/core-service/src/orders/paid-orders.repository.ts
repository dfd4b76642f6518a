import { Inject, Injectable } from '@nestjs/common'
import {
  EVENTS,
  idOf,
  newId,
  uuidOf,
  type Currency,
  type EventType,
  type FulfilmentId,
  type OrderId,
  type PartnerId,
  type ProductId,
  type ReturnId,
  type SellerId,
  type UserId,
} from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'
import { Outbox, type NewEvent } from '@catamaran/messaging'
import { CONFIG, type Config } from '../config.js'
import type { FulfilmentStatus, ReturnStatus } from './order-machine.js'
import type { Change, PaidOrder, Part, Pieces } from './order-rules.js'
import type { ChangedProduct } from './orders.repository.js'
import type { OrderStatus } from './orders.schema.js'
import * as sql from './paid-orders.sql.js'

/** An order whose row this transaction has locked, with all that its rules and events need. */
export interface LockedOrder extends PaidOrder {
  readonly id: OrderId
  readonly buyerId: UserId
  readonly version: number
  /** When this transaction began, by the database's clock; epoch ms. */
  readonly now: number
  readonly cancelReason: string | null
  readonly currency: Currency
  readonly totalMinor: number
  readonly parts: readonly (Part & { readonly partnerId: PartnerId | null })[]
}

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
      const order = await lock(tx, id)
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

interface OrderRow {
  id: string
  buyer_id: string
  status: OrderStatus
  version: number
  cancel_reason: string | null
  currency: string
  total_minor: number
  returnable_until: Date | null
  now: Date
}
interface PartRow {
  id: string
  seller_id: string
  partner_id: string | null
  status: FulfilmentStatus
  items_minor: number
  shipping_minor: number
  carrier: string | null
  tracking_number: string | null
}
interface LineRow {
  seller_id: string
  product_id: string
  quantity: number
  unit_price_minor: number
}
interface ReturnRow {
  id: string
  fulfilment_id: string
  status: ReturnStatus
  lines: { productId: string; quantity: number }[]
  refund_minor: number
}

/** The lock comes first, in a statement of its own: what is read after it is as the last writer left it. */
const lock = async (tx: Queryable, id: OrderId): Promise<LockedOrder | undefined> => {
  const key = [uuidOf(id)]
  const [row] = await tx.query<OrderRow>(sql.LOCK_ORDER, key)
  if (row === undefined) return undefined
  const parts = await tx.query<PartRow>(sql.PARTS, key)
  const lines = await tx.query<LineRow>(sql.LINES, key)
  const returns = await tx.query<ReturnRow>(sql.RETURNS, key)
  const open = await tx.query(sql.HAS_OPEN_MONEY, key)
  return {
    id,
    buyerId: idOf('user', row.buyer_id),
    status: row.status,
    version: row.version,
    now: row.now.getTime(),
    cancelReason: row.cancel_reason,
    currency: row.currency as Currency,
    totalMinor: row.total_minor,
    returnableUntil: row.returnable_until?.getTime(),
    hasOpenMoney: open.length > 0,
    parts: parts.map((part) => ({
      id: idOf('fulfilment', part.id),
      sellerId: idOf('seller', part.seller_id),
      partnerId: part.partner_id === null ? null : idOf('partner', part.partner_id),
      status: part.status,
      itemsMinor: part.items_minor,
      shippingMinor: part.shipping_minor,
      carrier: part.carrier,
      trackingNumber: part.tracking_number,
      lines: lines
        .filter(({ seller_id }) => seller_id === part.seller_id)
        .map((line) => ({ productId: idOf('product', line.product_id), quantity: line.quantity, unitPriceMinor: line.unit_price_minor })),
    })),
    returns: returns.map((asked) => ({
      id: idOf('return', asked.id),
      partId: idOf('fulfilment', asked.fulfilment_id),
      status: asked.status,
      lines: asked.lines.map(({ productId, quantity }) => ({ productId: idOf('product', productId), quantity })),
      refundMinor: asked.refund_minor,
    })),
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
