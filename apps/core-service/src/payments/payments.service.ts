import { createHmac, timingSafeEqual } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import { idOf, idSchema } from '@catamaran/contracts'
import type { Queryable } from '@catamaran/data'
import { Outbox } from '@catamaran/messaging'
import { AppError, Groups, logFields } from '@catamaran/platform'
import { z } from 'zod'
import { CONFIG, type Config } from '../config.js'
import { BusinessEvents, type PaymentOutcome } from '../events.js'
import { Holds } from '../orders/holds.js'
import type { HoldEnd } from '../orders/orders.repository.js'
import type { LockedOrder } from '../orders/locked-order.js'
import { PaidOrdersRepository, partFacts, type Happening } from '../orders/paid-orders.repository.js'
import { PaymentsRepository, type Operation } from './payments.repository.js'
import { PspClient, type Answer, type Payment } from './psp-client.js'

const MAX_WAIT_MS = 60_000
/** How often a payment that waits for its buyer is asked for; the provider's callback makes it sooner. */
const ACTION_WAIT_MS = 5_000
const MAX_GROUP = 128
/** What the provider refuses because of what the buyer gave: no failure of ours. */
const BUYERS_FAULT = new Set(['payment_method_unknown'])
const SIGNATURE = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/
const MAX_SIGNATURE_AGE_S = 300

const ROUTES = { capture: 'captures', void: 'voids', refund: 'refunds' } as const
const CallbackBody = z.object({ payment: z.object({ reference: idSchema('order') }) })

/**
 * Carries out payment operations, one call each. An outcome that isn't known is asked for again with the same key until it is; only a definite answer
 * changes anything. So money moves once, whatever dies in between.
 */
@Injectable()
export class PaymentsService {
  private readonly settling: Groups<HoldEnd>

  constructor(
    private readonly repository: PaymentsRepository,
    private readonly orders: PaidOrdersRepository,
    private readonly holds: Holds,
    private readonly psp: PspClient,
    private readonly outbox: Outbox,
    private readonly events: BusinessEvents,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    this.settling = new Groups({ work: (ends) => this.settle(ends), most: MAX_GROUP })
  }

  /** Carries out one leased operation as far as it gets now. */
  carryOut(operation: Operation): Promise<void> {
    return operation.kind === 'authorise' ? this.authorise(operation) : this.move(operation, operation.kind)
  }

  /**
   * Takes a callback of the provider. It only hastens: what it says is asked of the provider, so one that comes twice, late or out of order does no harm.
   * @param body the bytes as they came @param signature `t=<unix seconds>,v1=<hex HMAC-SHA-256 of "t.body">`
   * @throws AppError payments.signature-invalid
   */
  async callback(body: Buffer, signature: string, now = Date.now()): Promise<void> {
    const [, time = '', given = ''] = SIGNATURE.exec(signature) ?? []
    const expected = createHmac('sha256', this.config.psp.callbackSecret).update(`${time}.`).update(body).digest()
    const isFresh = Math.abs(now / 1000 - Number(time)) <= MAX_SIGNATURE_AGE_S
    if (given === '' || !isFresh || !timingSafeEqual(expected, Buffer.from(given, 'hex'))) throw new AppError('payments.signature-invalid')
    const told = CallbackBody.safeParse(JSON.parse(body.toString()))
    if (told.success) await this.repository.hastenWaiting(told.data.payment.reference)
  }

  private async authorise(operation: Operation): Promise<void> {
    const { id, orderId, orderStatus, attempts, amountMinor, currency, paymentMethod, paymentRef, returnUrl } = operation
    if (orderStatus === 'cancelled' && attempts === 1) return this.finish(operation, 'skipped') // it was never sent
    const isAsked = operation.status === 'action_required' && paymentRef !== undefined
    const answer = isAsked
      ? await this.psp.read(paymentRef)
      : await this.psp.authorise(id, {
          amountMinor,
          currency,
          paymentMethod: paymentMethod ?? '',
          reference: orderId,
          ...(returnUrl !== undefined && { returnUrl }),
        })
    if (answer.kind === 'unknown') return this.putOff(operation, answer.error)
    if (answer.kind === 'refused')
      return this.settleAs(BUYERS_FAULT.has(answer.code) ? 'declined' : 'failed', operation, paymentRef, answer.code)
    const { payment } = answer
    if (payment.status === 'requires_action') return this.waitForBuyer(operation, payment)
    if (payment.status === 'pending') return this.putOff(operation, 'pending')
    if (payment.status === 'declined') return this.settleAs('declined', operation, payment.id, payment.declineCode ?? 'declined')
    return this.settleAs('succeeded', operation, payment.id)
  }

