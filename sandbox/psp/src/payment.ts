export type Status = 'authorised' | 'requires_action' | 'declined' | 'expired' | 'pending'
export type DeclineCode = 'card_declined' | 'insufficient_funds' | 'authentication_failed'
export type Kind = 'authorise' | 'capture' | 'void' | 'expire' | 'refund'

/** What callers and callbacks see. Amounts are minor units; `captured + voided + expired + open = authorised` and `refunded ≤ captured`. */
export interface Payment {
  readonly id: string
  readonly reference: string
  readonly status: Status
  readonly declineCode: DeclineCode | null
  readonly amountMinor: number
  readonly currency: string
  readonly authorisedMinor: number
  readonly capturedMinor: number
  readonly voidedMinor: number
  readonly expiredMinor: number
  readonly refundedMinor: number
  readonly openMinor: number
  /** Where the cardholder goes on, while the status is `requires_action`. */
  readonly nextAction: { readonly url: string } | null
  /** When what is open will expire. */
  readonly authorisedUntil: string | null
  readonly createdAt: string
}

/** A payment as it is kept. Times are epoch milliseconds. */
export interface Row {
  readonly seq: number
  readonly id: string
  readonly key: string
  readonly reference: string
  readonly card: string
  status: Status
  decline_code: DeclineCode | null
  readonly amount: number
  readonly currency: string
  readonly return_url: string | null
  authorised: number
  captured: number
  voided: number
  expired: number
  refunded: number
  deadline: number | null
  readonly created_at: number
}

/** One row of the ledger. */
export interface Movement {
  readonly seq: number
  readonly paymentId: string
  readonly reference: string
  readonly kind: Kind
  readonly amountMinor: number
  readonly currency: string
  readonly key: string | null
  readonly createdAt: string
}

/** A definite no: the call changed nothing and never will under its key. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = 422,
  ) {
    super(message)
  }
}

export const openOf = ({ authorised, captured, voided, expired }: Row): number => authorised - captured - voided - expired

/** @param base the provider's own public URL */
export const toPayment = (row: Row, base: string): Payment => ({
  id: row.id,
  reference: row.reference,
  status: row.status,
  declineCode: row.decline_code,
  amountMinor: row.amount,
  currency: row.currency,
  authorisedMinor: row.authorised,
  capturedMinor: row.captured,
  voidedMinor: row.voided,
  expiredMinor: row.expired,
  refundedMinor: row.refunded,
  openMinor: openOf(row),
  nextAction: row.status === 'requires_action' ? { url: `${base}/challenges/${row.id}` } : null,
  authorisedUntil: row.status === 'authorised' && row.deadline !== null ? new Date(row.deadline).toISOString() : null,
  createdAt: new Date(row.created_at).toISOString(),
})
