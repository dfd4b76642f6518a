import type { FaultSettings } from './faults.js'
import { Refusal } from './payment.js'
import type { Authorise } from './payments.js'

type Fields = Record<string, unknown>

/** @throws Refusal 400 */
export function malformed(message: string): never {
  throw new Refusal('malformed', message, 400)
}

function fields(input: unknown, known: readonly string[]): Fields {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) malformed('The body must be a JSON object')
  for (const name of Object.keys(input)) if (!known.includes(name)) malformed(`${name.slice(0, 40)} is not a field of this call`)
  return input as Fields
}

function text(body: Fields, name: string, pattern: RegExp): string {
  const value = body[name]
  return typeof value === 'string' && pattern.test(value) ? value : malformed(`${name} must be a string like ${pattern.source}`)
}

function whole(body: Fields, name: string, least: number, most: number): number {
  const value = body[name]
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most
    ? (value as number)
    : malformed(`${name} must be a whole number from ${least} to ${most}`)
}

const amount = (body: Fields) => whole(body, 'amountMinor', 1, Number.MAX_SAFE_INTEGER)

function webAddress(value: unknown): string {
  const url = typeof value === 'string' && value.length <= 2_000 ? URL.parse(value) : null
  return url && /^https?:$/.test(url.protocol) ? url.href : malformed('returnUrl must be an http or https URL')
}

export function authorisation(input: unknown): Authorise {
  const body = fields(input, ['amountMinor', 'currency', 'paymentMethod', 'reference', 'returnUrl'])
  return {
    amountMinor: amount(body),
    currency: text(body, 'currency', /^[A-Z]{3}$/),
    paymentMethod: text(body, 'paymentMethod', /^\w{1,64}$/),
    reference: text(body, 'reference', /^[\w.:-]{1,128}$/),
    returnUrl: body['returnUrl'] === undefined ? undefined : webAddress(body['returnUrl']),
  }
}

export const requiredAmount = (input: unknown): number => amount(fields(input, ['amountMinor']))

export function optionalAmount(input: unknown): number | undefined {
  const body = fields(input ?? {}, ['amountMinor'])
  return body['amountMinor'] === undefined ? undefined : amount(body)
}

export function percentages(input: unknown): FaultSettings {
  const zero = {
    seed: 1,
    errorPercent: 0,
    timeoutAfterSuccessPercent: 0,
    slowPercent: 0,
    slowMs: 1_000,
    duplicateCallbackPercent: 0,
    declinePercent: 0,
  }
  const body: Fields = { ...zero, ...fields(input, Object.keys(zero)) }
  const percent = (name: string) => whole(body, name, 0, 100)
  return {
    seed: whole(body, 'seed', 0, 2 ** 32 - 1),
    errorPercent: percent('errorPercent'),
    timeoutAfterSuccessPercent: percent('timeoutAfterSuccessPercent'),
    slowPercent: percent('slowPercent'),
    slowMs: whole(body, 'slowMs', 0, 60_000),
    duplicateCallbackPercent: percent('duplicateCallbackPercent'),
    declinePercent: percent('declinePercent'),
  }
}
