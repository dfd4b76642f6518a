import { Injectable } from '@nestjs/common'
import { idOf, newId, uuidOf, type OrderId } from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'
import type { OrderStatus } from '../orders/orders.schema.js'
import { FINISH, HASTEN_NEXT, HASTEN_WAITING, LEASE, NEEDS_ACTION, PUT_OFF, RENEW } from './payments.sql.js'

/** A leased operation with what its call needs. `id` is a UUID: the Idempotency-Key. */
export interface Operation {
  readonly id: string
  readonly orderId: OrderId
  readonly kind: 'authorise' | 'capture' | 'void' | 'refund'
  readonly amountMinor: number
  readonly partId: string | null
  readonly status: 'due' | 'action_required'
  readonly attempts: number
  readonly currency: string
  readonly orderStatus: OrderStatus
  readonly paymentMethod: string | null
  /** Where the buyer comes back to after 3-D Secure. */
  readonly returnUrl: string | undefined
  /** The provider's payment: of an authorisation that waits for the buyer, else the one that the money is taken from or paid back to. */
  readonly paymentRef: string | undefined
  /** The trace of the request that it came of. */
  readonly traceparent: string | undefined
}

interface LeasedRow {
  id: string
  order_id: string
  kind: Operation['kind']
  amount_minor: number
  part_id: string | null
  status: Operation['status']
  payment_ref: string | null
  attempts: number
  currency: string
  order_status: OrderStatus
  payment_method: string | null
  return_url: string | null
  authorised_ref: string | null
  captured_ref: string | null
  traceparent: string | null
}

const refOf = (row: LeasedRow): string | null => {
  if (row.kind === 'authorise') return row.payment_ref
  return row.kind === 'refund' ? row.captured_ref : row.authorised_ref
}

const operationOf = (row: LeasedRow): Operation => ({
  id: row.id,
  orderId: idOf('order', row.order_id),
  kind: row.kind,
  amountMinor: row.amount_minor,
  partId: row.part_id,
  status: row.status,
  attempts: row.attempts,
  currency: row.currency,
  orderStatus: row.order_status,
  paymentMethod: row.payment_method,
  returnUrl: row.return_url ?? undefined,
  paymentRef: refOf(row) ?? undefined,
  traceparent: row.traceparent ?? undefined,
})

@Injectable()
export class PaymentsRepository {
  constructor(private readonly database: Database) {}

  async lease(limit: number, release: string, leaseMs: number): Promise<Operation[]> {
    return (await this.database.query<LeasedRow>(LEASE, [limit, release, leaseMs])).map(operationOf)
  }

  /** Not before `waitMs` from now. */
  async putOff(id: string, waitMs: number, error?: string): Promise<void> {
    await this.database.query(PUT_OFF, [id, Math.round(waitMs), error])
  }

  /** Ends an operation within a transaction that has its order's lock, and makes the next one due. @returns whether it was not ended before */
  async finish(
    tx: Queryable,
    { id, status, error, paymentRef }: { id: string; status: 'succeeded' | 'skipped' | 'refused'; error?: string; paymentRef?: string },
  ): Promise<boolean> {
    const [row] = await tx.query<{ order_id: string; seq: number }>(FINISH, [id, status, error, paymentRef])
    if (row !== undefined && status !== 'refused') await tx.query(HASTEN_NEXT, [row.order_id, row.seq])
    return row !== undefined
  }

  /** @returns whether it is news that the buyer has to confirm */
  async needsAction(tx: Queryable, id: string, paymentRef: string, url: string): Promise<boolean> {
    return (await tx.query(NEEDS_ACTION, [id, paymentRef, url])).length > 0
  }

  /** Replaces a capture whose authorisation has expired, within a transaction that has its order's lock. */
  async renew(tx: Queryable, id: string, release: string): Promise<void> {
    await tx.query(RENEW, [id, uuidOf(newId('paymentOperation')), uuidOf(newId('paymentOperation')), release])
  }

  async hastenWaiting(orderId: OrderId): Promise<void> {
    await this.database.query(HASTEN_WAITING, [uuidOf(orderId)])
  }
}
