import { CancelReason, idSchema, Money, pageOf, PageQuery } from '@catamaran/contracts'
import { z } from 'zod'
import { MAX_LINES, Quantity } from '../carts/carts.schema.js'

export const OrderStatus = z
  .enum(['pending_payment', 'confirmed', 'partially_shipped', 'shipped', 'completed', 'cancelled'])
  .meta({ id: 'OrderStatus', description: 'pending_payment → confirmed → partially_shipped → shipped → completed, or cancelled' })
export type OrderStatus = z.infer<typeof OrderStatus>

const text = (max: number) => z.string().trim().min(1).max(max)

export const DeliveryAddress = z
  .strictObject({
    name: text(200),
    line1: text(200),
    line2: text(200).optional(),
    city: text(100),
    region: text(100).optional(),
    postalCode: text(20),
    country: z.string().regex(/^[A-Z]{2}$/, { message: 'expected an ISO 3166-1 alpha-2 code such as NL' }),
  })
  .meta({ id: 'DeliveryAddress' })
export type DeliveryAddress = z.infer<typeof DeliveryAddress>

export const PlaceOrder = z
  .strictObject({
    lines: z
      .array(z.strictObject({ productId: idSchema('product'), quantity: Quantity }))
      .min(1)
      .max(MAX_LINES)
      .optional()
      .meta({ description: 'What to order. Leave it out to order the cart' }),
    cart: z
      .strictObject({ version: z.int().min(1) })
      .optional()
      .meta({ description: 'Order the cart, as it was at this version' }),
    deliveryAddress: DeliveryAddress,
    expectedTotalMinor: z.int().min(0).optional().meta({ description: 'Refuse the order when the total is another by now' }),
  })
  .refine((order) => (order.lines === undefined) !== (order.cart === undefined), { message: 'send either `lines` or `cart`' })
  .meta({ id: 'PlaceOrder' })
export type PlaceOrder = z.infer<typeof PlaceOrder>

export const OrderLine = z
  .strictObject({
    productId: idSchema('product'),
    sellerId: idSchema('seller'),
    name: z.string(),
    quantity: Quantity,
    unitPrice: Money,
  })
  .meta({ id: 'OrderLine' })

export const Order = z
  .strictObject({
    id: idSchema('order'),
    status: OrderStatus,
    cancelReason: CancelReason.nullable(),
    lines: z.array(OrderLine),
    total: Money,
    deliveryAddress: DeliveryAddress,
    holdExpiresAt: z.iso.datetime().meta({ description: 'Until when the stock is held for payment' }),
    placedAt: z.iso.datetime(),
  })
  .meta({ id: 'Order' })
export type Order = z.infer<typeof Order>

export const OrderPage = pageOf(Order, 'OrderPage')
export const OrderId = idSchema('order')
export const OrderQuery = PageQuery
export type OrderQuery = z.infer<typeof OrderQuery>
