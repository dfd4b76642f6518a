import { z } from 'zod'
import { idOf, idSchema, type Id, type IdKind } from './ids.js'
import { Currency } from './money.js'

/** The Kafka topics and how many partitions each has. Every topic has a dead-letter topic beside it (`deadLetterTopic`). */
export const TOPICS = { identity: 6, catalogue: 6, orders: 12, webhooks: 6, erasure: 6 } as const
export type Topic = keyof typeof TOPICS
export const deadLetterTopic = (topic: string): string => `${topic}.dead`
/** The pattern of an `@EventPattern` method that takes the letters of all dead-letter topics, in batches. */
export const DEAD_LETTERS = 'dead-letters'

const OrderLine = z.object({
  productId: idSchema('product'),
  sellerId: idSchema('seller'),
  quantity: z.int().positive(),
  unitPriceMinor: z.int().min(0),
})
const orderFacts = {
  orderId: idSchema('order'),
  buyerId: idSchema('user'),
  currency: Currency,
  totalMinor: z.int().min(0).meta({ description: 'With shipping' }),
  lines: z.array(OrderLine).min(1),
}

/** Why an order was cancelled: not paid in time, declined, by its buyer, or given up by all its sellers. */
export const CancelReason = z.enum(['hold_expired', 'payment_declined', 'buyer', 'seller'])
export type CancelReason = z.infer<typeof CancelReason>

/** One seller's part of a confirmed order. It tells nothing of the other parts, since a partner's webhook carries it on. */
const partFacts = {
  orderId: idSchema('order'),
  fulfilmentId: idSchema('fulfilment'),
  sellerId: idSchema('seller'),
  partnerId: idSchema('partner').nullable(),
  currency: Currency,
}
const fulfilmentFacts = { ...partFacts, itemsMinor: z.int().min(0), shippingMinor: z.int().min(0), lines: z.array(OrderLine).min(1) }
const returnFacts = { ...partFacts, returnId: idSchema('return'), refundMinor: z.int().min(0), lines: z.array(OrderLine).min(1) }
const paymentFacts = { ...partFacts, amountMinor: z.int().positive() }

const event = <D extends z.ZodType>(topic: Topic, subject: IdKind, about: string, data: D) => ({ topic, subject, about, data })

/**
 * Every domain event: its CloudEvents `type`, the topic it travels on, the kind of its `subject` (the Kafka key) and the schema of its `data`. Payloads carry ids and amounts,
 * never personal data. A reader drops fields that it doesn't know, so that one may be added. A change of a schema that an old reader can't read needs a new `.vN`.
 */
