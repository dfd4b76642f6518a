import { Injectable } from '@nestjs/common'
import { newId, type FulfilmentId, type OrderId, type PartnerId, type ReturnId, type UserId } from '@catamaran/contracts'
import { Idempotency, Outbox, type Outcome } from '@catamaran/messaging'
import { AppError } from '@catamaran/platform'
import { ProductCache } from '../catalogue/product-cache.js'
import { BusinessEvents } from '../events.js'
import { PaymentSignal } from '../payments/payment-signal.js'
import { Holds } from './holds.js'
import { cancelPart, cancelRest, complete, decideReturn, requestReturn, ship, type Change } from './order-rules.js'
import type { OrderReturn, RequestReturn } from './orders.schema.js'
import type { LockedOrder } from './locked-order.js'
import { PaidOrdersRepository } from './paid-orders.repository.js'

/** What buyers and sellers do with an order after it was placed. The rules stand in order-rules.ts; each command holds the order's lock. */
@Injectable()
export class PaidOrdersService {
  constructor(
    private readonly repository: PaidOrdersRepository,
    private readonly holds: Holds,
    private readonly outbox: Outbox,
    private readonly cache: ProductCache,
    private readonly payments: PaymentSignal,
    private readonly events: BusinessEvents,
    private readonly idempotency: Idempotency,
  ) {}

  /**
   * A buyer cancels an order, or what of it was not shipped yet. What is cancelled already stays so.
   * @throws AppError orders.not-found, orders.not-cancellable
   */
  async cancel(buyerId: UserId, id: OrderId): Promise<void> {
    await this.holdsEnded(buyerId, id)
    await this.change(id, 'orders.not-found', (order) => cancelRest(ownedBy(buyerId, order)))
  }

  /** Asks for a return, once for a key. @throws AppError orders.not-found, fulfilments.not-found, returns.not-possible */
  async requestReturn(
    buyerId: UserId,
    id: OrderId,
    key: string | undefined,
    { fulfilmentId, lines, reason }: RequestReturn,
  ): Promise<Outcome<OrderReturn, OrderReturn>> {
    const asked = { id: newId('return'), partId: fulfilmentId, lines, reason: reason ?? null }
    const keyed = { caller: buyerId, operation: 'orders.return', key, request: { id, fulfilmentId, lines, reason } }
    const outcome = await this.repository.withLock(id, (tx, order) =>
      this.idempotency.once(tx, keyed, async () => {
        const changes = requestReturn(ownedBy(buyerId, order), { ...asked, now: order.now })
        await this.repository.write(tx, order, changes)
        return returnOf(order, changes)
      }),
    )
    if (outcome === undefined) throw new AppError('orders.not-found')
    if (!outcome.isReplay) this.outbox.wake()
    return outcome
  }

  /** @throws AppError fulfilments.not-found, fulfilments.wrong-status */
  async ship(partnerId: PartnerId, id: FulfilmentId, carrier: string, trackingNumber: string | null): Promise<void> {
    await this.changePart(partnerId, id, (order) => ship(order, id, carrier, trackingNumber))
  }

  /** @throws AppError fulfilments.not-found, fulfilments.wrong-status */
  async cancelPart(partnerId: PartnerId, id: FulfilmentId): Promise<void> {
    await this.changePart(partnerId, id, (order) => cancelPart(order, id))
  }

  /** @throws AppError returns.not-found, returns.wrong-status */
  async decideReturn(partnerId: PartnerId, id: ReturnId, event: 'accept' | 'refuse', isRestocked: boolean): Promise<void> {
    const orderId = await this.repository.findOfReturn(id, partnerId)
    if (orderId === undefined) throw new AppError('returns.not-found')
    await this.change(orderId, 'returns.not-found', (order) => decideReturn(order, id, event, isRestocked))
  }

  /** Completes shipped orders that nothing can come back of. @returns how many were looked at */
  async complete(limit: number): Promise<number> {
    const ids = await this.repository.listCompletable(limit)
    for (const id of ids) await this.change(id, 'orders.not-found', (order) => complete(order, order.now))
    return ids.length
  }

  /** Cancels an order that isn't paid yet, if it is the buyer's and is still pending. */
  private async holdsEnded(buyerId: UserId, id: OrderId): Promise<void> {
    const isPending = await this.repository.withLock(id, async (_tx, order) => ownedBy(buyerId, order).status === 'pending_payment')
    if (isPending) await this.holds.end([{ orderId: id, event: 'cancelled' }])
  }

  private async changePart(partnerId: PartnerId, id: FulfilmentId, decide: (order: LockedOrder) => Change[]): Promise<void> {
    const orderId = await this.repository.findOfPart(id, partnerId)
    if (orderId === undefined) throw new AppError('fulfilments.not-found')
    await this.change(orderId, 'fulfilments.not-found', decide)
  }

  private async change(
    id: OrderId,
    missing: 'orders.not-found' | 'fulfilments.not-found' | 'returns.not-found',
    decide: (order: LockedOrder) => Change[],
  ): Promise<void> {
    const done = await this.repository.withLock(id, async (tx, order) => {
      const changes = decide(order)
      return { changes, changed: await this.repository.write(tx, order, changes) }
    })
    if (done === undefined) throw new AppError(missing)
    if (done.changes.length === 0) return
    this.outbox.wake()
    this.payments.wake()
    this.cache.announce(done.changed)
    const ended = done.changes.find((change) => change.kind === 'order')
    if (ended?.to === 'cancelled') this.events.orderCancelled(ended.reason ?? 'seller')
  }
}

const returnOf = (order: LockedOrder, changes: readonly Change[]): OrderReturn => {
  const change = changes.find(({ kind }) => kind === 'return')
  if (change?.kind !== 'return') throw new Error('a return that was asked for has no change')
  const { id, partId, lines, refundMinor } = change.asked
  return {
    ...{ id, fulfilmentId: partId, status: 'requested', lines: [...lines], refund: { amountMinor: refundMinor, currency: order.currency } },
    requestedAt: new Date(order.now).toISOString(),
  }
}

/** Somebody else's order is not there. */
const ownedBy = (buyerId: UserId, order: LockedOrder): LockedOrder => {
  if (order.buyerId !== buyerId) throw new AppError('orders.not-found')
  return order
}
