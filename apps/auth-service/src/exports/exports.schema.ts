import { idSchema, type Id } from '@catamaran/contracts'
import { z } from 'zod'

export const ExportId = idSchema('export')
export type ExportId = Id<'export'>

export const Export = z
  .strictObject({
    id: ExportId,
    status: z.enum(['pending', 'ready']),
    requestedAt: z.iso.datetime(),
    readyAt: z.iso.datetime().nullable(),
    expiresAt: z.iso.datetime().meta({ description: 'When it is deleted' }),
  })
  .meta({ id: 'Export' })
export type Export = z.infer<typeof Export>