export const EVENTS = {
  'identity.user.registered.v1': event(
    'identity',
    'user',
    'Somebody registered and confirmed the email address',
    z.object({ userId: idSchema('user') }),
  ),
  'identity.user.closed.v1': event(
    'identity',
    'user',
    'Somebody asked for the account to be erased: it is closed, and what others hold of the person has to go',
    z.object({ userId: idSchema('user') }),
  ),
  'identity.partner.changed.v1': event(
    'identity',
    'partner',
    'A partner that was approved once has another name or status. One that is not active sells nothing',
    z.object({ partnerId: idSchema('partner'), name: z.string().min(1).max(200), status: z.enum(['active', 'suspended', 'closed']) }),
  ),
  'erasure.person.erased.v1': event(
    'erasure',
    'user',
    'A service holds nothing of the person any more, and keeps a tombstone so that late events bring nothing back',
    z.object({ userId: idSchema('user'), service: z.enum(['core-service', 'aux-service']) }),
  ),
  'catalogue.product.changed.v1': event(
    'catalogue',
    'product',
    'What a product page shows has changed: text, price or availability',
    z.object({ productId: idSchema('product'), sellerId: idSchema('seller') }),
  ),
  'orders.order.placed.v1': event(
    'orders',
    'order',
    'An order was placed and its stock is held',
    z.object({ ...orderFacts, holdExpiresAt: z.iso.datetime() }),
  ),
  'orders.order.cancelled.v1': event(
    'orders',
    'order',
    'An order was cancelled and its stock given back',
    z.object({ ...orderFacts, reason: CancelReason }),
  ),
  'orders.order.confirmed.v1': event('orders', 'order', 'An order was paid for in time: its pieces are sold', z.object(orderFacts)),
  'orders.order.completed.v1': event(
    'orders',
    'order',
    'An order has ended well: all is shipped or given up, all money has moved, nothing can be returned any more',
    z.object({ orderId: idSchema('order'), buyerId: idSchema('user') }),
  ),
  'orders.fulfilment.created.v1': event('orders', 'order', 'A seller has something to ship', z.object(fulfilmentFacts)),
  'orders.fulfilment.shipped.v1': event('orders', 'order', 'A seller has shipped its part of an order', z.object(fulfilmentFacts)),
  'orders.fulfilment.cancelled.v1': event(
    'orders',
    'order',
    'A part of an order will not be shipped: its pieces are for sale again, its money is given up',
    z.object({ ...fulfilmentFacts, reason: z.enum(['buyer', 'seller']) }),
  ),
  'orders.return.requested.v1': event('orders', 'order', 'A buyer wants to send something back', z.object(returnFacts)),
  'orders.return.accepted.v1': event('orders', 'order', 'A seller took something back and pays for it', z.object(returnFacts)),
  'orders.return.refused.v1': event('orders', 'order', 'A seller did not take something back', z.object(returnFacts)),
  'orders.payment.action_required.v1': event(
    'orders',
    'order',
    'The buyer has to confirm the payment (3-D Secure), at the address that the order tells',
    z.object({ orderId: idSchema('order'), buyerId: idSchema('user') }),
  ),
  'orders.payment.captured.v1': event('orders', 'order', 'The money for a shipped part was taken', z.object(paymentFacts)),
  'orders.payment.refunded.v1': event('orders', 'order', 'Money for a returned part was paid back', z.object(paymentFacts)),
  'webhooks.endpoint.disabled.v1': event(
    'webhooks',
    'webhookEndpoint',
    "A partner's webhook endpoint was switched off because it is gone or went on failing",
    z.object({ endpointId: idSchema('webhookEndpoint'), partnerId: idSchema('partner'), reason: z.enum(['gone', 'failing']) }),
  ),
} as const

export type EventType = keyof typeof EVENTS
export type EventData<T extends EventType> = z.infer<(typeof EVENTS)[T]['data']>

/**
 * A CloudEvents 1.0 envelope. `subject` is the aggregate's id and the Kafka key; `sequence` (CloudEvents extension) is the aggregate's
 * version, so that a consumer can tell an old event from a new one.
 */
export interface DomainEvent<T extends EventType = EventType> {
  readonly id: string
  readonly type: T
  readonly source: string
  readonly subject: string
  readonly time: string
  readonly sequence: number
  readonly traceparent?: string | undefined
  /** Who made the change (CloudEvents extension): the id of a user, an API key, a client or a partner. Absent: the system itself. */
  readonly actor?: string | undefined
  readonly data: EventData<T>
}

const ID_FIELDS: Record<string, IdKind> = {
  orderId: 'order',
  buyerId: 'user',
  userId: 'user',
  productId: 'product',
  sellerId: 'seller',
  partnerId: 'partner',
  fulfilmentId: 'fulfilment',
  returnId: 'return',
  endpointId: 'webhookEndpoint',
}
const STORED_ID = new RegExp(
  `"(${Object.keys(ID_FIELDS).join('|')})"( ?: ?)"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"`,
  'g',
)

/**
 * Reads the payload of an event as a database statement wrote it: the same JSON, but with bare UUIDs where the wire has TypeIDs
 * (a statement that places a hundred orders can't make those). TypeIDs that are there already stay.
 */
export const readStoredData = (json: string): unknown =>
  JSON.parse(
    json.replace(STORED_ID, (found, key: string, colon: string, uuid: string) => {
      const kind = ID_FIELDS[key]
      return kind === undefined ? found : `"${key}"${colon}"${idOf(kind, uuid)}"`
    }),
  )

/** The subject of an event from the UUID that the database keeps. */
export const subjectOf = (type: EventType, uuid: string): Id<IdKind> => idOf(EVENTS[type].subject, uuid)
