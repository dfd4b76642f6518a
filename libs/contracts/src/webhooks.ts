import { z } from 'zod'
import type { EventType } from './events.js'
import { idSchema } from './ids.js'
import { pageOf, PageQuery } from './page.js'

/** What of the events partners are told, and by which name. A body is frozen from the event: `{ type, timestamp, data }`. */
export const WEBHOOK_TYPES = {
  'orders.fulfilment.created.v1': 'fulfilment.created',
  'orders.fulfilment.shipped.v1': 'fulfilment.shipped',
  'orders.fulfilment.cancelled.v1': 'fulfilment.cancelled',
  'orders.return.requested.v1': 'return.requested',
  'orders.return.accepted.v1': 'return.accepted',
  'orders.return.refused.v1': 'return.refused',
  'orders.payment.captured.v1': 'payment.captured',
  'orders.payment.refunded.v1': 'payment.refunded',
} as const satisfies Partial<Record<EventType, string>>

/** Sent on request to one endpoint, whatever its filter. */
export const WEBHOOK_TEST = 'webhook.test'

const types = Object.values(WEBHOOK_TYPES)
export const WebhookType = z.enum([...types, WEBHOOK_TEST]).meta({ id: 'WebhookType' })
export type WebhookType = z.infer<typeof WebhookType>

/** A type, all of one thing, or everything. */
export const WebhookFilter = z
  .enum([...types, 'fulfilment.*', 'return.*', 'payment.*', '*'])
  .meta({ id: 'WebhookFilter', description: 'A type, all types of one thing (`fulfilment.*`), or all (`*`)' })
export type WebhookFilter = z.infer<typeof WebhookFilter>

const facts = {
  url: z
    .string()
    .min(1)
    .max(2_000)
    .meta({ description: 'https, port 443, a host name of the public internet', example: 'https://shop.example/hooks' }),
  description: z.string().max(200),
  events: z.array(WebhookFilter).min(1).max(20),
}

/** `POST /v1/partner/webhooks`. */
export const CreateWebhookEndpoint = z
  .strictObject({ ...facts, description: facts.description.default('') })
  .meta({ id: 'CreateWebhookEndpoint' })
export type CreateWebhookEndpoint = z.infer<typeof CreateWebhookEndpoint>

export const ChangeWebhookEndpoint = z
  .strictObject({ url: facts.url.optional(), description: facts.description.optional(), events: facts.events.optional() })
  .meta({ id: 'ChangeWebhookEndpoint' })
export type ChangeWebhookEndpoint = z.infer<typeof ChangeWebhookEndpoint>

/** Why an endpoint is off: its partner wanted it, it answered 410, or it failed for as long as deliveries are tried. */
export const DisabledReason = z.enum(['partner', 'gone', 'failing'])
export type DisabledReason = z.infer<typeof DisabledReason>

const endpoint = {
  id: idSchema('webhookEndpoint'),
  ...facts,
  status: z.enum(['enabled', 'disabled']),
  disabledReason: DisabledReason.nullable(),
  failingSince: z.iso.datetime().nullable().meta({ description: 'The first failure after the last success' }),
  oldSecretsEndAt: z.iso.datetime().nullable().meta({ description: 'Until then deliveries are signed with a rotated secret as well' }),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
}
export const WebhookEndpoint = z.strictObject(endpoint).meta({ id: 'WebhookEndpoint' })
export type WebhookEndpoint = z.infer<typeof WebhookEndpoint>
export const WebhookEndpointPage = pageOf(WebhookEndpoint, 'WebhookEndpointPage')
export type WebhookEndpointPage = z.infer<typeof WebhookEndpointPage>

/** An endpoint with a secret that was just made; a replay has none. */
export const NewWebhookEndpoint = z
  .strictObject({ ...endpoint, secret: z.string().optional().meta({ description: '`whsec_…`, shown this once: a replay is without it' }) })
  .meta({ id: 'NewWebhookEndpoint' })
export type NewWebhookEndpoint = z.infer<typeof NewWebhookEndpoint>

