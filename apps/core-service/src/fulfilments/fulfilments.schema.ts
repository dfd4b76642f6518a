import { idSchema, Money, pageOf, PageQuery } from '@catamaran/contracts'
import { z } from 'zod'
import { ReturnLine, ShippingAddress } from '../orders/orders.schema.js'

const text = (max: number) => z.string().trim().min(1).max(max)

export const FulfilmentStatus = z.enum(['open', 'shipped', 'cancelled']).meta({ id: 'FulfilmentStatus' })

/** A partner's part of an order: what to ship, and where to. */
export const Fulfilment = z
  .strictObject({
    id: idSchema('fulfilment'),
    orderId: idSchema('order'),
    sellerId: idSchema('seller'),
    status: FulfilmentStatus,
    lines: z.array(z.strictObject({ productId: idSchema('product'), name: z.string(), quantity: z.int(), unitPrice: Money })),
    items: Money,
    shipping: Money,
    deliveryAddress: ShippingAddress.nullable().meta({ description: 'Null once the buyer’s data was erased' }),
    carrier: z.string().nullable(),
    trackingNumber: z.string().nullable(),
    createdAt: z.iso.datetime(),
    endedAt: z.iso.datetime().nullable().meta({ description: 'When it was shipped or cancelled' }),
  })
  .meta({ id: 'Fulfilment' })
export type Fulfilment = z.infer<typeof Fulfilment>

export const FulfilmentPage = pageOf(Fulfilment, 'FulfilmentPage')
export const FulfilmentId = idSchema('fulfilment')
export const FulfilmentQuery = PageQuery.extend({ status: FulfilmentStatus.optional() })
export type FulfilmentQuery = z.infer<typeof FulfilmentQuery>

export const Ship = z
  .strictObject({ carrier: text(100), trackingNumber: text(100).optional() })
  .meta({ id: 'ShipFulfilment', example: { carrier: 'PostNL', trackingNumber: '3SABCD0123456789' } })
export type Ship = z.infer<typeof Ship>

export const ReturnStatus = z.enum(['requested', 'accepted', 'refused']).meta({ id: 'ReturnStatus' })

/** What a buyer wants to send back to a partner. */
export const PartnerReturn = z
  .strictObject({
    id: idSchema('return'),
    orderId: idSchema('order'),
    fulfilmentId: idSchema('fulfilment'),
    status: ReturnStatus,
    lines: z.array(ReturnLine),
    reason: z.string().nullable(),
    refund: Money,
    isRestocked: z.boolean(),
    requestedAt: z.iso.datetime(),
    decidedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'PartnerReturn' })
export type PartnerReturn = z.infer<typeof PartnerReturn>

export const PartnerReturnPage = pageOf(PartnerReturn, 'PartnerReturnPage')
export const ReturnId = idSchema('return')
export const ReturnQuery = PageQuery.extend({ status: ReturnStatus.optional() })
export type ReturnQuery = z.infer<typeof ReturnQuery>

export const AcceptReturn = z
  .strictObject({ restock: z.boolean().default(true).meta({ description: 'Whether the pieces are for sale again' }) })
  .meta({ id: 'AcceptReturn' })
export type AcceptReturn = z.infer<typeof AcceptReturn>
