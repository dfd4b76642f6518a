import { API_KEY_MODES, idSchema, PageQuery, pageOf, PARTNER_SCOPES } from '@catamaran/contracts'
import { z } from 'zod'
import { Name } from '../partners/partners.schema.js'

export const ApiKeyId = idSchema('apiKey')

/** What a credential of a partner may do. */
export const Scopes = z
  .array(z.enum(PARTNER_SCOPES))
  .min(1)
  .refine((scopes) => new Set(scopes).size === scopes.length, 'Name each scope once.')
  .meta({ uniqueItems: true })

const Network = z
  .union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], { message: 'expected an IP address, or a CIDR block such as 192.0.2.0/24' })
  .meta({ format: 'cidr', description: 'An address, or a CIDR block' })

const allowedAddresses = z.array(Network).max(50).meta({ description: 'From where the key may be used; empty: from anywhere' })

export const NewApiKey = z
  .strictObject({
    name: Name(100),
    scopes: Scopes,
    expiresAt: z.iso.datetime({ offset: true }).optional().meta({ description: 'In the future. Left out: never' }),
    allowedAddresses: allowedAddresses.optional(),
  })
  .meta({ id: 'NewApiKey' })
export type NewApiKey = z.output<typeof NewApiKey>

const WEEK_S = 7 * 24 * 3_600
/** Gateways remember a key for a minute: it can't be promised to end sooner, except at once. */
const LEAST_OVERLAP_S = 60

export const RotateApiKey = z
  .strictObject({
    overlapSeconds: z
      .int()
      .min(0)
      .max(WEEK_S)
      .refine((seconds) => seconds === 0 || seconds >= LEAST_OVERLAP_S, `Give 0, or at least ${LEAST_OVERLAP_S}.`)
      .meta({ description: `How long the old key goes on working: 0, or ${LEAST_OVERLAP_S} seconds to seven days` }),
  })
  .meta({ id: 'RotateApiKey' })
export type RotateApiKey = z.infer<typeof RotateApiKey>

const fields = {
  id: ApiKeyId,
  name: z.string(),
  prefix: z.string().meta({ description: 'What the key begins with, to tell it from others' }),
  mode: z.enum(API_KEY_MODES),
  scopes: z.array(z.enum(PARTNER_SCOPES)),
  allowedAddresses: z.array(z.string()),
  createdAt: z.iso.datetime(),
  createdBy: idSchema('user').nullable(),
  follows: ApiKeyId.nullable().meta({ description: 'The key that this one was rotated from' }),
  expiresAt: z.iso.datetime().nullable(),
  revokedAt: z.iso.datetime().nullable(),
  lastUsedAt: z.iso.datetime().nullable().meta({ description: 'Some seconds late' }),
}

export const ApiKey = z.strictObject(fields).meta({ id: 'ApiKey' })
export type ApiKey = z.infer<typeof ApiKey>
export const ApiKeyPage = pageOf(ApiKey, 'ApiKeyPage')

export const MadeApiKey = z
  .strictObject({
    ...fields,
    key: z
      .string()
      .optional()
      .meta({ description: 'The whole key. It is shown this once: a replay of the same Idempotency-Key is without it' }),
  })
  .meta({ id: 'MadeApiKey' })
export type MadeApiKey = z.infer<typeof MadeApiKey>

export const ApiKeysQuery = PageQuery
