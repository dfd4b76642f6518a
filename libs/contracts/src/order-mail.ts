import { z } from 'zod'
import { idSchema } from './ids.js'
import { Money } from './money.js'

/** The languages that buyers are written to in. */
export const MailLanguage = z.enum(['en', 'de'])
export type MailLanguage = z.infer<typeof MailLanguage>

/** What a mail tells of an order, as it is now. Read for each mail, kept nowhere. */
export const OrderForMail = z.strictObject({
  id: idSchema('order'),
  buyerId: idSchema('user').meta({ description: 'A pseudonym once the person was erased' }),
  email: z.string().nullable().meta({ description: 'Null where none was given, or the person was erased' }),
  language: MailLanguage,
  lines: z.array(z.strictObject({ name: z.string(), quantity: z.int(), unitPrice: Money })),
  shipping: Money,
  total: Money,
  cancelReason: z.string().nullable(),
  actionUrl: z.string().nullable().meta({ description: 'Where the buyer confirms the payment, while that is asked for' }),
  fulfilments: z.array(
    z.strictObject({ id: idSchema('fulfilment'), carrier: z.string().nullable(), trackingNumber: z.string().nullable() }),
  ),
  returns: z.array(z.strictObject({ id: idSchema('return'), refund: Money })),
})
export type OrderForMail = z.infer<typeof OrderForMail>

/** `GET /internal/orders?ids=ord_…,ord_…` of core-service answers those that there are, in no order. */
export const OrdersForMail = z.array(OrderForMail)
/** Orders asked for at once, at most. */
export const MAX_ORDERS_FOR_MAIL = 50
