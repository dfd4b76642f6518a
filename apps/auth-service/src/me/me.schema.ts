import { idSchema } from '@catamaran/contracts'
import { z } from 'zod'
import { Email, NewPassword, TypedPassword } from '../users/users.schema.js'

const LOCALES = ['en', 'de'] as const

/** What a person is called: any text of one line. */
const Name = z
  .string()
  .transform((text) => text.normalize('NFC').trim())
  .pipe(
    z
      .string()
      .min(1)
      .max(100)
      .regex(/^\P{C}*$/u, 'Use no control characters.'),
  )
  .meta({ minLength: 1, maxLength: 100 })

export const Profile = z
  .strictObject({
    id: idSchema('user'),
    email: z.string(),
    name: z.string().nullable(),
    locale: z.enum(LOCALES),
    isOperator: z.boolean(),
    secondFactors: z.strictObject({ totp: z.boolean(), passkeys: z.int().min(0) }),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Profile' })
export type Profile = z.infer<typeof Profile>

export const ChangeProfile = z
  .strictObject({ name: Name.nullable().optional().meta({ description: 'Null takes it away' }), locale: z.enum(LOCALES).optional() })
  .meta({ id: 'ChangeProfile' })
export type ChangeProfile = z.output<typeof ChangeProfile>

export const ChangePassword = z.strictObject({ currentPassword: TypedPassword, newPassword: NewPassword }).meta({ id: 'ChangePassword' })
export type ChangePassword = z.output<typeof ChangePassword>

export const ChangeEmail = z.strictObject({ email: Email }).meta({ id: 'ChangeEmail' })
export type ChangeEmail = z.output<typeof ChangeEmail>
