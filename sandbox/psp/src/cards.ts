import type { DeclineCode } from './payment.js'

const DAY_MS = 24 * 3_600_000
const VALID_MS = 7 * DAY_MS

/** How a test card behaves. What isn't said is as a good card has it. */
export interface Card {
  readonly decline?: DeclineCode
  /** Authorises only after the cardholder confirmed, and then still declines with `decline` when there is one. */
  readonly needsAction?: true
  /** How long an authorisation lasts. */
  readonly validMs?: number
  /** How long each call waits before it has its effect. */
  readonly slowMs?: number
  /** The first call with each key has its effect and is never answered. */
  readonly isSilent?: true
  /** The first call with each key fails with 500 and has no effect. */
  readonly failsFirst?: true
  readonly callbackCopies?: number
  /** The answer waits until the callback was tried once. */
  readonly isCallbackFirst?: true
  /** The callback of the authorisation waits until a later one of the payment was delivered, at most ten seconds. */
  readonly isDisordered?: true
}

const CARDS: Record<string, Card> = {
  card_ok: {},
  card_declined: { decline: 'card_declined' },
  card_insufficient_funds: { decline: 'insufficient_funds' },
  card_3ds: { needsAction: true },
  card_3ds_declined: { needsAction: true, decline: 'card_declined' },
  card_slow: { slowMs: 3_000 },
  card_expiring: { validMs: 1_000 },
  card_timeout_after_success: { isSilent: true },
  card_error_then_success: { failsFirst: true },
  card_duplicate_callback: { callbackCopies: 2 },
  card_callback_first: { isCallbackFirst: true },
  card_callbacks_out_of_order: { isDisordered: true },
}

export const findCard = (paymentMethod: string): Card | undefined =>
  Object.hasOwn(CARDS, paymentMethod) ? CARDS[paymentMethod] : undefined
export const validMsOf = ({ validMs = VALID_MS }: Card): number => validMs
