import { z } from 'zod'

export const Erasure = z
  .strictObject({
    status: z.enum(['erasing', 'erased']).meta({ description: 'The account is closed; what is held of the person goes, or has gone' }),
    requestedAt: z.iso.datetime(),
  })
  .meta({ id: 'Erasure' })
export type Erasure = z.infer<typeof Erasure>
