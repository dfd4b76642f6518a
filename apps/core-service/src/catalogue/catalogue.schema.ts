import { Currency, idSchema, Money, pageOf, PageQuery } from '@catamaran/contracts'
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

export const ProductId = idSchema('product')

const FACETS = ['category', 'seller', 'price', 'availability'] as const
export type Facet = (typeof FACETS)[number]

const count = z.int().min(1).meta({ description: 'Products that have it, at least', example: 12 })
const minor = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
const facetOf = <T extends z.ZodRawShape>(value: T) =>
  z.strictObject({
    isExact: z.boolean().meta({
      description: 'Whether all products that fit were counted. If not, there are more, and each count is the least there is',
      example: true,
    }),
    values: z.array(z.strictObject({ ...value, count })).meta({ description: 'The most frequent first, at most 100' }),
  })

/** What the products that fit have in common. The fields of a value beside its count are the filter that it leads to. */
export const Facets = z
  .strictObject({
    category: facetOf({ category: z.string().meta({ example: 'kitchen' }) }).optional(),
    seller: facetOf({ seller: idSchema('seller'), name: z.string() }).optional(),
    price: facetOf({
      currency: Currency,
      minPriceMinor: minor.meta({ example: 1000 }),
      maxPriceMinor: minor.optional().meta({ description: 'Missing in the highest range', example: 1999 }),
    }).optional(),
    availability: facetOf({ availability: Availability }).optional(),
  })
  .meta({
    id: 'Facets',
    description:
      'Those that were asked for. A facet counts the products that fit all filters but its own, so that other values stay in sight once one is chosen',
  })
export type Facets = z.infer<typeof Facets>

export const ProductPage = z
  .strictObject({ ...pageOf(Product, 'ProductPage').shape, facets: Facets.optional() })
  .meta({ id: 'ProductPage' })
export type ProductPage = z.infer<typeof ProductPage>

// A text of digits: `Number` would also take '' and 1e3.
const WholeNumber = z
  .string()
  .regex(/^\d{1,10}$/, 'expected a whole number of minor units')
  .transform(Number)
const WHOLE = { type: 'integer', minimum: 0, maximum: 9_999_999_999, pattern: undefined } as const

const filters = {
  q: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .optional()
    .meta({ description: 'Full-text query: words, "a phrase", -without, or', example: 'oak lamp' }),
  category: Category.optional(),
  seller: idSchema('seller').optional(),
  currency: Currency.optional().meta({ description: 'Needed where prices are compared: with a price filter and to sort by price' }),
  minPriceMinor: WholeNumber.optional().meta({ ...WHOLE, example: 1000 }),
  maxPriceMinor: WholeNumber.optional().meta({ ...WHOLE, description: 'This price included', example: 4999 }),
  availability: Availability.optional(),
}
export const ProductQuery = PageQuery.extend({
  ...filters,
  sort: z.enum(['relevance', 'newest', 'price', '-price']).optional().meta({
    description:
      '`price` begins with the cheapest, `-price` with the dearest. Default: `relevance` with `q`, which shows the 150 best matches, else `newest`',
  }),
  facets: z
    .string()
    .max(50)
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(FACETS)).refine((facets) => new Set(facets).size === facets.length, 'Name each once.'))
    .optional()
    .meta({
      type: 'string',
      description: 'What to count: `category`, `seller`, `price`, `availability`, or several with commas between',
      example: 'category,price',
    }),
})
  .refine(
    ({ currency, minPriceMinor, maxPriceMinor, sort }) =>
      currency !== undefined || (minPriceMinor === undefined && maxPriceMinor === undefined && sort?.endsWith('price') !== true),
    { path: ['currency'], message: 'Name the currency of the prices.' },
  )
  .refine(({ sort, q }) => sort !== 'relevance' || q !== undefined, { path: ['sort'], message: 'Without `q` there is no relevance.' })
  .refine(({ minPriceMinor = 0, maxPriceMinor = minPriceMinor }) => minPriceMinor <= maxPriceMinor, {
    path: ['minPriceMinor'],
    message: 'Give a price that is not above `maxPriceMinor`.',
  })
export type ProductQuery = z.output<typeof ProductQuery>
/** What of a query decides which products fit. */
export type Filters = Pick<ProductQuery, keyof typeof filters>
