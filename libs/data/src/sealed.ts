import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'

const IV_BYTES = 12
const TAG_BYTES = 16

/**
 * Seals a secret for the database with AES-256-GCM under the first key: nonce, tag, ciphertext. Example: `seal(config.dataKeys, secret, userId)`.
 * @param keys of 32 bytes each, the one that seals first (`dataKeysEnv`)
 * @param owner is authenticated with it, so that a sealed secret that is copied to another owner's row does not open there
 * @throws Error when there is no key
 */
export const seal = ([key]: readonly Buffer[], secret: Uint8Array, owner: string): Buffer => {
  if (key === undefined) throw new Error('there is no key to seal with')
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(owner))
  const sealed = Buffer.concat([cipher.update(secret), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), sealed])
}

/** What was sealed for the same owner, by whichever of the keys opens it. @throws Error when none does */
export const unseal = (keys: readonly Buffer[], sealed: Buffer, owner: string): Buffer => {
  for (const key of keys) {
    // A KeyObject: with bare bytes Node 24 takes four times as long.
    const decipher = createDecipheriv('aes-256-gcm', createSecretKey(key), sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(owner))
      .setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
    try {
      return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES)), decipher.final()])
    } catch {
      // Sealed with another key: the next one may be it.
    }
  }
  throw new Error('a sealed secret opens with none of DATA_KEYS: a key was taken away too early')
}
