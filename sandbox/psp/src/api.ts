import { authorisation, malformed, optionalAmount, requiredAmount } from './input.js'
import type { Answer } from './idempotency.js'
import type { Faults } from './faults.js'
import type { Callbacks } from './callbacks.js'
import type { Payments } from './payments.js'
import type { Operate, Provider } from './provider.js'
import type { Store } from './store.js'
import { Refusal } from './payment.js'

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 1_000

export interface Parts {
  readonly provider: Provider
  readonly payments: Payments
  readonly store: Store
  readonly faults: Faults
  readonly callbacks: Callbacks
}

export interface Request {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly key: string | undefined
  readonly body: string
}

const KEY = /^[\x21-\x7e]{1,255}$/
const ok = (value: unknown): Answer => ({ status: 200, body: JSON.stringify(value), isReplay: false })
const unknownPath = (): never => {
  throw new Refusal('unknown_path', 'There is no such call: see the README', 404)
}

function json(body: string): unknown {
  if (body === '') return undefined
  try {
    return JSON.parse(body)
  } catch {
    return malformed('The body is not JSON')
  }
}

function limitOf(query: URLSearchParams): number {
  const limit = Number(query.get('limit') ?? DEFAULT_LIMIT)
  return Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT
    ? limit
    : malformed(`limit must be a whole number from 1 to ${MAX_LIMIT}`)
}

/** A page of a list: one more than the limit was looked for. */
const pageOf = <T>(found: readonly T[], limit: number) => ({ data: found.slice(0, limit), hasMore: found.length > limit })

/** The calls of merchants, under /v1. @returns undefined when the call must never be answered */
export async function merchantCall(parts: Parts, request: Request): Promise<Answer | undefined> {
  const { method, path } = request
  const [, id, action] = /^\/v1\/payments(?:\/(\w+)(?:\/(captures|voids|refunds))?)?$/.exec(path) ?? unknownPath()
  if (method === 'GET' && action === undefined) {
    await parts.provider.beforeRead()
    return ok(id === undefined ? listPayments(parts, request.query) : parts.payments.find(id))
  }
  if (method !== 'POST' || (id !== undefined && action === undefined)) return unknownPath()
  const { key, body } = request
  if (key === undefined || !KEY.test(key)) malformed('Idempotency-Key must be 1 to 255 visible characters')
  const input = json(body)
  if (id === undefined) {
    const order = authorisation(input)
    const operate: Operate = (call, onCallback) => parts.payments.authorise(order, call, onCallback)
    return parts.provider.write({ path, key, body, paymentMethod: order.paymentMethod, operate })
  }
  return parts.provider.write({
    path,
    key,
    body,
    paymentMethod: parts.store.find(id)?.card,
    operate: changeOf(parts.payments, id, action, input),
  })
}

function changeOf(payments: Payments, id: string, action: string | undefined, input: unknown): Operate {
  if (action === 'voids') {
    const amount = optionalAmount(input)
    return (call, onCallback) => payments.void(id, amount, call, onCallback)
  }
  const amount = requiredAmount(input)
  return (call, onCallback) => payments[action === 'captures' ? 'capture' : 'refund'](id, amount, call, onCallback)
}

function listPayments({ store, payments }: Parts, query: URLSearchParams) {
  const limit = limitOf(query)
  const after = query.get('after')
  const before = after === null ? undefined : (store.find(after) ?? malformed('after is no payment'))
  const { data, hasMore } = pageOf(store.list(limit + 1, { reference: query.get('reference') ?? undefined, before }), limit)
  return { data: data.map((row) => payments.show(row)), hasMore }
}

/** The calls of tests and auditors, under /control. */
export async function controlCall({ provider, payments, store, faults, callbacks }: Parts, request: Request): Promise<Answer> {
  const { method, path, query } = request
  if (method === 'GET' && path === '/control/ledger') {
    const limit = limitOf(query)
    const after = Number(query.get('after') ?? 0)
    if (!Number.isInteger(after)) malformed('after must be the seq of a movement')
    return ok(pageOf(store.listMovements(after, limit + 1), limit))
  }
  if (method === 'GET' && path === '/control/callbacks') return ok(callbacks.count())
  if (path === '/control/faults') {
    if (method === 'DELETE') return ok(await provider.change(() => faults.clear() ?? {}))
    if (method === 'PUT') return ok(await provider.change(() => faults.set(json(request.body))))
  }
  const [, id = '', action] = /^\/control\/payments\/(\w+)\/(expire|confirm|refuse)$/.exec(path) ?? unknownPath()
  if (method !== 'POST') return unknownPath()
  return ok(
    await provider.change((onCallback) =>
      action === 'expire' ? payments.end(id, onCallback) : payments.answerChallenge(id, action === 'confirm', onCallback),
    ),
  )
}
