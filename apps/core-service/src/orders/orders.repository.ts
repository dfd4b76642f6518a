import { Injectable } from '@nestjs/common'
import {
  idOf,
  uuidOf,
  type CancelReason,
  type Currency,
  type ErrorCode,
  type OrderId,
  type ProductId,
  type UserId,
} from '@catamaran/contracts'
import { Database } from '@catamaran/data'
import { currentActor, currentContext } from '@catamaran/platform'
import { END_HOLDS, EXPIRED_HOLDS, EXTEND_HOLDS } from './end-holds.sql.js'
import { taxIn } from '../money.js'
import { asPlaced, orderOf, type OrderRow } from './order-row.js'
import type { DeliveryAddress, Order, OrderHappening } from './orders.schema.js'
import { HAPPENINGS, ORDER_BY_KEY, ORDER_OF_BUYER, ORDERS_BY_ID, ORDERS_OF_BUYER, PLACE_ORDERS, REFUSE_ORDERS } from './orders.sql.js'

/** An order that somebody asks for, not placed yet. Lines name each product once. */
export interface Draft {
  readonly id: OrderId
  readonly buyerId: UserId
  readonly key: string
  readonly requestHash: Buffer
  readonly lines: readonly { readonly productId: ProductId; readonly quantity: number }[]
  readonly deliveryAddress: DeliveryAddress
  readonly paymentMethod: string
  readonly returnUrl?: string | undefined
  readonly cart?: { readonly id: string; readonly version: number } | undefined
  readonly expectedTotalMinor?: number | undefined
  readonly traceparent?: string | undefined
}

/** What placing a draft came to. A refusal tells all that was wrong; with none of it wrong, the key or the cart had been used, or the key was refused before. */
export type Placement =
  | { readonly order: Order }
  | {
      readonly order: undefined
      readonly missing: ProductId[]
      readonly short: ProductId[]
      readonly currencies: string[]
      readonly totalMinor: number
      /** The buyer has as many unpaid orders as they may. */
      readonly isOverLimit: boolean
    }

/** The problem that a request was answered with, to be told again. */
export interface Refusal {
  readonly code: ErrorCode
  readonly extra?: Record<string, unknown>
}

/** A request that is refused. */
export interface Refused extends Pick<Draft, 'buyerId' | 'key' | 'requestHash'> {
  readonly refusal: Refusal
}

/** A refusal as it is remembered under its key, and whether another request had been told of it before. */
export interface StoredRefusal {
  refusal: Refusal
  requestHash: Buffer
  isReplay: boolean
}

/** A product whose page has changed, and the version it has now. */
export type ChangedProduct = readonly [ProductId, number]

/** An order with what its replay is checked against. */
export interface StoredOrder {
  order: Order
  firstHoldExpiresAt: string
  requestHash: Buffer
  cart: { id: string; version: number } | undefined
}

interface PlacedRow {
  n: number
  product_id: string
  quantity: number
  seller_id: string
  name: string
  price_minor: number
  shipping_minor: number
  tax_basis_points: number
  currency: string
  is_known: boolean
  fits: boolean
  total_minor: number | null
  placed_at: Date | null
  hold_expires_at: Date | null
  changed_version: number | null
  is_over_limit: boolean
}

interface HappeningRow {
  version: number
  event: string
  to_status: Order['status']
  reason: CancelReason | null
  part_id: string | null
  at: Date
}

/** What ends a hold: see END_HOLDS. `operation` is the authorisation whose outcome is known now. */
export interface HoldEnd {
  readonly orderId: OrderId
  readonly event: 'paid' | 'declined' | 'hold_ended' | 'cancelled'
  readonly operation?: { readonly id: string; readonly paymentRef: string | undefined; readonly error: string | undefined } | undefined
}

export interface EndedHold {
  readonly orderId: OrderId
  readonly status: 'confirmed' | 'cancelled'
  readonly reason: CancelReason | null
}

@Injectable()
export class OrdersRepository {
  constructor(private readonly database: Database) {}

