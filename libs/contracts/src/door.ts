import { z } from 'zod'
import { idSchema } from './ids.js'

// What the gateway, as the door, asks of auth-service under /internal/gateway.

/** What a partner may use, and how much. A day is a UTC day. */
export const Plan = z
  .strictObject({
    id: z.string(),
    requestsPerSecond: z.number().positive().meta({ description: 'In the long run, by all keys and clients of a partner together' }),
    burst: z.int().positive().meta({ description: 'At once' }),
    requestsPerDay: z.int().positive(),
    maxApiKeys: z.int().positive(),
    maxWebhookEndpoints: z.int().positive(),
  })
  .meta({ id: 'Plan' })
export type Plan = z.infer<typeof Plan>

/**
 * A credential that must not work any more, although tokens made from it have not expired: a session (`sid`), an API key or client
 * (`client_id`), or all that a user or partner (`sub`) was given until then.
 */
export const Revocation = z.strictObject({
  sequence: z.int().positive(),
  kind: z.enum(['session', 'client', 'user', 'partner']),
  subject: z.string(),
  revokedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().meta({ description: 'When every token that it concerns has expired by itself' }),
})
export type Revocation = z.infer<typeof Revocation>

/** The Redis channel on which a message, whatever it says, means: there is a new revocation. */
export const REVOCATIONS_CHANNEL = 'auth:revocations'

/** `GET /internal/gateway/state?after=<sequence>`: the revocations since, and the plans as they are now. */
export const GatewayState = z.strictObject({
  last: z.int().min(0).meta({ description: 'The newest sequence there is; below `after` means: forget all and ask from 0' }),
  revocations: z.array(Revocation),
  plans: z.array(Plan),
})
export type GatewayState = z.infer<typeof GatewayState>

/** `POST /internal/gateway/api-keys`: whether a key is good, and the access token that stands for it inside. */
export const ExchangeApiKey = z.strictObject({ key: z.string().max(200) })
export const ApiKeyExchange = z.discriminatedUnion('accepted', [
  z.strictObject({
    accepted: z.literal(true),
    accessToken: z.string(),
    expiresAt: z.iso.datetime(),
    allowedAddresses: z.array(z.string()).meta({ description: 'CIDR blocks; empty: from anywhere' }),
  }),
  z.strictObject({ accepted: z.literal(false) }),
])
export type ApiKeyExchange = z.infer<typeof ApiKeyExchange>

/** `POST /internal/gateway/usage`: what partners have used since the last report; a report sent twice counts once. */
export const UsageReport = z.strictObject({
  reportId: z.uuid(),
  entries: z
    .array(
      z.strictObject({
        partnerId: idSchema('partner'),
        clientId: z.string().max(100).meta({ description: 'The API key or OAuth client' }),
        day: z.iso.date(),
        route: z.string().max(200).meta({ description: 'Method and path template' }),
        requests: z.int().positive(),
        errors: z.int().min(0).meta({ description: 'Of these, answers of 400 and above' }),
        lastAt: z.iso.datetime(),
      }),
    )
    .min(1)
    .max(1_000),
})
export type UsageReport = z.infer<typeof UsageReport>
