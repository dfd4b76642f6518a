import type { CancelReason, FulfilmentId, ProductId, ReturnId, SellerId } from '@catamaran/contracts'
import { AppError } from '@catamaran/platform'
import {
  eventOf,
  FULFILMENT_MACHINE,
  nextOf,
  ORDER_MACHINE,
  RETURN_MACHINE,
  type FulfilmentStatus,
  type ReturnStatus,
} from './order-machine.js'
import type { OrderStatus } from './orders.schema.js'

export interface Pieces {
  readonly productId: ProductId
  readonly quantity: number
}

export interface Part {
  readonly id: FulfilmentId
  readonly sellerId: SellerId
  readonly status: FulfilmentStatus
  readonly itemsMinor: number
  readonly shippingMinor: number
  readonly carrier: string | null
  readonly trackingNumber: string | null
  readonly lines: readonly (Pieces & { readonly unitPriceMinor: number })[]
}

export interface Return {
  readonly id: ReturnId
  readonly partId: FulfilmentId
  readonly status: ReturnStatus
  readonly lines: readonly Pieces[]
  readonly refundMinor: number
}

/** A paid order as its rules see it. */
export interface PaidOrder {
  readonly status: OrderStatus
  /** Until when something may be returned, once all is shipped; epoch ms. */
  readonly returnableUntil: number | undefined
  readonly parts: readonly Part[]
  readonly returns: readonly Return[]
  readonly hasOpenMoney: boolean
}

/** What a command changes. The repository writes all of it or nothing. */
export type Change =
  | { readonly kind: 'part'; readonly part: Part; readonly to: 'shipped'; readonly carrier: string; readonly trackingNumber: string | null }
  | { readonly kind: 'part'; readonly part: Part; readonly to: 'cancelled'; readonly reason: 'buyer' | 'seller' }
  | { readonly kind: 'money'; readonly operation: 'capture' | 'void' | 'refund'; readonly amountMinor: number; readonly partId: string }
  | { readonly kind: 'restock'; readonly lines: readonly Pieces[] }
  | { readonly kind: 'return'; readonly asked: Return; readonly reason: string | null }
  | { readonly kind: 'decision'; readonly asked: Return; readonly to: 'accepted' | 'refused'; readonly isRestocked: boolean }
  | { readonly kind: 'order'; readonly to: OrderStatus; readonly reason: CancelReason | null }

const amountOf = ({ itemsMinor, shippingMinor }: Part): number => itemsMinor + shippingMinor

/** The order's own change, where its parts make one. */
const whole = (order: PaidOrder, parts: readonly FulfilmentStatus[], reason: CancelReason): Change[] => {
  const event = eventOf(parts)
  const to = event && nextOf(ORDER_MACHINE, order.status, event)
  return to === undefined ? [] : [{ kind: 'order', to, reason: to === 'cancelled' ? reason : null }]
}

const requirePart = (order: PaidOrder, id: FulfilmentId): Part => {
  const part = order.parts.find((each) => each.id === id)
  if (part === undefined) throw new AppError('fulfilments.not-found')
  return part
}

/** Ships a part: its money is captured. Told again with the same tracking it changes nothing. @throws AppError fulfilments.wrong-status */
export const ship = (order: PaidOrder, id: FulfilmentId, carrier: string, trackingNumber: string | null): Change[] => {
  const part = requirePart(order, id)
  if (part.status === 'shipped' && part.carrier === carrier && part.trackingNumber === trackingNumber) return []
  if (nextOf(FULFILMENT_MACHINE, part.status, 'ship') === undefined) throw new AppError('fulfilments.wrong-status')
  const statuses = order.parts.map((each) => (each === part ? 'shipped' : each.status))
  return [
    { kind: 'part', part, to: 'shipped', carrier, trackingNumber },
    { kind: 'money', operation: 'capture', amountMinor: amountOf(part), partId: part.id },
    ...whole(order, statuses, 'seller'),
  ]
}

/** Gives parts up that were not shipped: their pieces are for sale again, their money is voided. */
const giveUp = (order: PaidOrder, parts: readonly Part[], reason: 'buyer' | 'seller'): Change[] => [
  ...parts.flatMap((part): Change[] => [
    { kind: 'part', part, to: 'cancelled', reason },
    { kind: 'money', operation: 'void', amountMinor: amountOf(part), partId: part.id },
  ]),
  { kind: 'restock', lines: parts.flatMap(({ lines }) => lines) },
  ...whole(
    order,
    order.parts.map((each) => (parts.includes(each) ? 'cancelled' : each.status)),
    reason,
  ),
]

