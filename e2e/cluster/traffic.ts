import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createCatamaran, dataOf } from '@catamaran/sdk'
import type { RunningSystem } from '@catamaran/stack'
import { until } from '@catamaran/testing'
import { signIn, type Journey } from '../src/journey.js'

const CLIENTS = 6
const PAUSE_MS = 100
/** Tokens live for five minutes. */
const SIGN_IN_EVERY_MS = 180_000
const ADDRESS = { name: 'A Buyer', line1: 'Havenkade 12', city: 'Rotterdam', postalCode: '3011 AA', country: 'NL' }

/** The requests of a shop, through the ingress gateway, round and round until told to stop. */
export class Traffic {
  /** How many calls had which answer; `ok` is all that worked. */
  readonly answers: Record<string, number> = {}
  readonly orders: string[] = []
  private readonly stopping = new AbortController()
  private readonly clients: Promise<void>[]
  private token: string
  private readonly products: Promise<string[]>

  constructor(
    private readonly system: RunningSystem,
    private readonly buyer: Journey,
  ) {
    this.token = buyer.accessToken
    this.products = this.inStock()
    this.clients = [this.renew(), ...Array.from({ length: CLIENTS }, (_, at) => this.shop(at))]
  }

  /** Waits until so many more calls have been answered. */
  async more(calls: number): Promise<void> {
    const enough = this.count + calls
    await until(() => this.count >= enough, { deadlineMs: 120_000, everyMs: 100, message: 'calls are answered' })
  }

  private get count(): number {
    return Object.values(this.answers).reduce((sum, each) => sum + each, 0)
  }

  async end(): Promise<void> {
    this.stopping.abort()
    await Promise.all(this.clients)
  }

  private async inStock(): Promise<string[]> {
    const api = createCatamaran({ baseUrl: this.system.gateway })
    const { items } = await dataOf(api.GET('/v1/products', { params: { query: { q: 'tea', availability: 'in_stock', limit: 50 } } }))
    return items.map(({ id }) => id)
  }

  private async shop(at: number): Promise<void> {
    const products = await this.products
    for (let turn = at; !this.stopping.signal.aborted; turn++) {
      const productId = products[turn % products.length] ?? ''
      await this.call('GET', `/v1/products/${productId}`)
      await this.call('POST', '/v1/orders', { lines: [{ productId, quantity: 1 }], deliveryAddress: ADDRESS, paymentMethod: 'card_ok' })
      await this.call('GET', '/v1/orders?limit=1')
      await this.call('GET', '/v1/me')
      await delay(PAUSE_MS)
    }
  }

  private async renew(): Promise<void> {
    const { email, password } = this.buyer
    while (!this.stopping.signal.aborted) {
      this.token = (await signIn(this.system, email, password)).tokens.access_token
      await delay(SIGN_IN_EVERY_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined)
    }
  }

  private async call(method: string, path: string, body?: object): Promise<void> {
    const headers = { authorization: `Bearer ${this.token}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() }
    const sent = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) }
    const told = await fetch(`${this.system.gateway}${path}`, { ...sent, signal: AbortSignal.timeout(20_000) }).then(
      async (response) => {
        const text = await response.text()
        const { code, id } = (text.startsWith('{') ? JSON.parse(text) : {}) as { code?: string; id?: string }
        if (response.status === 201 && id !== undefined) this.orders.push(id)
        // That nothing is left is an answer.
        return response.ok || code === 'orders.out-of-stock' ? 'ok' : `${response.status} ${code ?? text.slice(0, 100)}`
      },
      (error: Error) => `${error.message} ${error.cause instanceof Error ? error.cause.message : ''}`,
    )
    const name = told === 'ok' ? told : `${method} ${path.replace(/prd_\w+/, '{id}')} → ${told}`
    this.answers[name] = (this.answers[name] ?? 0) + 1
  }
}
