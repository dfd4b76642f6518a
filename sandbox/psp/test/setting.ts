import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Movement, Payment } from '../src/payment.js'

export const API_KEY = 'sk_test_of_the_sandbox'
export const SECRET = 'callback secret of the sandbox'

export interface Callback {
  readonly id: string
  readonly type: string
  readonly createdAt: string
  readonly payment: Payment
}

/** A merchant's side: it takes callbacks, checks their signature, and answers as it is told. */
export class Receiver {
  readonly server: Server
  readonly received: Callback[] = []
  /** How many of the next callbacks are answered 503. */
  failures = 0

  private constructor() {
    this.server = createServer((request, response) => {
      text(request).then(
        (body) => response.writeHead(this.take(body, String(request.headers['psp-signature']))).end(),
        () => response.destroy(),
      )
    })
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver()
    await once(receiver.server.listen(0, '127.0.0.1'), 'listening')
    return receiver
  }

  get url(): string {
    return `${addressOf(this.server)}/callbacks`
  }

  of({ id }: Payment): Callback[] {
    return this.received.filter(({ payment }) => payment.id === id)
  }

  typesOf(payment: Payment): string[] {
    return this.of(payment).map(({ type }) => type)
  }

  close(): void {
    this.server.close()
    this.server.closeAllConnections()
  }

  private take(body: string, signature: string): number {
    const [, seconds, given] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? []
    if (given !== createHmac('sha256', SECRET).update(`${seconds}.${body}`).digest('hex')) return 401
    if (Math.abs(Date.now() / 1000 - Number(seconds)) > 60) return 401
    if (this.failures-- > 0) return 503
    this.received.push(JSON.parse(body) as Callback)
    return 204
  }
}

export interface Reply<T = Payment> {
  readonly status: number
  readonly isReplay: boolean
  readonly body: T
}
export interface Problem {
  readonly code: string
  readonly message: string
}
interface Page<T> {
  readonly data: T[]
  readonly hasMore: boolean
}

/** A merchant that knows the provider by HTTP only. */
export class Merchant {
  private keys = 0
  constructor(
    readonly url: string,
    private readonly name = 'key',
  ) {}

  newKey(): string {
    return `${this.name}-${++this.keys}`
  }

  async call<T = Payment>(
    method: string,
    path: string,
    body?: unknown,
    options: { key?: string; signal?: AbortSignal } = {},
  ): Promise<Reply<T>> {
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${API_KEY}`, ...(options.key !== undefined && { 'idempotency-key': options.key }) },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      signal: options.signal ?? AbortSignal.timeout(10_000),
    })
    const isReplay = response.headers.get('idempotent-replayed') === 'true'
    return { status: response.status, isReplay, body: (await response.json()) as T }
  }

  post<T = Payment>(path: string, body?: unknown, key = this.newKey()): Promise<Reply<T>> {
    return this.call<T>('POST', path, body, { key })
  }

  async authorise(paymentMethod = 'card_ok', amountMinor = 10_00, rest: Record<string, unknown> = {}): Promise<Payment> {
    const { body } = await this.post('/v1/payments', authorisation(paymentMethod, amountMinor, rest))
    return body
  }

  async find(id: string): Promise<Payment> {
    return (await this.call('GET', `/v1/payments/${id}`)).body
  }

  async ledger(): Promise<Movement[]> {
    const all: Movement[] = []
    for (let hasMore = true; hasMore;) {
      const { body } = await this.call<Page<Movement>>('GET', `/control/ledger?limit=500&after=${all.at(-1)?.seq ?? 0}`)
      all.push(...body.data)
      hasMore = body.hasMore
    }
    return all
  }

  list(query: string): Promise<Reply<Page<Payment>>> {
    return this.call<Page<Payment>>('GET', `/v1/payments?${query}`)
  }
}

export const authorisation = (paymentMethod = 'card_ok', amountMinor = 10_00, rest: Record<string, unknown> = {}) => ({
  amountMinor,
  currency: 'EUR',
  paymentMethod,
  reference: 'ord_1',
  ...rest,
})

/** The amounts, in the order authorised, captured, voided, expired, refunded, open. */
export const amounts = (payment: Payment): number[] => [
  payment.authorisedMinor,
  payment.capturedMinor,
  payment.voidedMinor,
  payment.expiredMinor,
  payment.refundedMinor,
  payment.openMinor,
]

export const addressOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

export async function until(isTrue: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error('The condition did not become true in time')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
