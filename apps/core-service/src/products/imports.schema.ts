import { idSchema } from '@catamaran/contracts'
import { z } from 'zod'
import { NewProduct, Sku } from './products.schema.js'

/** One line of an import: a product by its SKU. Without `available` a new one has none, and what is there stays. */
export const ImportLine = z.strictObject({ ...NewProduct.shape, sku: Sku, available: NewProduct.shape.available.unwrap().optional() })
export type ImportLine = z.output<typeof ImportLine>

export const ImportId = z
  .string()
  .regex(/^[\w-]{1,64}$/, { message: 'expected 1 to 64 letters, digits, - or _' })
  .meta({ description: 'A name that you give the import', example: '2026-11-spring' })

export const ImportQuery = z.strictObject({
  firstLine: z.coerce.number().int().min(1).default(1).meta({ description: 'The number of the first line that is sent' }),
})
export type ImportQuery = z.infer<typeof ImportQuery>

const LineError = z.strictObject({ pointer: z.string(), detail: z.string() })

/** What became of one line. `done` ones were done by an earlier request of the same import. */
export const LineResult = z
  .strictObject({
    line: z.int().min(1),
    status: z.enum(['created', 'changed', 'unchanged', 'refused', 'done']),
    productId: idSchema('product').optional(),
    errors: z.array(LineError).optional(),
  })
  .meta({ id: 'ImportLineResult' })
export type LineResult = z.infer<typeof LineResult>

export const ProductImport = z
  .strictObject({
    id: ImportId,
    linesDone: z.int().meta({ description: 'Go on from the line after it' }),
    created: z.int(),
    changed: z.int(),
    unchanged: z.int(),
    refused: z.int(),
    startedAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'ProductImport' })
export type ProductImport = z.infer<typeof ProductImport>
