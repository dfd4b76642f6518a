import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Inject, Injectable } from '@nestjs/common'
import { decodeCursor, encodeCursor, idSchema, newId, type OrderForMail, type OrderId, type Page, type UserId } from '@catamaran/contracts'
import { Flags } from '@catamaran/flags'
import { AppError, currentContext } from '@catamaran/platform'
import { z } from 'zod'
import { CartsService } from '../carts/carts.service.js'
import { CONFIG, type Config } from '../config.js'
import { BusinessEvents } from '../events.js'
import { asPlaced } from './order-row.js'
import { OrdersRepository, type Draft, type Placement, type StoredOrder } from './orders.repository.js'
import type { Order, OrderQuery, PlaceOrder } from './orders.schema.js'
import { Placing } from './placing.js'

export interface PlacedOrder {
  order: Order
  /** Whether an earlier request with the same key had placed it. */
  replayed: boolean
}

const Cursor = z.tuple([idSchema('order')])
const SWITCHED_OFF_RETRY_S = 30

@Injectable()
export class OrdersService {
  /** Requests in hand by buyer and key: a duplicate joins the first. */
  private readonly inHand = new Map<string, { hash: Buffer; placed: Promise<PlacedOrder> }>()

  constructor(
    private readonly repository: OrdersRepository,
    private readonly placing: Placing,
    private readonly carts: CartsService,
    private readonly flags: Flags,
    private readonly events: BusinessEvents,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Places an order: takes the stock and records the order, or changes nothing. One Idempotency-Key has one outcome.
   * @throws AppError orders.* for what stands against it, request.idempotency-key-reused for the key of another request
   */
  async place(buyerId: UserId, key: string, request: PlaceOrder): Promise<PlacedOrder> {
    const hash = createHash('sha256').update(JSON.stringify(request)).digest()
    const id = `${buyerId} ${key}`
    const first = this.inHand.get(id)
    if (first !== undefined) {
      if (!first.hash.equals(hash)) throw new AppError('request.idempotency-key-reused')
      return { ...(await this.join(first.placed)), replayed: true }
    }
    const placed = this.placeNew(buyerId, key, hash, request).finally(() => this.inHand.delete(id))
    this.inHand.set(id, { hash, placed })
    return placed
  }

  /** A buyer's order. @throws AppError orders.not-found, also for somebody else's */
  async read(buyerId: UserId, id: OrderId): Promise<Order> {
    const order = await this.repository.findOfBuyer(buyerId, id)
    if (order === undefined) throw new AppError('orders.not-found')
    return order
  }

  /** What mails tell of those of these orders that there are. */
  async listForMail(ids: readonly OrderId[]): Promise<OrderForMail[]> {
    return (await this.repository.findAll(ids)).map(({ buyerId, address, order }) => {
      const { id, lines, shipping, total, cancelReason, payment, fulfilments, returns } = order
      return {
        ...{ id, buyerId, email: address?.email ?? null, language: address?.language ?? 'en' },
        ...{ shipping, total, cancelReason, actionUrl: payment.actionUrl },
        lines: lines.map(({ name, quantity, unitPrice }) => ({ name, quantity, unitPrice })),
        fulfilments: fulfilments.map((part) => ({ id: part.id, carrier: part.carrier, trackingNumber: part.trackingNumber })),
        returns: returns.map((each) => ({ id: each.id, refund: each.refund })),
      }
    })
  }

  async list(buyerId: UserId, { cursor, limit }: OrderQuery): Promise<Page<Order>> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor, Cursor)
    if (cursor !== undefined && after === undefined) throw new AppError('request.invalid-cursor')
    const orders = await this.repository.listOfBuyer(buyerId, after?.[0], limit + 1)
    const items = orders.slice(0, limit)
    const last = items.at(-1)
    return { items, nextCursor: orders.length > limit && last !== undefined ? encodeCursor([last.id]) : null }
  }

  /** Waits for the first request with the same key, but not for ever. @throws AppError request.idempotency-in-progress */
  private async join(first: Promise<PlacedOrder>): Promise<PlacedOrder> {
    const waiting = new AbortController()
    const late = delay(this.config.orders.joinMs, undefined, { signal: waiting.signal }).then(() => {
      throw new AppError('request.idempotency-in-progress', { retryAfterS: 1 })
    })
    try {
      return await Promise.race([first, late])
    } finally {
      waiting.abort()
    }
  }

  private async placeNew(buyerId: UserId, key: string, requestHash: Buffer, request: PlaceOrder): Promise<PlacedOrder> {
    if (!this.flags.value('payments.enabled')) {
      const known = await this.repository.findByKey(buyerId, key)
      if (known === undefined) throw new AppError('payments.switched-off', { retryAfterS: SWITCHED_OFF_RETRY_S })
      return this.replay(known, requestHash)
    }
    const wanted = request.lines === undefined ? await this.cartLines(buyerId, key, request, requestHash) : { lines: request.lines }
    if ('order' in wanted) return wanted
    const draft: Draft = {
      id: newId('order'),
      buyerId,
      key,
      requestHash,
      lines: mergeLines(wanted.lines),
      deliveryAddress: request.deliveryAddress,
      paymentMethod: request.paymentMethod,
      cart: 'cart' in wanted ? wanted.cart : undefined,
      expectedTotalMinor: request.expectedTotalMinor,
      traceparent: currentContext()?.traceparent,
    }
    const placement = await this.placing.place(draft)
    if (placement.order === undefined) return this.refuse(draft, placement)
    this.events.orderPlaced(placement.order)
    this.flags.track('order.placed')
    await this.clearCart(buyerId, draft.cart)
    return { order: placement.order, replayed: false }
  }

  /** What is in the cart to order; or the order itself, where this key had ordered a cart that is gone by now. */
  private async cartLines(
    buyerId: UserId,
    key: string,
    { cart }: PlaceOrder,
    requestHash: Buffer,
  ): Promise<PlacedOrder | Pick<Draft, 'lines' | 'cart'>> {
    const stored = await this.carts.findStored(buyerId)
    if (stored !== undefined && stored.version === cart?.version && Object.keys(stored.lines).length > 0) {
      const lines = Object.entries(stored.lines).map(([productId, quantity]) => ({ productId, quantity }) as Draft['lines'][number])
      return { lines, cart: { id: stored.cartId, version: stored.version } }
    }
    const known = await this.repository.findByKey(buyerId, key)
    if (known !== undefined) return this.replay(known, requestHash)
    throw new AppError(stored === undefined || Object.keys(stored.lines).length === 0 ? 'orders.cart-empty' : 'orders.cart-changed')
  }

  /** The key is looked up before any refusal: what it placed is its answer, also when the last piece is sold by now. */
  private async refuse(draft: Draft, refusal: Placement & { order: undefined }): Promise<PlacedOrder> {
    const known = await this.repository.findByKey(draft.buyerId, draft.key)
    if (known !== undefined) return this.replay(known, draft.requestHash)
    if (refusal.missing.length > 0) throw new AppError('orders.product-not-found', { extra: { productIds: refusal.missing } })
    if (refusal.currencies.length > 1) throw new AppError('orders.mixed-currencies', { extra: { currencies: refusal.currencies } })
    if (refusal.short.length > 0) {
      this.events.outOfStock(refusal.short)
      throw new AppError('orders.out-of-stock', { extra: { productIds: refusal.short } })
    }
    if (draft.expectedTotalMinor !== undefined && draft.expectedTotalMinor !== refusal.totalMinor) {
      throw new AppError('orders.total-changed', { extra: { totalMinor: refusal.totalMinor } })
    }
    throw new AppError('orders.cart-already-ordered')
  }

  /** The answer of the first request again: the order as it was placed, whatever became of it since. */
  private replay(known: StoredOrder, requestHash: Buffer): PlacedOrder {
    if (!known.requestHash.equals(requestHash)) throw new AppError('request.idempotency-key-reused')
    return { order: { ...known.order, ...asPlaced(known.order.total.currency), holdExpiresAt: known.firstHoldExpiresAt }, replayed: true }
  }

  /** The order stands whatever becomes of this: a cart that stays can't be ordered again at the same version. */
  private async clearCart(buyerId: UserId, cart: Draft['cart']): Promise<void> {
    if (cart === undefined) return
    await this.carts.clear(buyerId, cart.id, cart.version).catch((error: unknown) => this.events.cartNotCleared(error))
  }
}

/** One line a product, so that what is held of it is one number. */
const mergeLines = (lines: Draft['lines']): Draft['lines'] => {
  const quantities = new Map<Draft['lines'][number]['productId'], number>()
  for (const { productId, quantity } of lines) quantities.set(productId, (quantities.get(productId) ?? 0) + quantity)
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }))
}
