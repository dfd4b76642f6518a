import { idSchema } from '@catamaran/contracts'
import { z } from 'zod'

export const PasskeyId = idSchema('passkey')

export const PasskeyName = z
  .string()
  .transform((text) => text.trim().normalize('NFC'))
  .pipe(z.string().min(1, 'Give the passkey a name.').max(100, 'Use at most 100 characters.'))
  .meta({ minLength: 1, maxLength: 100, example: 'My phone' })

export const Passkey = z
  .strictObject({
    id: PasskeyId,
    name: z.string(),
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().nullable(),
    isSynced: z.boolean().meta({ description: 'Whether it is kept in an account of its maker, beyond one device' }),
  })
  .meta({ id: 'Passkey' })
export type Passkey = z.infer<typeof Passkey>

export const PasskeyList = z.strictObject({ items: z.array(Passkey) }).meta({ id: 'PasskeyList' })
export type PasskeyList = z.infer<typeof PasskeyList>

// What browsers say about a credential grows with WebAuthn, so here unknown fields pass; what counts is signed and checked.
const base64url = z
  .string()
  .max(16_384)
  .regex(/^[\w-]+$/)

/** `PublicKeyCredentialCreationOptionsJSON` of Web Authentication Level 3, for `PublicKeyCredential.parseCreationOptionsFromJSON`. */
export const PasskeyOptions = z.looseObject({ challenge: base64url }).meta({ id: 'PasskeyOptions' })
export type PasskeyOptions = z.infer<typeof PasskeyOptions>

const credentialOf = <T extends z.ZodRawShape>(response: T) =>
  z.looseObject({ id: base64url, rawId: base64url, type: z.literal('public-key'), response: z.looseObject(response) })

/** `RegistrationResponseJSON`: what `credential.toJSON()` gives after `navigator.credentials.create`. */
export const RegistrationResponse = credentialOf({
  clientDataJSON: base64url,
  attestationObject: base64url,
  transports: z.array(z.string().max(30)).max(10).optional(),
}).meta({ id: 'PasskeyRegistrationResponse' })
export type RegistrationResponse = z.infer<typeof RegistrationResponse>

/** `AuthenticationResponseJSON`: what `credential.toJSON()` gives after `navigator.credentials.get`. */
export const AuthenticationResponse = credentialOf({
  clientDataJSON: base64url,
  authenticatorData: base64url,
  signature: base64url,
  userHandle: base64url.nullish(),
})
export type AuthenticationResponse = z.infer<typeof AuthenticationResponse>

export const AddPasskey = z.strictObject({ name: PasskeyName, credential: RegistrationResponse }).meta({ id: 'AddPasskey' })
export type AddPasskey = z.output<typeof AddPasskey>

export const RenamePasskey = z.strictObject({ name: PasskeyName }).meta({ id: 'RenamePasskey' })
export type RenamePasskey = z.output<typeof RenamePasskey>
