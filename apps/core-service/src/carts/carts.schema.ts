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
  })
  .meta({ id: 'Cart' })
export type Cart = z.infer<typeof Cart>

export const AddLine = z.strictObject({ productId: idSchema('product'), quantity: Quantity }).meta({ id: 'AddCartLine' })
export type AddLine = z.infer<typeof AddLine>

export const SetLine = z.strictObject({ quantity: Quantity }).meta({ id: 'SetCartLine' })
export type SetLine = z.infer<typeof SetLine>
