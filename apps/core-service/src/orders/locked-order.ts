import { idOf, uuidOf, type Currency, type OrderId, type PartnerId, type UserId } from '@catamaran/contracts'
import type { Queryable } from '@catamaran/data'
import type { FulfilmentStatus, ReturnStatus } from './order-machine.js'
import type { PaidOrder, Part } from './order-rules.js'
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

/** Locks an order and reads it. The lock comes first, in a statement of its own: what is read after it is as the last writer left it. */
export const lockOrder = async (tx: Queryable, id: OrderId): Promise<LockedOrder | undefined> => {
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
