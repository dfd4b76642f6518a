import { randomUUID } from 'node:crypto'
import type { Callbacks, Delivery } from './callbacks.js'
import { findCard, validMsOf, type Card } from './cards.js'
import { openOf, Refusal, toPayment, type DeclineCode, type Kind, type Payment, type Row, type Status } from './payment.js'
import type { Store } from './store.js'

/** How long the cardholder has for a challenge. */
const CHALLENGE_MS = 3_600_000
const CURRENCIES = new Set(['EUR', 'USD', 'GBP'])

export interface Authorise {
  readonly amountMinor: number
  readonly currency: string
  readonly paymentMethod: string
  readonly reference: string
  readonly returnUrl?: string | undefined
}

export interface Call {
  readonly key: string
  /** Whatever the card says. */
  readonly mustDecline?: boolean
  /** Whatever the card says. */
  readonly callbackCopies?: number
}

/** Called synchronously with each callback that was recorded. */
export type OnCallback = (seq: number) => void

const newId = (now: number) => `pay_${now.toString(36).padStart(9, '0')}${randomUUID().replaceAll('-', '')}`
const cardOf = (row: Row): Card => findCard(row.card) ?? {}

/** The rules of payments. Every method but the reading ones runs inside a transaction and records its callback in it. */
export class Payments {
  constructor(
    private readonly store: Store,
    private readonly callbacks: Callbacks,
    /** The provider's own public URL. */
    private readonly base: () => string,
  ) {}

  authorise({ amountMinor, currency, paymentMethod, reference, returnUrl }: Authorise, call: Call, onCallback: OnCallback): Payment {
    const card = findCard(paymentMethod)
    if (!card) throw new Refusal('payment_method_unknown', 'There is no such test card: see the README')
    if (!CURRENCIES.has(currency)) throw new Refusal('currency_unsupported', `Supported are ${[...CURRENCIES].join(', ')}`)
    const now = Date.now()
    const row = this.store.insert({
      id: newId(now),
      key: call.key,
      reference,
      card: paymentMethod,
      status: 'pending',
      amount: amountMinor,
      currency,
      return_url: returnUrl ?? null,
      created_at: now,
    })
    return card.slowMs === undefined ? this.decide(row, call, onCallback) : this.show(row)
  }

  /** Makes the decision of a payment that is still pending. */
  settle(id: string, onCallback: OnCallback, call: Partial<Call> = {}): Payment {
    const row = this.require(id)
    return row.status === 'pending' ? this.decide(row, { key: row.key, ...call }, onCallback) : this.show(row)
  }

  capture(id: string, amount: number, call: Call, onCallback: OnCallback): Payment {
    const row = this.requireOpen(id, onCallback)
    if (amount > openOf(row)) throw new Refusal('amount_too_large', `${openOf(row)} is open`)
    row.captured += amount
    return this.moved(row, 'capture', amount, call, onCallback)
  }

  /** @param amount all that is open when undefined */
  void(id: string, amount: number | undefined, call: Call, onCallback: OnCallback): Payment {
    const row = this.requireOpen(id, onCallback)
    const open = openOf(row)
    if (open === 0 || (amount ?? 0) > open) throw new Refusal('amount_too_large', `${open} is open`)
    row.voided += amount ?? open
    return this.moved(row, 'void', amount ?? open, call, onCallback)
  }

  refund(id: string, amount: number, call: Call, onCallback: OnCallback): Payment {
    const row = this.require(id)
    if (row.authorised === 0) throw new Refusal('not_authorised', `The payment is ${row.status}`)
    const refundable = row.captured - row.refunded
    if (amount > refundable) throw new Refusal('amount_too_large', `${refundable} can be refunded`)
    row.refunded += amount
    return this.moved(row, 'refund', amount, call, onCallback)
  }

  /** The cardholder's answer to a challenge. One that comes late or twice changes nothing. */
  answerChallenge(id: string, isConfirmed: boolean, onCallback: OnCallback): Payment {
    const row = this.require(id)
    if (row.status !== 'requires_action') return this.show(row)
    if (!isConfirmed) return this.decline(row, 'authentication_failed', {}, onCallback)
    const { decline } = cardOf(row)
    return decline ? this.decline(row, decline, {}, onCallback) : this.grant(row, {}, onCallback)
  }

