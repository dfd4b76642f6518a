import { Currency, idSchema, Money, pageOf, PageQuery } from '@catamaran/contracts'
import { z } from 'zod'
import { Category } from '../catalogue/catalogue.schema.js'

/** A text that the database keeps as it is: no NUL, no half of a surrogate pair. */
const text = (min: number, max: number) =>
  z
    .string()
    .trim()
    .min(min)
    .max(max)
    .refine((given) => given.isWellFormed() && !given.includes('\0'), { message: 'expected text without NUL or broken characters' })
const MAX_STOCK = 100_000_000

export const ProductId = idSchema('product')
export const Sku = text(1, 100).meta({
  description: 'Your own number for it, one product each. Import matches by it',
  example: 'LAMP-12-OAK',
})

const changeable = {
  name: text(1, 200),
  description: text(0, 5000),
  category: Category,
  priceMinor: z.int().min(1).max(1_000_000_000).meta({ description: 'With tax, in minor units (cents)' }),
  taxBasisPoints: z.int().min(0).max(10_000).meta({ description: 'Tax in the price: 2100 is 21 %' }),
}
const Pieces = z.int().min(0).max(MAX_STOCK)

export const NewProduct = z
  .strictObject({
    sku: Sku.optional(),
    ...changeable,
    currency: Currency.meta({ description: 'Can’t be changed later' }),
    taxBasisPoints: changeable.taxBasisPoints.default(2100),
    available: Pieces.default(0).meta({ description: 'Pieces for sale at first' }),
  })
  .meta({
    id: 'NewProduct',
    example: {
      ...{ sku: 'LAMP-12-OAK', name: 'Oak lamp', description: 'A lamp of oak.', category: 'lighting' },
      ...{ priceMinor: 4900, currency: 'EUR', taxBasisPoints: 2100, available: 12 },
    },
  })
export type NewProduct = z.output<typeof NewProduct>

export const ChangeProduct = z
  .strictObject({ sku: Sku.nullable(), ...changeable })
  .partial()
  .refine((change) => Object.keys(change).length > 0, { message: 'expected at least one field' })
  .meta({ id: 'ChangeProduct', example: { priceMinor: 4500 } })
export type ChangeProduct = z.output<typeof ChangeProduct>

export const ProductStatus = z.enum(['active', 'withdrawn', 'suspended']).meta({
  id: 'ProductStatus',
  description: 'Active ones are for sale. Withdrawn by you; suspended while you are',
})
export type ProductStatus = z.infer<typeof ProductStatus>

/** A product as its partner sees it. */
export const PartnerProduct = z
  .strictObject({
    id: ProductId,
    sellerId: idSchema('seller'),
    sku: z.string().nullable(),
    name: z.string(),
    description: z.string(),
    category: z.string(),
    price: Money,
    taxBasisPoints: z.int(),
    status: ProductStatus,
    version: z.int().meta({ description: 'In quotes it is the ETag' }),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'PartnerProduct' })
export type PartnerProduct = z.infer<typeof PartnerProduct>
export const PartnerProductPage = pageOf(PartnerProduct, 'PartnerProductPage')
export const PartnerProductQuery = PageQuery.extend({ status: ProductStatus.optional() })
export type PartnerProductQuery = z.infer<typeof PartnerProductQuery>

export const Stock = z
  .strictObject({
    available: z.int().meta({ description: 'For sale now' }),
    held: z.int().meta({ description: 'Held for orders that are not paid yet' }),
    sold: z.int(),
  })
  .meta({ id: 'Stock' })
export type Stock = z.infer<typeof Stock>

export const SetStock = z.strictObject({ available: Pieces }).meta({ id: 'SetStock' })
export type SetStock = z.infer<typeof SetStock>

export const AdjustStock = z
  .strictObject({
    by: z
      .int()
      .min(-MAX_STOCK)
      .max(MAX_STOCK)
      .refine((by) => by !== 0, { message: 'expected another number than 0' }),
  })
  .meta({ id: 'AdjustStock', example: { by: 20 } })
export type AdjustStock = z.infer<typeof AdjustStock>

export const PartnerSettings = z
  .strictObject({
    shippingMinor: z
      .int()
      .min(0)
      .max(1_000_000_000)
      .meta({ description: 'What shipping costs, once an order, in the currency of the order' }),
  })
  .meta({ id: 'PartnerSettings' })
export type PartnerSettings = z.infer<typeof PartnerSettings>
