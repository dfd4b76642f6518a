import { Inject, Injectable } from '@nestjs/common'
import { metrics } from '@opentelemetry/api'
import { causesOf, LOGGER, logFields, type Logger } from '@catamaran/platform'
import type { EndedHold } from './orders/orders.repository.js'
import type { Order } from './orders/orders.schema.js'

/** What core-service tells of its business: metrics and log lines, one function each. */
@Injectable()
export class BusinessEvents {
  private readonly meter = metrics.getMeter('catamaran')
  private readonly placed = this.meter.createCounter('orders.placed', { description: 'Orders placed' })
  private readonly confirmed = this.meter.createCounter('orders.confirmed', { description: 'Orders paid for in time' })
  private readonly cancelled = this.meter.createCounter('orders.cancelled', { description: 'Orders cancelled, by reason' })
  private readonly troubles = this.meter.createCounter('payments.trouble', { description: 'Calls to the payment provider without success' })
  private readonly stockOuts = this.meter.createCounter('orders.out_of_stock', { description: 'Order lines refused for lack of stock' })

  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  orderPlaced(order: Order): void {
    this.placed.add(1)
    logFields({ orderId: order.id, totalMinor: order.total.amountMinor })
  }

  outOfStock(productIds: readonly string[]): void {
    this.stockOuts.add(productIds.length)
  }

  holdsEnded(ended: readonly EndedHold[]): void {
    const byReason = Map.groupBy(ended, ({ reason }) => reason)
    for (const [reason, orders] of byReason) {
      if (reason === null) this.confirmed.add(orders.length)
      else this.cancelled.add(orders.length, { reason })
    }
    const expired = byReason.get('hold_expired')
    if (expired !== undefined) this.logger.info({ orderIds: expired.map(({ orderId }) => orderId) }, 'holds expired')
  }

  holdsExtended(count: number): void {
    this.logger.warn({ holds: count }, 'holds extended, because payments are switched off')
  }

  orderCancelled(reason: string): void {
    this.cancelled.add(1, { reason })
  }

  sweepFailed(error: unknown): void {
    this.logger.warn({ causes: causesOf(error) }, 'orders could not be swept, trying again')
  }

  /** One call to the payment provider that came to something else than what was asked for. */
  paymentTrouble(fields: { operationId: string; orderId: string; kind: string; attempts: number; outcome: string; error: string }): void {
    this.troubles.add(1, { kind: fields.kind, outcome: fields.outcome })
    this.logger[fields.outcome === 'refused' ? 'error' : 'warn'](fields, 'payment operation')
  }

  paymentsFailed(error: unknown): void {
    this.logger.warn({ causes: causesOf(error) }, 'payment operations could not be gone on with, trying again')
  }

  erasureFailed(error: unknown): void {
    this.logger.warn({ causes: causesOf(error) }, 'erasures could not go on, trying again')
  }

  cartNotCleared(error: unknown): void {
    this.logger.warn({ causes: causesOf(error) }, 'the cart of a placed order stays for now')
  }
}
