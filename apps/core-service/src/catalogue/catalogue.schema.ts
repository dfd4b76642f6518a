import { idSchema, Money, pageOf, PageQuery } from '@catamaran/contracts'
import { z } from 'zod'

export const Availability = z.enum(['in_stock', 'low_stock', 'sold_out']).meta({ id: 'Availability' })

export const Category = z.string().regex(/^[a-z][a-z-]{1,40}$/, { message: 'expected a category such as kitchen' })

export const Product = z
  .strictObject({
    id: idSchema('product'),
    name: z.string(),
    description: z.string(),
    category: z.string().meta({ example: 'kitchen' }),
    seller: z.strictObject({ id: idSchema('seller'), name: z.string() }),
    price: Money,
    availability: Availability,
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Product' })
export type Product = z.infer<typeof Product>

export const ProductPage = pageOf(Product, 'ProductPage')

export const ProductId = idSchema('product')

export const ProductQuery = PageQuery.extend({
  q: z.string().trim().min(1).max(200).optional().meta({ description: 'Full-text query: words, "a phrase", -without, or' }),
  category: Category.optional(),
})
export type ProductQuery = z.infer<typeof ProductQuery>
