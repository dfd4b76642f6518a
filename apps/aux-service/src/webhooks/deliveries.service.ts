import { Injectable } from '@nestjs/common'
import {
  decodeCursor,
  encodeCursor,
  newId,
  uuidOf,
  WEBHOOK_TEST,
  type DeliveriesQuery,
  type Id,
  type PartnerId,
  type Redeliver,
  type Redelivered,
  type WebhookDelivery,
  type WebhookDeliveryDetails,
  type WebhookDeliveryPage,
} from '@catamaran/contracts'
import { AppError } from '@catamaran/platform'
import { z } from 'zod'
import { DeliveriesRepository } from './deliveries.repository.js'
import { Delivering } from './delivering.js'
import { EndpointsService } from './endpoints.service.js'

type EndpointId = Id<'webhookEndpoint'>

const Cursor = z.tuple([z.int()])
const MOST_AT_ONCE = 10_000

/** What partners see of their deliveries, and what they can have sent. Another partner's endpoint is not found. */
@Injectable()
export class DeliveriesService {
  constructor(
    private readonly repository: DeliveriesRepository,
    private readonly endpoints: EndpointsService,
    private readonly delivering: Delivering,
  ) {}

  /** Sends `webhook.test`. @throws AppError webhooks.endpoint-not-found, webhooks.endpoint-disabled */
  async test(partner: PartnerId, id: EndpointId): Promise<WebhookDelivery> {
    await this.requireEnabled(partner, id)
    const body = JSON.stringify({ type: WEBHOOK_TEST, timestamp: new Date().toISOString(), data: { endpointId: id } })
    const delivery = await this.repository.insert(uuidOf(id), uuidOf(newId('event')), WEBHOOK_TEST, body)
    this.delivering.wake()
    return delivery
  }

  /** @throws AppError webhooks.endpoint-not-found, request.invalid-cursor */
  async list(partner: PartnerId, id: EndpointId, { cursor, limit, status }: DeliveriesQuery): Promise<WebhookDeliveryPage> {
    await this.endpoints.read(partner, id)
    const before = cursor === undefined ? undefined : decodeCursor(cursor, Cursor)
    if (cursor !== undefined && before === undefined) throw new AppError('request.invalid-cursor')
    const found = await this.repository.list(uuidOf(id), before?.[0], limit + 1, status)
    const shown = found.slice(0, limit)
    const last = shown.at(-1)
    return {
      items: shown.map(({ delivery }) => delivery),
      nextCursor: found.length > limit && last !== undefined ? encodeCursor([last.place]) : null,
    }
  }

  /** @throws AppError webhooks.endpoint-not-found, webhooks.delivery-not-found */
  async read(partner: PartnerId, id: EndpointId, deliveryId: Id<'webhookDelivery'>): Promise<WebhookDeliveryDetails> {
    await this.endpoints.read(partner, id)
    const found = await this.repository.find(uuidOf(id), uuidOf(deliveryId))
    if (found === undefined) throw new AppError('webhooks.delivery-not-found')
    return { ...found, log: await this.repository.listAttempts(uuidOf(deliveryId)) }
  }

  /**
   * Queues again what was delivered or is dead, under the same `webhook-id`. What waits already is tried at once, and not twice.
   * @throws AppError webhooks.endpoint-not-found, webhooks.endpoint-disabled, webhooks.delivery-not-found, webhooks.range-too-large
   */
  async redeliver(partner: PartnerId, id: EndpointId, asked: Redeliver): Promise<Redelivered> {
    await this.requireEnabled(partner, id)
    const queued =
      'deliveryId' in asked ? await this.redeliverOne(uuidOf(id), uuidOf(asked.deliveryId)) : await this.redeliverRange(uuidOf(id), asked)
    this.delivering.wake()
    return { queued }
  }

  private async redeliverOne(endpointId: string, id: string): Promise<number> {
    if ((await this.repository.find(endpointId, id)) === undefined) throw new AppError('webhooks.delivery-not-found')
    return (await this.repository.redeliver(endpointId, id)) ? 1 : 0
  }

  private async redeliverRange(endpointId: string, { from, to, status }: Extract<Redeliver, { from: string }>): Promise<number> {
    const range = { from, to, statuses: status === 'any' ? (['dead', 'delivered'] as const) : (['dead'] as const) }
    if ((await this.repository.countRange(endpointId, range, MOST_AT_ONCE + 1)) > MOST_AT_ONCE)
      throw new AppError('webhooks.range-too-large')
    return this.repository.redeliverRange(endpointId, range)
  }

  private async requireEnabled(partner: PartnerId, id: EndpointId): Promise<void> {
    if ((await this.endpoints.read(partner, id)).status === 'disabled') throw new AppError('webhooks.endpoint-disabled')
  }
}
