import { z } from 'zod'

/** NIST SP 800-63B-4 section 3.1.1.2: at least 15, since a password may be all there is. */
export const PASSWORD_LENGTH = { least: 15, most: 256 }

/** Counted in code points of the NFC form, so that the same password typed on another keyboard is the same. */
const isGoodLength = (password: string): boolean => {
  const { length } = Array.from(password)
  return length >= PASSWORD_LENGTH.least && length <= PASSWORD_LENGTH.most
}

export const Email = z
  .string()
  .max(254)
  .transform((text) => text.trim().normalize('NFC').toLowerCase())
  .pipe(z.email('Give an email address, such as name@example.com.'))
  .meta({ format: 'email', maxLength: 254 })

/** A password that is typed to sign in: any text that could be one. Normalised, never trimmed. */
export const TypedPassword = z
  .string()
  .max(1_024)
  .transform((text) => text.normalize('NFC'))

export const NewPassword = TypedPassword.refine(isGoodLength, `Use ${PASSWORD_LENGTH.least} to ${PASSWORD_LENGTH.most} characters.`).meta({
  minLength: PASSWORD_LENGTH.least,
  maxLength: PASSWORD_LENGTH.most,
  description: 'Any characters. Refused (`identity.password-refused`) when it is common, a repetition or mostly the address',
})

export const Register = z.strictObject({ email: Email, password: NewPassword }).meta({ id: 'Register' })
export type Register = z.output<typeof Register>

/** The same whether or not the address has an account. */
export const Registered = z
  .strictObject({ status: z.literal('mail_sent').meta({ description: 'A mail to this address tells how to go on' }) })
  .meta({ id: 'Registered' })
export type Registered = z.infer<typeof Registered>

/** The same whether or not an address has an account. */
export const MailSent = z.strictObject({ status: z.literal('mail_sent') }).meta({ id: 'MailSent' })
export type MailSent = z.infer<typeof MailSent>

export const AskReset = z.strictObject({ email: Email }).meta({ id: 'AskReset' })
export type AskReset = z.output<typeof AskReset>

const LinkToken = z.string().min(1).max(128).meta({ description: 'The `token` of the link in the mail' })

export const ResetPassword = z.strictObject({ token: LinkToken, password: NewPassword }).meta({ id: 'ResetPassword' })
export type ResetPassword = z.output<typeof ResetPassword>

export const ConfirmEmail = z.strictObject({ token: LinkToken }).meta({ id: 'ConfirmEmail' })
export type ConfirmEmail = z.output<typeof ConfirmEmail>

export const EmailConfirmed = z
  .strictObject({ status: z.enum(['changed', 'waiting']).meta({ description: 'Whether the other address has to confirm yet' }) })
  .meta({ id: 'EmailConfirmed' })
export type EmailConfirmed = z.infer<typeof EmailConfirmed>

export const VerifyEmail = z
  .strictObject({ token: z.string().min(1).max(128).meta({ description: 'The `token` of the link in the mail' }) })
  .meta({ id: 'VerifyEmail' })
export type VerifyEmail = z.infer<typeof VerifyEmail>

/** A sign-in form as it is sent. */
export const SignIn = z.strictObject({ email: Email, password: TypedPassword })
export type SignIn = z.output<typeof SignIn>
