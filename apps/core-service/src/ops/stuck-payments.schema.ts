import { idSchema, Money, pageOf, PageQuery } from '@catamaran/contracts'
import { z } from 'zod'
import { OrderStatus } from '../orders/orders.schema.js'

/** What is asked of the payment provider, as operators see it. */
export const PaymentOperation = z
  .strictObject({
    id: idSchema('paymentOperation'),
    orderId: idSchema('order'),
    orderStatus: OrderStatus,
    kind: z.enum(['authorise', 'capture', 'void', 'refund']),
    status: z.enum(['due', 'action_required', 'succeeded', 'declined', 'skipped', 'refused', 'replaced']).meta({
      description: '`refused` is not tried by itself any more and holds up what comes after it in its order',
    }),
    amount: Money,
    attempts: z.int().min(0),
    lastError: z.string().nullable().meta({ description: 'The provider’s code, or what kept us from asking' }),
    dueAt: z.iso.datetime().meta({ description: 'When it is tried next; of no matter for one that is refused or has ended' }),
    createdAt: z.iso.datetime(),
    ageSeconds: z.int().min(0),
  })
  .meta({ id: 'PaymentOperation' })
export type PaymentOperation = z.infer<typeof PaymentOperation>

export const PaymentOperationPage = pageOf(PaymentOperation, 'PaymentOperationPage')
export const PaymentOperationId = idSchema('paymentOperation')

export const StuckPaymentsQuery = PageQuery.extend({
  status: z.enum(['stuck', 'refused', 'open']).default('stuck').meta({
    description: '`stuck`: refused, tried more than five times, or waiting for more than an hour; `open`: all that has not ended',
  }),
})
export type StuckPaymentsQuery = z.infer<typeof StuckPaymentsQuery>
