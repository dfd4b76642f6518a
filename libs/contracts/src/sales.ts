import { z } from 'zod'
import type { EventType } from './events.js'
import { idSchema } from './ids.js'
import { Currency } from './money.js'
import { pageOf, PageQuery } from './page.js'

/** The events that sales are counted from, and what each adds to. */
export const SALES_EVENTS = {
  'orders.fulfilment.created.v1': 'sold',
  'orders.fulfilment.cancelled.v1': 'cancelled',
  'orders.return.accepted.v1': 'returned',
} as const satisfies Partial<Record<EventType, string>>

const DAY_MS = 86_400_000
/** How many days one question may be about. */
export const MAX_SALES_DAYS = 366

/** `GET /v1/partner/sales`: both days are included. */
export const SalesQuery = PageQuery.extend({
  from: z.iso.date().meta({ description: 'The first day, in UTC', example: '2026-01-01' }),
  to: z.iso.date().meta({ description: `The last day, in UTC; at most ${MAX_SALES_DAYS} days in all`, example: '2026-01-31' }),
  productId: idSchema('product').optional(),
})
  .refine(({ from, to }) => from <= to, { path: ['to'], message: 'expected a day that is not before `from`' })
  .refine(({ from, to }) => (Date.parse(to) - Date.parse(from)) / DAY_MS < MAX_SALES_DAYS, {
    path: ['to'],
    message: `expected at most ${MAX_SALES_DAYS} days`,
  })
export type SalesQuery = z.infer<typeof SalesQuery>

const Figure = z
  .strictObject({ pieces: z.int().min(0), amountMinor: z.int().min(0).meta({ description: 'Tax included, without shipping' }) })
  .meta({ id: 'SalesFigure' })

/** What was sold of one product on one day. */
export const Sales = z
  .strictObject({
    day: z.iso.date(),
    productId: idSchema('product'),
    currency: Currency,
    sold: Figure.meta({ description: 'Paid for, and yours to ship' }),
    cancelled: Figure.meta({ description: 'Sold, and cancelled before it was shipped; on the day of that' }),
    returned: Figure.meta({ description: 'Sent back and accepted; on the day of that' }),
  })
  .meta({ id: 'Sales' })
export type Sales = z.infer<typeof Sales>

export const SalesPage = pageOf(Sales, 'SalesPage')
export type SalesPage = z.infer<typeof SalesPage>
