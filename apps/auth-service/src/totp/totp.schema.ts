import { z } from 'zod'

export const TotpState = z
  .strictObject({
    status: z.enum(['off', 'on']),
    since: z.iso.datetime().nullable(),
    recoveryCodesLeft: z.int().min(0).max(10),
  })
  .meta({ id: 'TotpState' })
export type TotpState = z.infer<typeof TotpState>

/** Shown once: whoever holds the secret makes the codes. */
export const TotpStarted = z
  .strictObject({
    secret: z.string().meta({ description: 'Base32, to type into an app; shown once' }),
    uri: z.string().meta({ description: 'The same as an otpauth:// address, to show as a QR code' }),
  })
  .meta({ id: 'TotpStarted' })
export type TotpStarted = z.infer<typeof TotpStarted>

/** A code of an app, however its digits are grouped. */
export const TypedCode = z
  .string()
  .max(64)
  .transform((text) => text.replace(/\s/g, ''))
  .pipe(z.string().regex(/^\d{6}$/, 'Type the six digits that your app shows.'))
  .meta({ pattern: '^\\d{6}$' })

export const ConfirmTotp = z.strictObject({ code: TypedCode }).meta({ id: 'ConfirmTotp' })
export type ConfirmTotp = z.output<typeof ConfirmTotp>

export const RecoveryCodes = z
  .strictObject({ codes: z.array(z.string()).meta({ description: 'Each works once in place of a code; shown once' }) })
  .meta({ id: 'RecoveryCodes' })
export type RecoveryCodes = z.infer<typeof RecoveryCodes>
