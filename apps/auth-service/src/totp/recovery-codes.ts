import { createHash, randomBytes } from 'node:crypto'
import { Secret } from 'otpauth'

const CODES = 10
const CODE_BYTES = 15

/** Ten codes of 120 random bits, as people write them down: six groups of four letters and digits. */
export const newRecoveryCodes = (): string[] =>
  Array.from({ length: CODES }, () => {
    const text = new Secret({ buffer: Uint8Array.from(randomBytes(CODE_BYTES)).buffer }).base32.toLowerCase()
    return text.match(/.{4}/g)?.join('-') ?? ''
  })

/** However it was typed; undefined when it can't be one. */
export const recoveryCodeOf = (typed: string): string | undefined => {
  const text = typed.toLowerCase().replace(/[\s-]/g, '')
  return /^[a-z2-7]{24}$/.test(text) ? text : undefined
}

/** Of the code without its hyphens. No slow hash is needed: no dictionary holds 120 random bits. */
export const hashOfRecoveryCode = (code: string): Buffer => createHash('sha256').update(code.replaceAll('-', '')).digest()
