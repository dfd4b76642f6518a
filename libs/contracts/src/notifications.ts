import { z } from 'zod'
import type { EventType } from './events.js'
import { idSchema } from './ids.js'
import { pageOf } from './page.js'

/** What buyers are told of, in their feed and by mail, and by which events. */
export const BUYER_EVENTS = {
  'orders.order.placed.v1': 'order_placed',
  'orders.order.confirmed.v1': 'order_confirmed',
  'orders.order.cancelled.v1': 'order_cancelled',
  'orders.payment.action_required.v1': 'payment_action_required',
  'orders.fulfilment.shipped.v1': 'order_shipped',
  'orders.return.accepted.v1': 'return_accepted',
  'orders.return.refused.v1': 'return_refused',
  'orders.payment.refunded.v1': 'refunded',
} as const satisfies Partial<Record<EventType, string>>

export const NotificationType = z.enum(Object.values(BUYER_EVENTS))
export type NotificationType = z.infer<typeof NotificationType>

/** One entry of a buyer's feed: written by aux-service, read through core-service. */
export const Notification = z
  .strictObject({
    id: idSchema('notification'),
    type: NotificationType,
    orderId: idSchema('order'),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Notification' })
export type Notification = z.infer<typeof Notification>

export const NotificationPage = pageOf(Notification, 'NotificationPage')
export type NotificationPage = z.infer<typeof NotificationPage>

/** `GET` and `PUT /v1/notifications/preferences`: how a buyer wants to be told. The feed is always there. */
export const NotificationPreferences = z
  .strictObject({ mail: z.boolean().meta({ description: 'Whether to write mails about orders, to the address that each order has' }) })
  .meta({ id: 'NotificationPreferences' })
export type NotificationPreferences = z.infer<typeof NotificationPreferences>
