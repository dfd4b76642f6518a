import { z } from 'zod'
import { idSchema } from './ids.js'
import { pageOf } from './page.js'

/** One entry of a buyer's feed: written by aux-service, read through core-service. */
export const Notification = z
  .strictObject({
    id: idSchema('notification'),
    type: z.enum(['order_placed', 'order_cancelled']),
    orderId: idSchema('order'),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Notification' })
export type Notification = z.infer<typeof Notification>

export const NotificationPage = pageOf(Notification, 'NotificationPage')
export type NotificationPage = z.infer<typeof NotificationPage>
