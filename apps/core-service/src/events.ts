import { Inject, Injectable } from '@nestjs/common'
import { idOf, type CancelReason } from '@catamaran/contracts'
import { causesOf, counter, LOGGER, logFields, type LabelsOf, type Logger, type RequestContext } from '@catamaran/platform'
import type { EndedHold } from './orders/orders.repository.js'
import type { Order } from './orders/orders.schema.js'
import type { Operation } from './payments/payments.repository.js'

export type PaymentOutcome = LabelsOf<'payments.operations'>['outcome']

/** What core-service tells of its business: metrics and log lines, one function each. */
@Injectable()
export class BusinessEvents {
  private readonly placed = counter('orders.placed')
  private readonly confirmed = counter('orders.confirmed')
  private readonly cancelled = counter('orders.cancelled')
  private readonly operations = counter('payments.operations')
  private readonly troubles = counter('payments.trouble')
  private readonly stockOuts = counter('orders.out_of_stock')

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

  orderCancelled(reason: CancelReason): void {
    this.cancelled.add(1, { reason })
  }

  sweepFailed(error: unknown): void {
    this.logger.warn({ causes: causesOf(error) }, 'orders could not be swept, trying again')
  }

  /** A payment operation that came to its end. */
  paymentEnded(kind: Operation['kind'], outcome: PaymentOutcome): void {
    this.operations.add(1, { kind, outcome })
    logFields({ outcome })
  }

  /** A call to the payment provider that came to something else than what was asked for. */
  paymentTrouble(kind: Operation['kind'], outcome: 'unknown' | 'refused', error: string): void {
    this.troubles.add(1, { kind, outcome })
    logFields({ outcome, error })
  }

  /** The one wide line of a payment operation each time it is taken up. */
  paymentTried({ id, orderId, kind, attempts }: Operation, { traceparent, fields }: RequestContext, durationMs: number): void {
    const isTrouble = fields.causes !== undefined || fields.outcome === 'unknown' || fields.outcome === 'failed'
    const level = fields.outcome === 'refused' ? 'error' : isTrouble ? 'warn' : 'info'
    const operationId = idOf('paymentOperation', id)
    const line = {
      requestId: operationId,
      trace: traceparent.slice(3, 35),
      operationId,
      orderId,
      kind,
      attempts,
      durationMs: Math.round(durationMs),
    }
    this.logger[level]({ ...line, ...fields }, 'payment operation')
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
