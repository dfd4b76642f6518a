import { randomUUID } from 'node:crypto'
import { newId, type OrderId, type PartnerId } from '@catamaran/contracts'
import { recordSecret } from '@catamaran/testing'
import type { Answer, Harness } from './harness.js'

/** One seller's part of an order. */
export const fulfilmentFacts = (partnerId: PartnerId | null, orderId: OrderId = newId('order')) => {
  const sellerId = newId('seller')
  return {
    ...{ fulfilmentId: newId('fulfilment'), orderId, sellerId, partnerId, currency: 'EUR' as const, itemsMinor: 300, shippingMinor: 500 },
    lines: [{ productId: newId('product'), sellerId, quantity: 3, unitPriceMinor: 100 }],
  }
}
export type FulfilmentFacts = ReturnType<typeof fulfilmentFacts>

export const paymentFacts = ({ fulfilmentId, orderId, sellerId, partnerId }: FulfilmentFacts) => ({
  ...{ orderId, fulfilmentId, sellerId, partnerId, currency: 'EUR' as const, amountMinor: 800 },
})

export interface Endpoint {
  readonly id: string
  readonly secret: string
}

/** A partner of its own, and how it calls. */
export const partnerOf = (harness: Harness, url: string, id: PartnerId = newId('partner')) => {
  const call = (method: string, path: string, body?: unknown): Promise<Answer> => harness.callAs(id, url, method, path, body)
  return {
    id,
    call,
    create: (
      target: string,
      events: readonly string[] = ['*'],
      idempotencyKey: string = randomUUID(),
      maxEndpoints = 10,
    ): Promise<Answer> => call('POST', '', { endpoint: { url: target, events }, maxEndpoints, idempotencyKey }),
    async endpoint(target: string, events?: readonly string[]): Promise<Endpoint> {
      const { body } = await this.create(target, events)
      recordSecret('webhook secret', body.endpoint.secret)
      return body.endpoint
    },
    created: (facts: FulfilmentFacts, sequence = 1) => harness.publish('orders.fulfilment.created.v1', facts.orderId, sequence, facts),
    shipped: (facts: FulfilmentFacts, sequence = 2) => harness.publish('orders.fulfilment.shipped.v1', facts.orderId, sequence, facts),
    captured: (facts: FulfilmentFacts, sequence = 3) =>
      harness.publish('orders.payment.captured.v1', facts.orderId, sequence, paymentFacts(facts)),
  }
}