  /** Places the drafts in one statement, each all or nothing. Answers one placement a draft, in their order. */
  async place(
    drafts: readonly Draft[],
    { holdMs, release, maxUnpaid }: { holdMs: number; release: string; maxUnpaid: number },
  ): Promise<{ placements: Placement[]; changed: ChangedProduct[] }> {
    const lines = drafts.flatMap((draft, index) => draft.lines.map((line, lineIndex) => ({ n: index + 1, lineNo: lineIndex + 1, ...line })))
    const rows = await this.database.query<PlacedRow>(PLACE_ORDERS, [
      lines.map(({ n }) => n),
      lines.map(({ lineNo }) => lineNo),
      lines.map(({ productId }) => uuidOf(productId)),
      lines.map(({ quantity }) => quantity),
      drafts.map(({ id }) => uuidOf(id)),
      drafts.map(({ buyerId }) => uuidOf(buyerId)),
      drafts.map(({ key }) => key),
      drafts.map(({ requestHash }) => requestHash),
      drafts.map(({ cart }) => cart?.id),
      drafts.map(({ cart }) => cart?.version),
      drafts.map(({ deliveryAddress }) => JSON.stringify(deliveryAddress)),
      drafts.map(({ paymentMethod }) => paymentMethod),
      drafts.map(({ expectedTotalMinor }) => expectedTotalMinor),
      drafts.map(({ traceparent }) => traceparent),
      holdMs,
      release,
      drafts.map(({ buyerId }) => buyerId),
      maxUnpaid,
      drafts.map(({ returnUrl }) => returnUrl),
    ])
    const byDraft = Map.groupBy(rows, ({ n }) => n)
    return {
      placements: drafts.map((draft, index) => placementOf(draft, byDraft.get(index + 1) ?? [])),
      changed: rows.flatMap((row) =>
        row.changed_version === null ? [] : [[idOf('product', row.product_id), row.changed_version] as const],
      ),
    }
  }

  /** Orders whose hold has ended by now, at most `limit`. */
  async listExpired(limit: number): Promise<OrderId[]> {
    return (await this.database.query<{ id: string }>(EXPIRED_HOLDS, [limit])).map(({ id }) => idOf('order', id))
  }

  /** Holds that have less than half of `holdMs` left get all of it again, from now; at most `limit`. @returns how many */
  async extendHolds(limit: number, holdMs: number): Promise<number> {
    return (await this.database.query(EXTEND_HOLDS, [limit, holdMs])).length
  }

  /** Ends holds, each order once. Answers only the orders that it changed. */
  async endHolds(ends: readonly HoldEnd[], release: string): Promise<{ ended: EndedHold[]; changed: ChangedProduct[] }> {
    const rows = await this.database.query<{
      id: string
      to_status: EndedHold['status'] | null
      reason: CancelReason | null
      changed_version: number | null
    }>(END_HOLDS, [
      ends.map(({ orderId }) => uuidOf(orderId)),
      ends.map(({ event }) => event),
      ends.map(({ operation }) => operation?.id),
      ends.map(({ operation }) => operation?.paymentRef),
      ends.map(({ operation }) => operation?.error),
      release,
      ends.map(({ event }) => (event === 'cancelled' ? currentActor() : undefined)),
      ends.map(() => currentContext()?.traceparent),
    ])
    return {
      ended: rows.flatMap(({ id, to_status, reason }) =>
        to_status === null ? [] : [{ orderId: idOf('order', id), status: to_status, reason }],
      ),
      changed: rows.flatMap(({ id, changed_version }) =>
        changed_version === null ? [] : [[idOf('product', id), changed_version] as const],
      ),
    }
  }

  async findOfBuyer(buyerId: UserId, id: OrderId): Promise<Order | undefined> {
    const [row] = await this.database.query<OrderRow>(ORDER_OF_BUYER, [uuidOf(id), uuidOf(buyerId)])
    return row && orderOf(row)
  }

  /** Orders and whose they are, in no order; the address is null once that person was erased. */
  async findAll(ids: readonly OrderId[]): Promise<{ buyerId: UserId; order: Order; address: DeliveryAddress | null }[]> {
    const rows = await this.database.query<OrderRow>(ORDERS_BY_ID, [ids.map(uuidOf)])
    return rows.map((row) => ({ buyerId: idOf('user', row.buyer_id), order: orderOf(row), address: row.delivery_address }))
  }

