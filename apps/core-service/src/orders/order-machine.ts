import type { OrderStatus } from './orders.schema.js'

/** What can happen to an order. */
export type OrderEvent = 'paid' | 'declined' | 'hold_ended' | 'cancelled' | 'part_shipped' | 'all_shipped' | 'all_cancelled' | 'settled'

/** Where each event leads from each state; what isn't here is refused. The statements of placing.sql.ts and settling.sql.ts take their states from here. */
export const ORDER_MACHINE = {
  pending_payment: { paid: 'confirmed', declined: 'cancelled', hold_ended: 'cancelled', cancelled: 'cancelled' },
  confirmed: { part_shipped: 'partially_shipped', all_shipped: 'shipped', all_cancelled: 'cancelled' },
  partially_shipped: { all_shipped: 'shipped' },
  shipped: { settled: 'completed' },
  completed: {},
  cancelled: {},
} as const satisfies Record<OrderStatus, Partial<Record<OrderEvent, OrderStatus>>>

export type FulfilmentStatus = 'open' | 'shipped' | 'cancelled'
export type FulfilmentEvent = 'ship' | 'cancel'
export const FULFILMENT_MACHINE = {
  open: { ship: 'shipped', cancel: 'cancelled' },
  shipped: {},
  cancelled: {},
} as const satisfies Record<FulfilmentStatus, Partial<Record<FulfilmentEvent, FulfilmentStatus>>>

export type ReturnStatus = 'requested' | 'accepted' | 'refused'
export type ReturnEvent = 'accept' | 'refuse'
export const RETURN_MACHINE = {
  requested: { accept: 'accepted', refuse: 'refused' },
  accepted: {},
  refused: {},
} as const satisfies Record<ReturnStatus, Partial<Record<ReturnEvent, ReturnStatus>>>

/** The state an event leads to, or undefined where it may not happen. */
export const nextOf = <S extends string>(machine: Record<S, Partial<Record<string, S>>>, from: S, event: string): S | undefined =>
  machine[from][event]

/** What its parts make of a paid order: the event to send to the machine, or undefined while nothing has changed for the whole. */
export const eventOf = (parts: readonly FulfilmentStatus[]): OrderEvent | undefined => {
  const isShipped = parts.includes('shipped')
  if (parts.includes('open')) return isShipped ? 'part_shipped' : undefined
  return isShipped ? 'all_shipped' : 'all_cancelled'
}
