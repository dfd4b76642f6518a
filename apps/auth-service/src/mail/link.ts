import { createHash, randomBytes } from 'node:crypto'

/** The secret of a mailed link: 32 random bytes, kept as their hash only. */
export const newLink = (): { secret: string; hash: Buffer } => {
  const secret = randomBytes(32).toString('base64url')
  return { secret, hash: hashOfLink(secret) }
}

export const hashOfLink = (secret: string): Buffer => createHash('sha256').update(secret).digest()