  private async move(operation: Operation, kind: 'capture' | 'void' | 'refund'): Promise<void> {
    const { id, paymentRef, amountMinor } = operation
    if (paymentRef === undefined) return kind === 'void' ? this.finish(operation, 'skipped') : this.refuse(operation, 'no_payment')
    const answer: Answer = await this.psp.move(id, paymentRef, ROUTES[kind], amountMinor)
    if (answer.kind === 'payment') return this.finish(operation, 'succeeded', answer.payment)
    if (answer.kind === 'unknown') return this.putOff(operation, answer.error)
    const isExpired = answer.code === 'authorisation_expired'
    if (isExpired && kind === 'void') return this.finish(operation, 'skipped') // nothing of it is open any more
    if (isExpired && kind === 'capture') return this.underLock(operation, (tx) => this.repository.renew(tx, id, this.config.release))
    return this.refuse(operation, answer.code)
  }

  private async finish(operation: Operation, status: 'succeeded' | 'skipped', payment?: Payment): Promise<void> {
    let isNews = false
    await this.underLock(operation, async (tx, order) => {
      const paymentRef = payment === undefined ? {} : { paymentRef: payment.id }
      isNews = await this.repository.finish(tx, { id: operation.id, status, ...paymentRef })
      const happening = isNews && status === 'succeeded' ? movedOf(operation, order) : undefined
      if (happening !== undefined) await this.orders.tell(tx, order, [happening])
    })
    if (isNews && status === 'succeeded') this.events.paymentEnded(operation.kind, 'succeeded')
    else logFields({ outcome: status })
    this.outbox.wake()
  }

  /** The provider surely won't do it: an operator has to look. What comes after it in the order waits. */
  private async refuse(operation: Operation, error: string): Promise<void> {
    await this.underLock(operation, (tx) => this.repository.finish(tx, { id: operation.id, status: 'refused', error }))
    this.events.paymentEnded(operation.kind, 'failed')
    this.events.paymentTrouble(operation.kind, 'refused', error)
  }

  private async putOff(operation: Operation, error: string): Promise<void> {
    const longest = Math.min(this.config.payments.retryMs * 2 ** (operation.attempts - 1), MAX_WAIT_MS)
    await this.repository.putOff(operation.id, longest * (0.5 + Math.random() / 2), error)
    this.events.paymentTrouble(operation.kind, 'unknown', error)
  }

  private async waitForBuyer(operation: Operation, { id: paymentRef, nextAction }: Payment): Promise<void> {
    if (nextAction === null) return this.putOff(operation, 'no_next_action')
    await this.underLock(operation, async (tx, order) => {
      const isNews = await this.repository.needsAction(tx, operation.id, paymentRef, nextAction.url)
      if (!isNews || order.status !== 'pending_payment') return
      await this.orders.tell(tx, order, [{ event: 'payment.action_required', data: { orderId: order.id, buyerId: order.buyerId } }])
    })
    this.outbox.wake()
    logFields({ outcome: 'action_required' })
    await this.repository.putOff(operation.id, Math.min(ACTION_WAIT_MS * operation.attempts, MAX_WAIT_MS))
  }

  private async underLock(operation: Operation, work: (tx: Queryable, order: LockedOrder) => Promise<unknown>): Promise<void> {
    const done = await this.orders.withLock(operation.orderId, async (tx, order) => {
      await work(tx, order)
      return true
    })
    if (done === undefined) throw new Error(`the order ${operation.orderId} of a payment operation is gone`)
  }

  private async settleAs(outcome: PaymentOutcome, { id, orderId }: Operation, paymentRef?: string, error?: string): Promise<void> {
    await this.settling.do([{ orderId, event: outcome === 'succeeded' ? 'paid' : 'declined', operation: { id, paymentRef, error } }])
    this.events.paymentEnded('authorise', outcome)
  }

  /** An operation that was leased twice has one outcome. */
  private async settle(ends: readonly HoldEnd[]): Promise<[]> {
    await this.holds.end([...new Map(ends.map((end) => [end.orderId, end])).values()])
    return []
  }
}

/** What money that has moved is told as: to a part that was captured, or to the part of a return that was paid back. */
const movedOf = ({ kind, partId, amountMinor }: Operation, order: LockedOrder): Happening | undefined => {
  if (partId === null || kind === 'void') return undefined
  const ofReturn = order.returns.find(({ id }) => id === idOf('return', partId))
  const part = order.parts.find(({ id }) => id === (kind === 'refund' ? ofReturn?.partId : idOf('fulfilment', partId)))
  if (part === undefined) return undefined
  return { event: kind === 'capture' ? 'payment.captured' : 'payment.refunded', data: { ...partFacts(order, part), amountMinor }, partId }
}