  /** Ends an authorisation or a challenge now. */
  end(id: string, onCallback: OnCallback): Payment {
    const row = this.require(id)
    if (row.deadline === null) throw new Refusal('not_authorised', 'Nothing is open')
    return this.lapse(row, onCallback)
  }

  /** Ends what time has ended. */
  endDue(onCallback: OnCallback): void {
    for (const row of this.store.listDue(Date.now())) this.lapse(row, onCallback)
  }

  /** @throws Refusal unknown_payment */
  find(id: string): Payment {
    return this.show(this.require(id))
  }

  show(row: Row): Payment {
    return toPayment(row, this.base())
  }

  private require(id: string): Row {
    const row = this.store.find(id)
    if (!row) throw new Refusal('unknown_payment', 'There is no such payment', 404)
    return row
  }

  private requireOpen(id: string, onCallback: OnCallback): Row {
    const row = this.require(id)
    if (row.authorised === 0) throw new Refusal('not_authorised', `The payment is ${row.status}`)
    // Time ends an authorisation whether or not the sweep has come by.
    if (row.deadline !== null && row.deadline <= Date.now()) this.lapse(row, onCallback)
    if (row.status === 'expired') throw new Refusal('authorisation_expired', 'What was open has expired')
    return row
  }

  private decide(row: Row, call: Call, onCallback: OnCallback): Payment {
    const { needsAction, decline } = cardOf(row)
    if (call.mustDecline) return this.decline(row, 'card_declined', call, onCallback)
    if (needsAction) {
      row.deadline = Date.now() + CHALLENGE_MS
      return this.changed(row, 'requires_action', call, onCallback)
    }
    return decline ? this.decline(row, decline, call, onCallback) : this.grant(row, call, onCallback)
  }

  private grant(row: Row, call: Partial<Call>, onCallback: OnCallback): Payment {
    row.authorised = row.amount
    row.deadline = Date.now() + validMsOf(cardOf(row))
    row.status = 'authorised'
    return this.moved(row, 'authorise', row.amount, call, onCallback)
  }

  private decline(row: Row, code: DeclineCode, call: Partial<Call>, onCallback: OnCallback): Payment {
    row.decline_code = code
    row.deadline = null
    return this.changed(row, 'declined', call, onCallback)
  }

  private lapse(row: Row, onCallback: OnCallback): Payment {
    if (row.status === 'requires_action') return this.decline(row, 'authentication_failed', {}, onCallback)
    const open = openOf(row)
    row.expired += open
    row.status = 'expired'
    return this.moved(row, 'expire', open, {}, onCallback)
  }

  private moved(row: Row, kind: Kind, amount: number, call: Partial<Call>, onCallback: OnCallback): Payment {
    this.store.move(row, kind, amount, call.key ?? null, Date.now())
    if (openOf(row) === 0) row.deadline = null
    return this.tell(row, TYPES[kind], call, onCallback)
  }

  private changed(row: Row, status: Extract<Status, 'declined' | 'requires_action'>, call: Partial<Call>, onCallback: OnCallback): Payment {
    row.status = status
    return this.tell(row, `payment.${status}`, call, onCallback)
  }

  private tell(row: Row, type: string, { callbackCopies }: Partial<Call>, onCallback: OnCallback): Payment {
    this.store.update(row)
    const payment = this.show(row)
    const card = cardOf(row)
    const delivery: Delivery = {
      copies: Math.max(card.callbackCopies ?? 1, callbackCopies ?? 1),
      isHeld: card.isDisordered === true && type === TYPES.authorise,
    }
    onCallback(this.callbacks.record(type, payment, Date.now(), delivery))
    return payment
  }
}

const TYPES: Record<Kind, string> = {
  authorise: 'payment.authorised',
  capture: 'payment.captured',
  void: 'payment.voided',
  expire: 'payment.expired',
  refund: 'payment.refunded',
}
