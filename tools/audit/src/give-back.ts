import { setTimeout as delay } from 'node:timers/promises'
import { uuidOf, type OrderId } from '@catamaran/contracts'
import type { RunningSystem } from '@catamaran/stack'
import pg from 'pg'
import { isOrderId } from './books.js'

/** Of a payment at the provider, what matters here. */
interface Payment {
  readonly id: string
  readonly reference: string
  readonly status: string
  readonly currency: string
  readonly openMinor: number
  readonly capturedMinor: number
  readonly refundedMinor: number
}

/** Money that the provider holds for an order that is not there: a reservation to void, or something taken to pay back. */
export interface Owed {
  readonly payment: string
  readonly order: string
  readonly kind: 'voids' | 'refunds'
  readonly amountMinor: number
  readonly currency: string
}

/** What is to be given back, and who may still confirm a payment for an order that is not there: look again when their hour has passed. */
export interface Strangers {
  readonly owed: readonly Owed[]
  readonly undecided: readonly string[]
}

const WITHIN_MS = 30_000
const PAGE = 100
const RETRY_MS = 500

const ask = async <T>({ serviceEnv }: RunningSystem, path: string, key?: string, body?: object): Promise<T> => {
  const { PSP_URL, PSP_API_KEY } = serviceEnv['core-service'] ?? {}
  const response = await fetch(PSP_URL + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${PSP_API_KEY}`,
      ...(key === undefined ? {} : { 'idempotency-key': key, 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(WITHIN_MS),
  })
  if (!response.ok) throw new Error(`The payment provider answered ${path} with ${response.status}: ${await response.text()}`)
  return (await response.json()) as T
}

const paymentsOf = async (system: RunningSystem): Promise<Payment[]> => {
  const all: Payment[] = []
  for (let hasMore = true; hasMore;) {
    const after = all.at(-1)?.id
    const path = `/v1/payments?limit=${PAGE}${after === undefined ? '' : `&after=${after}`}`
    const page = await ask<{ data: Payment[]; hasMore: boolean }>(system, path)
    all.push(...page.data)
    hasMore = page.hasMore
  }
  return all
}

const knownOf = async ({ engines }: RunningSystem, ids: readonly string[]): Promise<ReadonlySet<string>> => {
  const client = new pg.Client({ connectionString: engines.databases.core })
  await client.connect()
  try {
    const { rows } = await client.query<{ id: string }>('select id from orders where id = any($1::uuid[])', [ids])
    return new Set(rows.map(({ id }) => id))
  } finally {
    await client.end()
  }
}

/**
 * Payments of orders that core does not have: what a database that was restored to an earlier moment has forgotten. An order is committed before its payment
 * is asked for, and orders are looked for after payments, so no order that is being placed is among them.
 */
export const findStrangers = async (system: RunningSystem): Promise<Strangers> => {
  const payments = await paymentsOf(system)
  const ids = payments.flatMap(({ reference }) => (isOrderId(reference) ? [uuidOf(reference as OrderId)] : []))
  const known = await knownOf(system, ids)
  const strange = payments.filter(({ reference }) => !isOrderId(reference) || !known.has(uuidOf(reference as OrderId)))
  return {
    owed: strange.flatMap(({ id: payment, reference: order, currency, openMinor, capturedMinor, refundedMinor }) => [
      ...(openMinor > 0 ? [{ payment, order, currency, kind: 'voids' as const, amountMinor: openMinor }] : []),
      ...(capturedMinor > refundedMinor
        ? [{ payment, order, currency, kind: 'refunds' as const, amountMinor: capturedMinor - refundedMinor }]
        : []),
    ]),
    undecided: strange.filter(({ status }) => status === 'requires_action' || status === 'pending').map(({ reference }) => reference),
  }
}

/** Gives it back. A call whose outcome is unknown is sent again with its key, and so may all of this be: no money moves twice. */
export const giveBack = async (system: RunningSystem, owed: readonly Owed[]): Promise<void> => {
  for (const { payment, kind, amountMinor } of owed) {
    const path = `/v1/payments/${encodeURIComponent(payment)}/${kind}`
    const move = () => ask(system, path, `give-back-${payment}-${kind}-${amountMinor}`, { amountMinor })
    await move()
      .catch(() => delay(RETRY_MS).then(move))
      .catch(() => delay(RETRY_MS).then(move))
  }
}

/** The same for people. */
export const toldStrangers = ({ owed, undecided }: Strangers): string =>
  [
    owed.length === 0
      ? 'The provider holds no money for orders that are not there.'
      : 'The provider holds money for orders that are not there:',
    ...owed.map(
      ({ order, payment, kind, amountMinor, currency }) =>
        `  ${order} (${payment}): ${amountMinor} ${currency} to ${kind === 'voids' ? 'void' : 'refund'}`,
    ),
    ...(undecided.length === 0 ? [] : [`Not decided yet, look again in an hour: ${undecided.join(', ')}`]),
  ].join('\n')
