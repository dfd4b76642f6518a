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
import { allowedReturn } from './return-urls.js'
import { asPlaced } from './order-row.js'
import { OrdersRepository, type Draft, type Placement, type Refusal, type StoredOrder } from './orders.repository.js'
import type { Order, OrderQuery, PlaceOrder } from './orders.schema.js'
import { Placing } from './placing.js'
import { Refusals } from './refusals.js'

export interface PlacedOrder {
  order: Order
  /** Whether an earlier request with the same key had placed it. */
  replayed: boolean
}

/** What a request under a key came to: an order, or a refusal that is told to whoever asks again. */
type Outcome = PlacedOrder | { readonly refusal: Refusal; readonly replayed: boolean }
type Keyed = Pick<Draft, 'buyerId' | 'key' | 'requestHash'>

const Cursor = z.tuple([idSchema('order')])
const SWITCHED_OFF_RETRY_S = 30

@Injectable()
export class OrdersService {
  /** Requests in hand by buyer and key: a duplicate joins the first. */
  private readonly inHand = new Map<string, { hash: Buffer; outcome: Promise<Outcome> }>()

  constructor(
    private readonly repository: OrdersRepository,
    private readonly placing: Placing,
    private readonly refusals: Refusals,
    private readonly carts: CartsService,
    private readonly flags: Flags,
    private readonly events: BusinessEvents,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Places an order: takes the stock and records the order, or changes nothing. One Idempotency-Key has one outcome, be it an order or a refusal.
   * @throws AppError orders.* for what stands against it, request.idempotency-key-reused for the key of another request
   */
  async place(buyerId: UserId, key: string, request: PlaceOrder): Promise<PlacedOrder> {
    const returnUrl = request.returnUrl && allowedReturn(request.returnUrl, this.config.orders.returnOrigins)
    if (request.returnUrl !== undefined && returnUrl === undefined) throw new AppError('orders.return-url-refused')
    const requestHash = createHash('sha256').update(JSON.stringify(request)).digest()
    const outcome = await this.once({ buyerId, key, requestHash }, { ...request, ...(returnUrl !== undefined && { returnUrl }) })
    if ('order' in outcome) return outcome
    const { refusal, replayed } = outcome
    throw new AppError(refusal.code, { isReplay: replayed, ...(refusal.extra === undefined ? {} : { extra: refusal.extra }) })
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

  /** A duplicate of a request in hand joins it. */
  private async once(keyed: Keyed, request: PlaceOrder): Promise<Outcome> {
    const id = `${keyed.buyerId} ${keyed.key}`
    const first = this.inHand.get(id)
    if (first !== undefined) {
      if (!first.hash.equals(keyed.requestHash)) throw new AppError('request.idempotency-key-reused')
      return { ...(await this.join(first.outcome)), replayed: true }
    }
    const outcome = this.placeNew(keyed, request).finally(() => this.inHand.delete(id))
    this.inHand.set(id, { hash: keyed.requestHash, outcome })
    return outcome
  }

  /** Waits for the first request with the same key, but not for ever. @throws AppError request.idempotency-in-progress */
  private async join(first: Promise<Outcome>): Promise<Outcome> {
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

  private async placeNew(keyed: Keyed, request: PlaceOrder): Promise<Outcome> {
    if (!this.flags.value('payments.enabled')) {
      const known = await this.repository.findByKey(keyed.buyerId, keyed.key)
      if (known === undefined) throw new AppError('payments.switched-off', { retryAfterS: SWITCHED_OFF_RETRY_S })
      return this.replay(known, keyed.requestHash)
    }
    const wanted = request.lines === undefined ? await this.cartLines(keyed.buyerId, request) : { lines: request.lines }
    if ('code' in wanted) return this.refuse(keyed, wanted)
    const draft: Draft = {
      id: newId('order'),
      ...keyed,
      lines: mergeLines(wanted.lines),
      deliveryAddress: request.deliveryAddress,
      paymentMethod: request.paymentMethod,
      returnUrl: request.returnUrl,
      cart: 'cart' in wanted ? wanted.cart : undefined,
      expectedTotalMinor: request.expectedTotalMinor,
      traceparent: currentContext()?.traceparent,
    }
    const placement = await this.placing.place(draft)
    if (placement.order === undefined) return this.refuse(keyed, refusalOf(draft, placement))
    this.events.orderPlaced(placement.order)
    this.flags.track('order.placed')
    await this.clearCart(keyed.buyerId, draft.cart)
    return { order: placement.order, replayed: false }
  }

  /** What is in the cart to order, or why it can't be ordered. */
  private async cartLines(buyerId: UserId, { cart }: PlaceOrder): Promise<Refusal | Pick<Draft, 'lines' | 'cart'>> {
    const stored = await this.carts.findStored(buyerId)
    if (stored === undefined || Object.keys(stored.lines).length === 0) return { code: 'orders.cart-empty' }
    if (stored.version !== cart?.version) return { code: 'orders.cart-changed' }
    const lines = Object.entries(stored.lines).map(([productId, quantity]) => ({ productId, quantity }) as Draft['lines'][number])
    return { lines, cart: { id: stored.cartId, version: stored.version } }
  }

  /**
   * The key's answer where this request could not be placed: the order that it has placed, also when the last piece is sold by now; what it was refused with before,
   * also when pieces are back by now; or else this refusal, from now on.
   */
  private async refuse(keyed: Keyed, refusal: Refusal): Promise<Outcome> {
    const stored = await this.refusals.remember({ ...keyed, refusal })
    if (stored === undefined) return this.replay(await this.requireByKey(keyed), keyed.requestHash)
    if (!stored.requestHash.equals(keyed.requestHash)) throw new AppError('request.idempotency-key-reused')
    if (!stored.isReplay && refusal.code === 'orders.out-of-stock') this.events.outOfStock(refusal.extra?.['productIds'] as string[])
    return { refusal: stored.refusal, replayed: stored.isReplay }
  }

  private async requireByKey({ buyerId, key }: Keyed): Promise<StoredOrder> {
    const known = await this.repository.findByKey(buyerId, key)
    if (known === undefined) throw new AppError('service.unavailable') // its person was erased in this very moment
    return known
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

/** The first of what stood against a draft. */
const refusalOf = (
  { expectedTotalMinor }: Draft,
  { missing, short, currencies, totalMinor, isOverLimit }: Placement & { order: undefined },
): Refusal => {
  if (missing.length > 0) return { code: 'orders.product-not-found', extra: { productIds: missing } }
  if (currencies.length > 1) return { code: 'orders.mixed-currencies', extra: { currencies } }
  if (short.length > 0) return { code: 'orders.out-of-stock', extra: { productIds: short } }
  if (expectedTotalMinor !== undefined && expectedTotalMinor !== totalMinor) return { code: 'orders.total-changed', extra: { totalMinor } }
  return { code: isOverLimit ? 'orders.too-many-unpaid' : 'orders.cart-already-ordered' }
}

/** One line a product, so that what is held of it is one number. */
const mergeLines = (lines: Draft['lines']): Draft['lines'] => {
  const quantities = new Map<Draft['lines'][number]['productId'], number>()
  for (const { productId, quantity } of lines) quantities.set(productId, (quantities.get(productId) ?? 0) + quantity)
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }))
}
