import { idOf, type Currency } from '@catamaran/contracts'
import { taxIn } from '../money.js'
import type { DeliveryAddress, Order } from './orders.schema.js'
import type { FulfilmentStatus, ReturnStatus } from './order-machine.js'

/** An order as the statements of orders.sql.ts read it. */
export interface OrderRow {
  id: string
  request_hash: Buffer
  status: Order['status']
  cancel_reason: Order['cancelReason']
  currency: string
  total_minor: number
  buyer_id: string
  delivery_address: DeliveryAddress
  hold_expires_at: Date
  /** As it was when the order was placed. */
  first_hold_expires_at: Date
  placed_at: Date
  cart_id: string | null
  cart_version: number | null
  lines: {
    productId: string
    sellerId: string
    name: string
    quantity: number
    unitPriceMinor: number
    shippingMinor: number
    taxBasisPoints: number
  }[]
  fulfilments:
    | {
        id: string
        sellerId: string
        status: FulfilmentStatus
        carrier: string | null
        trackingNumber: string | null
        endedAt: string | null
      }[]
    | null
  returns:
    | {
        id: string
        fulfilmentId: string
        status: ReturnStatus
        lines: { productId: string; quantity: number }[]
        refundMinor: number
        requestedAt: string
      }[]
    | null
  operations: Operation[] | null
}

interface Operation {
  kind: 'authorise' | 'capture' | 'void' | 'refund'
  status: 'due' | 'action_required' | 'succeeded' | 'declined' | 'skipped' | 'refused' | 'replaced'
  amountMinor: number
  actionUrl: string | null
}

/** What of an order changes, as it was when the order was placed: a replay answers it again. */
export const asPlaced = (currency: Currency): Pick<Order, 'status' | 'cancelReason' | 'payment' | 'fulfilments' | 'returns'> => {
  const nothing = { amountMinor: 0, currency }
  const payment = { status: 'processing', actionUrl: null, captured: nothing, refunded: nothing } as const
  return { status: 'pending_payment', cancelReason: null, payment, fulfilments: [], returns: [] }
}

const paymentOf = (operations: readonly Operation[], isCancelled: boolean, currency: Currency): Order['payment'] => {
  const authorisation = operations.findLast(({ kind }) => kind === 'authorise')
  const sum = (wanted: Operation['kind']) =>
    operations.reduce((total, { kind, status, amountMinor }) => total + (kind === wanted && status === 'succeeded' ? amountMinor : 0), 0)
  const statusOf = (): Order['payment']['status'] => {
    if (authorisation?.status === 'declined') return 'declined'
    if (isCancelled) return 'released'
    if (authorisation?.status === 'action_required') return 'action_required'
    return authorisation?.status === 'succeeded' ? 'authorised' : 'processing'
  }
  const status = statusOf()
  return {
    status,
    actionUrl: status === 'action_required' ? (authorisation?.actionUrl ?? null) : null,
    captured: { amountMinor: sum('capture'), currency },
    refunded: { amountMinor: sum('refund'), currency },
  }
}

const timeOf = (text: string): string => new Date(text).toISOString()

/** The order that a row tells of. */
export const orderOf = (row: OrderRow): Order => {
  const currency = row.currency as Currency
  const money = (amountMinor: number) => ({ amountMinor, currency })
  const taxes = row.lines.map((line) => taxIn(line.quantity * line.unitPriceMinor, line.taxBasisPoints))
  const shippingTax = row.lines.reduce((sum, line) => sum + taxIn(line.shippingMinor, line.taxBasisPoints), 0)
  return {
    id: idOf('order', row.id),
    status: row.status,
    cancelReason: row.cancel_reason,
    lines: row.lines.map((line, index) => ({
      productId: idOf('product', line.productId),
      sellerId: idOf('seller', line.sellerId),
      name: line.name,
      quantity: line.quantity,
      unitPrice: money(line.unitPriceMinor),
      tax: money(taxes[index] as number),
    })),
    shipping: money(row.lines.reduce((sum, { shippingMinor }) => sum + shippingMinor, 0)),
    tax: money(taxes.reduce((sum, tax) => sum + tax, shippingTax)),
    total: money(row.total_minor),
    payment: paymentOf(row.operations ?? [], row.status === 'cancelled', currency),
    fulfilments: (row.fulfilments ?? []).map(({ id, sellerId, status, carrier, trackingNumber, endedAt }) => ({
      id: idOf('fulfilment', id),
      sellerId: idOf('seller', sellerId),
      status,
      carrier,
      trackingNumber,
      endedAt: endedAt === null ? null : timeOf(endedAt),
    })),
    returns: (row.returns ?? []).map(({ id, fulfilmentId, status, lines, refundMinor, requestedAt }) => ({
      id: idOf('return', id),
      fulfilmentId: idOf('fulfilment', fulfilmentId),
      status,
      lines: lines.map(({ productId, quantity }) => ({ productId: idOf('product', productId), quantity })),
      refund: money(refundMinor),
      requestedAt: timeOf(requestedAt),
    })),
    deliveryAddress: row.delivery_address,
    holdExpiresAt: row.hold_expires_at.toISOString(),
    placedAt: row.placed_at.toISOString(),
  }
}
