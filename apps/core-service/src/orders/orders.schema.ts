import { CancelReason, idSchema, MailLanguage, Money, pageOf, PageQuery } from '@catamaran/contracts'
import { z } from 'zod'
import { MAX_LINES, Quantity } from '../carts/carts.schema.js'

export const OrderStatus = z
  .enum(['pending_payment', 'confirmed', 'partially_shipped', 'shipped', 'completed', 'cancelled'])
  .meta({ id: 'OrderStatus', description: 'pending_payment → confirmed → partially_shipped → shipped → completed, or cancelled' })
export type OrderStatus = z.infer<typeof OrderStatus>

const text = (max: number) => z.string().trim().min(1).max(max)

/** Where a seller sends its part to. */
export const ShippingAddress = z
  .strictObject({
    name: text(200),
    line1: text(200),
    line2: text(200).optional(),
    city: text(100),
    region: text(100).optional(),
    postalCode: text(20),
    country: z.string().regex(/^[A-Z]{2}$/, { message: 'expected an ISO 3166-1 alpha-2 code such as NL' }),
  })
  .meta({ id: 'ShippingAddress' })
export type ShippingAddress = z.infer<typeof ShippingAddress>

/** The same as its buyer gives it, with what no seller is shown. */
export const DeliveryAddress = ShippingAddress.extend({
  email: z.email().max(254).optional().meta({ description: 'Where mails about the order go; without one there are none' }),
  language: MailLanguage.optional().meta({ description: 'What those mails are written in; `en` where it is left out' }),
}).meta({ id: 'DeliveryAddress' })
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
    paymentMethod: z
      .string()
      .regex(/^[\x21-\x7e]{1,200}$/, { message: 'expected a token of the payment provider' })
      .meta({ description: 'What the payment provider gave your page for the card; never a card number', example: 'card_ok' }),
    returnUrl: z
      .url({ protocol: /^https?$/ })
      .max(2_000)
      .optional()
      .meta({
        description: 'Where the payment provider sends the buyer back to after 3-D Secure; of an origin that was agreed',
        example: 'https://shop.example/orders',
      }),
    expectedTotalMinor: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'Refuse the order when the total, shipping included, is another by now' }),
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
    unitPrice: Money.meta({ description: 'Tax included' }),
    tax: Money.meta({ description: 'The tax in all its pieces' }),
  })
  .meta({ id: 'OrderLine' })

export const OrderPayment = z
  .strictObject({
    status: z.enum(['processing', 'action_required', 'authorised', 'declined', 'released']).meta({
      description: '`action_required`: the buyer has to confirm at `actionUrl`. `released`: nothing was taken, and nothing will be',
    }),
    actionUrl: z.string().nullable(),
    captured: Money,
    refunded: Money,
  })
  .meta({ id: 'OrderPayment' })

export const OrderFulfilment = z
  .strictObject({
    id: idSchema('fulfilment'),
    sellerId: idSchema('seller'),
    status: z.enum(['open', 'shipped', 'cancelled']),
    carrier: z.string().nullable(),
    trackingNumber: z.string().nullable(),
    endedAt: z.iso.datetime().nullable().meta({ description: 'When it was shipped or cancelled' }),
  })
  .meta({ id: 'OrderFulfilment' })

export const ReturnLine = z.strictObject({ productId: idSchema('product'), quantity: Quantity }).meta({ id: 'ReturnLine' })
export type ReturnLine = z.infer<typeof ReturnLine>

export const OrderReturn = z
  .strictObject({
    id: idSchema('return'),
    fulfilmentId: idSchema('fulfilment'),
    status: z.enum(['requested', 'accepted', 'refused']),
    lines: z.array(ReturnLine),
    refund: Money.meta({ description: 'What is paid back if it is accepted' }),
    requestedAt: z.iso.datetime(),
  })
  .meta({ id: 'OrderReturn' })
export type OrderReturn = z.infer<typeof OrderReturn>

export const Order = z
  .strictObject({
    id: idSchema('order'),
    status: OrderStatus,
    cancelReason: CancelReason.nullable(),
    lines: z.array(OrderLine),
    shipping: Money,
    tax: Money.meta({ description: 'The tax in the total' }),
    total: Money,
    payment: OrderPayment,
    fulfilments: z.array(OrderFulfilment).meta({ description: 'One for each seller, once the order is paid' }),
    returns: z.array(OrderReturn),
    deliveryAddress: DeliveryAddress,
    holdExpiresAt: z.iso.datetime().meta({ description: 'Until when the stock is held for payment' }),
    placedAt: z.iso.datetime(),
  })
  .meta({ id: 'Order' })
export type Order = z.infer<typeof Order>

/** One thing that happened to an order, as its status stream tells it. */
export const OrderHappening = z
  .strictObject({
    orderId: idSchema('order'),
    version: z.int().positive().meta({ description: 'The order’s version since; the event’s id' }),
    event: z.string().meta({ example: 'fulfilment.shipped' }),
    status: OrderStatus,
    reason: CancelReason.nullable(),
    partId: z.string().nullable().meta({ description: 'The fulfilment or return it is about' }),
    at: z.iso.datetime(),
  })
  .meta({ id: 'OrderHappening' })
export type OrderHappening = z.infer<typeof OrderHappening>

export const RequestReturn = z
  .strictObject({
    fulfilmentId: idSchema('fulfilment'),
    lines: z.array(ReturnLine).min(1).max(MAX_LINES),
    reason: text(500).optional(),
  })
  .meta({ id: 'RequestReturn' })
export type RequestReturn = z.infer<typeof RequestReturn>

export const OrderPage = pageOf(Order, 'OrderPage')
export const OrderId = idSchema('order')
export const OrderQuery = PageQuery
export type OrderQuery = z.infer<typeof OrderQuery>