/** A seller gives its part up. Told again it changes nothing. @throws AppError fulfilments.wrong-status */
export const cancelPart = (order: PaidOrder, id: FulfilmentId): Change[] => {
  const part = requirePart(order, id)
  if (part.status === 'cancelled') return []
  if (nextOf(FULFILMENT_MACHINE, part.status, 'cancel') === undefined) throw new AppError('fulfilments.wrong-status')
  return giveUp(order, [part], 'seller')
}

/** A buyer cancels what was not shipped yet. A cancelled order stays as it is. @throws AppError orders.not-cancellable */
export const cancelRest = (order: PaidOrder): Change[] => {
  if (order.status === 'cancelled') return []
  const open = order.parts.filter(({ status }) => status === 'open')
  if (open.length === 0) throw new AppError('orders.not-cancellable')
  return giveUp(order, open, 'buyer')
}

/** How many pieces of a product are on their way back, or are back. */
const returnedOf = (order: PaidOrder, part: Part, productId: ProductId): number =>
  order.returns
    .filter(({ partId, status }) => partId === part.id && status !== 'refused')
    .flatMap(({ lines }) => lines)
    .reduce((sum, line) => sum + (line.productId === productId ? line.quantity : 0), 0)

/**
 * A buyer asks to send pieces back. With the last piece of a part its shipping is paid back too.
 * @throws AppError returns.not-possible, fulfilments.not-found
 */
export const requestReturn = (
  order: PaidOrder,
  { id, partId, lines, reason, now }: { id: ReturnId; partId: FulfilmentId; lines: readonly Pieces[]; reason: string | null; now: number },
): Change[] => {
  const part = requirePart(order, partId)
  const isLate = order.status === 'completed' || (order.returnableUntil !== undefined && now > order.returnableUntil)
  if (part.status !== 'shipped' || isLate) throw new AppError('returns.not-possible')
  const asked = part.lines.map((line) => ({
    ...line,
    asked: lines.reduce((sum, { productId, quantity }) => sum + (productId === line.productId ? quantity : 0), 0),
    returned: returnedOf(order, part, line.productId),
  }))
  const isForeign = lines.some(({ productId }) => !part.lines.some((line) => line.productId === productId))
  if (isForeign || asked.some((line) => line.asked + line.returned > line.quantity)) throw new AppError('returns.not-possible')
  const isAll = asked.every((line) => line.asked + line.returned === line.quantity)
  const refundMinor = asked.reduce((sum, line) => sum + line.asked * line.unitPriceMinor, isAll ? part.shippingMinor : 0)
  const back = asked.filter((line) => line.asked > 0).map(({ productId, asked: quantity }) => ({ productId, quantity }))
  return [{ kind: 'return', asked: { id, partId, status: 'requested', lines: back, refundMinor }, reason }]
}

/** A seller decides on a return: accepted, it is paid back. The same decision again changes nothing. @throws AppError returns.wrong-status */
export const decideReturn = (order: PaidOrder, id: ReturnId, event: 'accept' | 'refuse', isRestocked: boolean): Change[] => {
  const asked = order.returns.find((each) => each.id === id)
  if (asked === undefined) throw new AppError('returns.not-found')
  const to = nextOf(RETURN_MACHINE, asked.status, event)
  if (to === undefined) {
    if (asked.status === RETURN_MACHINE.requested[event]) return []
    throw new AppError('returns.wrong-status')
  }
  if (to !== 'accepted') return [{ kind: 'decision', asked, to: 'refused', isRestocked: false }]
  return [
    { kind: 'decision', asked, to, isRestocked },
    { kind: 'money', operation: 'refund', amountMinor: asked.refundMinor, partId: asked.id },
    ...(isRestocked ? [{ kind: 'restock', lines: asked.lines } as const] : []),
  ]
}

/** Ends a shipped order once nothing can come back and all its money has moved. */
export const complete = (order: PaidOrder, now: number): Change[] => {
  const isOpen = order.hasOpenMoney || order.returns.some(({ status }) => status === 'requested')
  const to = nextOf(ORDER_MACHINE, order.status, 'settled')
  if (to === undefined || isOpen || order.returnableUntil === undefined || now <= order.returnableUntil) return []
  return [{ kind: 'order', to, reason: null }]
}
