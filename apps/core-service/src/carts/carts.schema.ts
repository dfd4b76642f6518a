import { idSchema, Money } from '@catamaran/contracts'
import { z } from 'zod'

export const MAX_LINES = 100
export const MAX_QUANTITY = 999

export const Quantity = z.int().min(1).max(MAX_QUANTITY)

export const CartLine = z
  .strictObject({
    productId: idSchema('product'),
    quantity: Quantity,
    product: z
      .strictObject({ name: z.string(), price: Money, availability: z.string() })
      .nullable()
      .meta({ description: 'As it is now; null when it is no longer for sale' }),
  })
  .meta({ id: 'CartLine' })

export const Cart = z
  .strictObject({
    version: z.int().min(0).meta({ description: 'Rises with each change; name it to order this cart' }),
    lines: z.array(CartLine),
    total: z
      .strictObject({ items: Money, shipping: Money, tax: Money.meta({ description: 'Included in the total' }), total: Money })
      .nullable()
      .meta({
        description:
          'What ordering it costs now: send `total.total.amountMinor` as `expectedTotalMinor`. Null when it is empty, something in it is not for sale, or currencies differ',
      }),
  })
  .meta({ id: 'Cart' })
export type Cart = z.infer<typeof Cart>

export const AddLine = z.strictObject({ productId: idSchema('product'), quantity: Quantity }).meta({ id: 'AddCartLine' })
export type AddLine = z.infer<typeof AddLine>

export const SetLine = z.strictObject({ quantity: Quantity }).meta({ id: 'SetCartLine' })
export type SetLine = z.infer<typeof SetLine>
