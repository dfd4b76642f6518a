import { Injectable } from '@nestjs/common'
import { decodeCursor, encodeCursor, idSchema, type Id, type Page } from '@catamaran/contracts'
import type { Queryable } from '@catamaran/data'
import { AppError, logFields } from '@catamaran/platform'
import { z } from 'zod'
import { PaidOrdersRepository } from '../orders/paid-orders.repository.js'
import { PaymentSignal } from '../payments/payment-signal.js'
import { StuckPaymentsRepository, type Found } from './stuck-payments.repository.js'
import type { PaymentOperation, StuckPaymentsQuery } from './stuck-payments.schema.js'

type OperationId = Id<'paymentOperation'>
const Cursor = z.tuple([idSchema('paymentOperation')])

/** Payment operations that need a person, and how one sets them going again. */
@Injectable()
export class StuckPaymentsService {
  constructor(
    private readonly repository: StuckPaymentsRepository,
    private readonly orders: PaidOrdersRepository,
    private readonly signal: PaymentSignal,
  ) {}

  /** A page of them. @throws AppError request.invalid-cursor */
  async list({ status, cursor, limit }: StuckPaymentsQuery): Promise<Page<PaymentOperation>> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor, Cursor)
    if (cursor !== undefined && after === undefined) throw new AppError('request.invalid-cursor')
    const found = await this.repository.list(status, after?.[0], limit + 1)
    const items = found.slice(0, limit)
    const last = items.at(-1)
    return { items, nextCursor: found.length > limit && last !== undefined ? encodeCursor([last.id]) : null }
  }

  /**
   * Sets an operation going. A refused one surely did not happen, so it is done anew under a fresh id; one that is put off is asked for at once under its own,
   * since it may have happened. Once more answers with what the first time made.
   * @throws AppError payments.operation-not-found; payments.operation-not-stuck when it has ended
   */
  async retry(id: OperationId): Promise<PaymentOperation> {
    const found = await this.repository.find(id)
    if (found === undefined) throw new AppError('payments.operation-not-found')
    const { orderId } = found.operation
    const retried = await this.orders.withLock(orderId, async (tx) => this.retryLocked(tx, (await this.repository.find(id, tx)) ?? found))
    if (retried === undefined) throw new AppError('payments.operation-not-found')
    this.signal.wake()
    return retried
  }

  private async retryLocked(tx: Queryable, { operation, replacedBy }: Found): Promise<PaymentOperation> {
    const { id, status } = operation
    const goneOnAs = replacedBy ?? (status === 'refused' ? await this.repository.replace(tx, id) : id)
    if (goneOnAs === id && status !== 'due' && status !== 'action_required') throw new AppError('payments.operation-not-stuck')
    if (goneOnAs === id) await this.repository.hasten(tx, id)
    logFields({ operationId: id, orderId: operation.orderId, goneOnAs })
    return ((await this.repository.find(goneOnAs, tx)) as Found).operation
  }
}
