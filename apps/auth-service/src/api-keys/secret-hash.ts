import { createHash, timingSafeEqual } from 'node:crypto'

/** How the secret of an API key is kept: 256 random bits need no slow hash. */
export const hashOfSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest()

export const isSecret = (secret: string, hash: Buffer): boolean => {
  const given = hashOfSecret(secret)
  return given.length === hash.length && timingSafeEqual(given, hash)
}
