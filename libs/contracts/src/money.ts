import { z } from 'zod'

/** An ISO 4217 code the marketplace trades in. */
export const Currency = z.enum(['EUR', 'USD', 'GBP']).meta({ id: 'Currency', description: 'ISO 4217 currency code' })
export type Currency = z.infer<typeof Currency>

/** An amount in minor units (cents) of its currency: never a fraction, never a float. */
export const Money = z
  .strictObject({ amountMinor: z.int().min(0).max(Number.MAX_SAFE_INTEGER), currency: Currency })
  .meta({ id: 'Money', description: 'An amount in minor units (cents) and its ISO 4217 currency' })
export type Money = z.infer<typeof Money>
