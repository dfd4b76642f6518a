import { Inject, Injectable } from '@nestjs/common'
import { metrics } from '@opentelemetry/api'
import { causesOf, LOGGER, logFields, type Logger } from '@catamaran/platform'
import type { Order } from './orders/orders.schema.js'

/** What core-service tells of its business: metrics and log lines, one function each. */
@Injectable()
export class BusinessEvents {
  private readonly meter = metrics.getMeter('catamaran')
  private readonly placed = this.meter.createCounter('orders.placed', { description: 'Orders placed' })
  private readonly expired = this.meter.createCounter('orders.expired', { description: 'Orders cancelled because their hold ended' })
  private readonly stockOuts = this.meter.createCounter('orders.out_of_stock', { description: 'Order lines refused for lack of stock' })

  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  orderPlaced(order: Order): void {
    this.placed.add(1)
    logFields({ orderId: order.id, totalMinor: order.total.amountMinor })
  }

  outOfStock(productIds: readonly string[]): void {
    this.stockOuts.add(productIds.length)
  }

  holdsExpired(orderIds: readonly string[]): void {
    this.expired.add(orderIds.length)
    this.logger.info({ orderIds }, 'holds expired')
  }

  expiryFailed(error: unknown): void {
    this.logger.warn({ causes: causesOf(error) }, 'holds could not be swept, trying again')
  }

  erasureFailed(error: unknown): void {
    this.logger.warn({ causes: causesOf(error) }, 'erasures could not go on, trying again')
  }

  cartNotCleared(error: unknown): void {
    this.logger.warn({ causes: causesOf(error) }, 'the cart of a placed order stays for now')
  }
}