export const RotateWebhookSecret = z
  .strictObject({
    overlapSeconds: z
      .int()
      .min(0)
      .max(7 * 86_400)
      .default(86_400)
      .meta({ description: 'How long deliveries are signed with the old secrets as well' }),
  })
  .meta({ id: 'RotateWebhookSecret' })
export type RotateWebhookSecret = z.infer<typeof RotateWebhookSecret>

export const DeliveryStatus = z.enum(['waiting', 'delivered', 'dead'])
export type DeliveryStatus = z.infer<typeof DeliveryStatus>

const delivery = {
  id: idSchema('webhookDelivery'),
  endpointId: idSchema('webhookEndpoint'),
  eventId: idSchema('event').meta({ description: 'The `webhook-id` of every attempt' }),
  type: WebhookType,
  status: DeliveryStatus,
  attempts: z.int().min(0),
  deadReason: z.enum(['exhausted', 'gone', 'endpoint_disabled']).nullable(),
  nextAttemptAt: z.iso.datetime().nullable(),
  createdAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
}
export const WebhookDelivery = z.strictObject(delivery).meta({ id: 'WebhookDelivery' })
export type WebhookDelivery = z.infer<typeof WebhookDelivery>
export const WebhookDeliveryPage = pageOf(WebhookDelivery, 'WebhookDeliveryPage')
export type WebhookDeliveryPage = z.infer<typeof WebhookDeliveryPage>

const Headers = z.record(z.string(), z.string())

export const WebhookAttempt = z
  .strictObject({
    number: z.int().positive(),
    startedAt: z.iso.datetime(),
    durationMs: z.int().min(0),
    firstByteMs: z.int().min(0).nullable().meta({ description: 'Until the headers of the response were there' }),
    request: z.strictObject({ url: z.string(), headers: Headers }),
    response: z.strictObject({ status: z.int(), headers: Headers, body: z.string().meta({ description: 'Its first KiB' }) }).nullable(),
    failure: z.string().nullable().meta({ description: 'Why there is no good answer', example: 'timeout' }),
  })
  .meta({ id: 'WebhookAttempt' })
export type WebhookAttempt = z.infer<typeof WebhookAttempt>

export const WebhookDeliveryDetails = z
  .strictObject({ ...delivery, body: z.string(), log: z.array(WebhookAttempt).meta({ description: 'The last 50 attempts, oldest first' }) })
  .meta({ id: 'WebhookDeliveryDetails' })
export type WebhookDeliveryDetails = z.infer<typeof WebhookDeliveryDetails>

export const DeliveriesQuery = z.strictObject({ ...PageQuery.shape, status: DeliveryStatus.optional() })
export type DeliveriesQuery = z.infer<typeof DeliveriesQuery>

/** One delivery, or all of a time range, by when their events came. */
export const Redeliver = z
  .union([
    z.strictObject({ deliveryId: idSchema('webhookDelivery') }),
    z.strictObject({
      from: z.iso.datetime(),
      to: z.iso.datetime(),
      status: z.enum(['dead', 'any']).default('dead').meta({ description: 'Dead letters alone, or also what was delivered' }),
    }),
  ])
  .meta({ id: 'RedeliverWebhooks' })
export type Redeliver = z.infer<typeof Redeliver>

export const Redelivered = z
  .strictObject({ queued: z.int().min(0).meta({ description: 'How many are tried again; what waits already is not counted' }) })
  .meta({ id: 'RedeliveredWebhooks' })
export type Redelivered = z.infer<typeof Redelivered>

/** core-service to aux-service: what the partner's plan allows and the Idempotency-Key travel in the body. */
export const InnerCreateWebhook = z.strictObject({
  endpoint: CreateWebhookEndpoint,
  maxEndpoints: z.int().min(0),
  idempotencyKey: z.string().max(255),
})
export type InnerCreateWebhook = z.infer<typeof InnerCreateWebhook>
export const InnerCreatedWebhook = z.strictObject({ endpoint: NewWebhookEndpoint, isReplay: z.boolean() })
export type InnerCreatedWebhook = z.infer<typeof InnerCreatedWebhook>