  /** The order that a buyer placed with this Idempotency-Key. */
  async findByKey(buyerId: UserId, key: string): Promise<StoredOrder | undefined> {
    const [row] = await this.database.query<OrderRow>(ORDER_BY_KEY, [uuidOf(buyerId), key])
    return (
      row && {
        order: orderOf(row),
        firstHoldExpiresAt: row.first_hold_expires_at.toISOString(),
        requestHash: row.request_hash,
        cart: row.cart_id === null || row.cart_version === null ? undefined : { id: row.cart_id, version: row.cart_version },
      }
    )
  }

  /**
   * Remembers that requests were refused. What a key was refused with first is what holds; a key that has placed an order meanwhile is not refused.
   * @returns what is remembered of each now, in their order; undefined where there is an order
   */
  async refuse(refused: readonly Refused[]): Promise<(StoredRefusal | undefined)[]> {
    const rows = await this.database.query<{ n: number; request_hash: Buffer; problem: Refusal; is_replay: boolean }>(REFUSE_ORDERS, [
      refused.map(({ buyerId }) => uuidOf(buyerId)),
      refused.map(({ key }) => key),
      refused.map(({ requestHash }) => requestHash),
      refused.map(({ refusal }) => JSON.stringify(refusal)),
    ])
    const byNumber = new Map(rows.map((row) => [row.n, row]))
    return refused.map((_, index) => {
      const row = byNumber.get(index + 1)
      return row && { refusal: row.problem, requestHash: row.request_hash, isReplay: row.is_replay }
    })
  }

  /** What has happened to an order since a version, in order; a hundred at most. */
  async listHappenings(id: OrderId, after: number): Promise<OrderHappening[]> {
    const rows = await this.database.query<HappeningRow>(HAPPENINGS, [uuidOf(id), after])
    return rows.map(({ version, event, to_status, reason, part_id, at }) => ({
      orderId: id,
      version,
      event,
      status: to_status,
      reason,
      partId: part_id === null ? null : idOf(/^return|refunded$/.test(event) ? 'return' : 'fulfilment', part_id),
      at: at.toISOString(),
    }))
  }

  /** A buyer's orders, newest first, after the one that `after` names. */
  async listOfBuyer(buyerId: UserId, after: OrderId | undefined, limit: number): Promise<Order[]> {
    return (await this.database.query<OrderRow>(ORDERS_OF_BUYER, [uuidOf(buyerId), after && uuidOf(after), limit])).map(orderOf)
  }
}

const placementOf = (draft: Draft, rows: PlacedRow[]): Placement => {
  const [first] = rows
  if (first?.placed_at == null || first.hold_expires_at === null || first.total_minor === null) {
    const idsWhere = (wrong: (row: PlacedRow) => boolean): ProductId[] => rows.filter(wrong).map((row) => idOf('product', row.product_id))
    return {
      order: undefined,
      missing: idsWhere((row) => !row.is_known),
      short: idsWhere((row) => row.is_known && !row.fits),
      currencies: [...new Set(rows.filter((row) => row.is_known).map((row) => row.currency))],
      totalMinor: rows.reduce((sum, row) => sum + row.price_minor * row.quantity + row.shipping_minor, 0),
      isOverLimit: rows.some((row) => row.is_over_limit),
    }
  }
  const currency = first.currency as Currency
  const money = (amountMinor: number) => ({ amountMinor, currency })
  const shippingMinor = rows.reduce((sum, row) => sum + row.shipping_minor, 0)
  const taxMinor = rows.reduce(
    (sum, row) => sum + taxIn(row.price_minor * row.quantity, row.tax_basis_points) + taxIn(row.shipping_minor, row.tax_basis_points),
    0,
  )
  return {
    order: {
      id: draft.id,
      lines: rows.map((row, index) => ({
        productId: draft.lines[index]?.productId ?? idOf('product', row.product_id),
        sellerId: idOf('seller', row.seller_id),
        name: row.name,
        quantity: row.quantity,
        unitPrice: money(row.price_minor),
        tax: money(taxIn(row.price_minor * row.quantity, row.tax_basis_points)),
      })),
      shipping: money(shippingMinor),
      tax: money(taxMinor),
      total: money(first.total_minor),
      ...asPlaced(currency),
      deliveryAddress: draft.deliveryAddress,
      holdExpiresAt: first.hold_expires_at.toISOString(),
      placedAt: first.placed_at.toISOString(),
    },
  }
}
