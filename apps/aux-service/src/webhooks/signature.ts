import { createHmac, createSecretKey, randomBytes } from 'node:crypto'

const PREFIX = 'whsec_'
const SECRET_BYTES = 32

/** A new signing secret: 256 bits. */
export const newSecret = (): Buffer => randomBytes(SECRET_BYTES)

/** A secret as its partner is shown it (Standard Webhooks, "Signature scheme"). */
export const secretText = (secret: Uint8Array): string => PREFIX + Buffer.from(secret).toString('base64')

/** The headers that identify and sign one attempt: a signature for each secret, so that a rotation needs no moment at which both sides change. */
export const signedHeaders = (
  { eventId, body }: { readonly eventId: string; readonly body: string },
  secrets: readonly Uint8Array[],
  nowMs: number,
): Record<string, string> => {
  const timestamp = String(Math.floor(nowMs / 1000))
  // A KeyObject: with bare bytes Node 24 takes four times as long.
  const signatureBy = (secret: Uint8Array): string =>
    `v1,${createHmac('sha256', createSecretKey(secret)).update(`${eventId}.${timestamp}.${body}`).digest('base64')}`
  return { 'webhook-id': eventId, 'webhook-timestamp': timestamp, 'webhook-signature': secrets.map(signatureBy).join(' ') }
}
