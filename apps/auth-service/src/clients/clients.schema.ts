import { createPublicKey } from 'node:crypto'
import { pageOf, PageQuery, PARTNER_SCOPES } from '@catamaran/contracts'
import { z } from 'zod'
import { Scopes } from '../api-keys/api-keys.schema.js'
import { Name } from '../partners/partners.schema.js'

export const ClientId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{2,63}$/)
  .meta({ example: 'cli_01k2m3n4p5q6r7s8t9v0w1x2y3' })

const isEd25519 = (jwk: object): boolean => {
  try {
    return createPublicKey({ key: { ...jwk }, format: 'jwk' }).asymmetricKeyType === 'ed25519'
  } catch {
    return false
  }
}

/** The public part of an Ed25519 key. A private one is refused as an unknown field `d`, so it is never kept. */
const PublicKey = z
  .strictObject({
    kty: z.literal('OKP'),
    crv: z.literal('Ed25519'),
    x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
    kid: z.string().min(1).max(100).optional(),
    alg: z.enum(['EdDSA', 'Ed25519']).optional(),
    use: z.literal('sig').optional(),
  })
  .refine(isEd25519, 'expected a public Ed25519 key as a JWK (RFC 8037)')
  .meta({ id: 'ClientPublicKey' })

const areDistinct = (keys: readonly { kid?: string | undefined }[]): boolean => new Set(keys.map(({ kid }) => kid)).size === keys.length

export const PublicKeys = z
  .strictObject({ keys: z.array(PublicKey).min(1).max(5).refine(areDistinct, 'Give each key a `kid` of its own.') })
  .meta({ id: 'ClientPublicKeys', description: 'Two keys at once let you change from one to the other' })

const common = { name: Name(100), scopes: Scopes }

export const NewClient = z
  .discriminatedUnion('authMethod', [
    z.strictObject({ ...common, authMethod: z.literal('client_secret') }),
    z.strictObject({ ...common, authMethod: z.literal('private_key_jwt'), jwks: PublicKeys }),
  ])
  .meta({ id: 'NewClient' })
export type NewClient = z.output<typeof NewClient>

const fields = {
  id: ClientId,
  name: z.string(),
  authMethod: z.enum(['client_secret', 'private_key_jwt']),
  scopes: z.array(z.enum(PARTNER_SCOPES)),
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime().nullable().meta({ description: 'Some seconds late' }),
}

export const PartnerClient = z.strictObject(fields).meta({ id: 'PartnerClient' })
export type PartnerClient = z.infer<typeof PartnerClient>
export const PartnerClientPage = pageOf(PartnerClient, 'PartnerClientPage')

export const MadeClient = z
  .strictObject({
    ...fields,
    clientSecret: z
      .string()
      .optional()
      .meta({ description: 'Of a client with a secret. It is shown this once: a replay of the same Idempotency-Key is without it' }),
  })
  .meta({ id: 'MadeClient' })
export type MadeClient = z.infer<typeof MadeClient>

export const ClientsQuery = PageQuery
