import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { newId, type OrderForMail, type OrderId } from '@catamaran/contracts'
import { orderFacts } from './harness.js'

const money = (amountMinor: number) => ({ amountMinor, currency: 'EUR' as const })

/** What core-service tells of orders that mails are about. Its own side has its own test: apps/core-service/test/order-mail.spec.ts. */
export class OrdersOfCore {
  readonly orders = new Map<OrderId, OrderForMail>()
  /** Whether requests came with the service token alone. */
  readonly asked = new Set<boolean>()
  isDown = false
  private readonly server: Server

  private constructor() {
    this.server = createServer((request, response) => {
      const ids = (new URL(request.url ?? '', 'http://core').searchParams.get('ids') ?? '').split(',') as OrderId[]
      this.asked.add(request.headers['x-service-token'] !== undefined && request.headers.authorization === undefined)
      response
        .writeHead(this.isDown ? 503 : 200, { 'content-type': 'application/json' })
        .end(JSON.stringify(this.isDown ? {} : ids.flatMap((id) => this.orders.get(id) ?? [])))
    })
  }

  static async start(): Promise<OrdersOfCore> {
    const made = new OrdersOfCore()
    await new Promise<void>((resolve) => made.server.listen(0, '127.0.0.1', resolve))
    return made
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  close(): void {
    this.server.close()
    this.server.closeAllConnections()
  }

  /** An order of three lamps that will be told of from now on. */
  add(changed: Partial<OrderForMail> = {}) {
    const facts = orderFacts(newId('seller'), changed.buyerId ?? newId('user'))
    const email = `${facts.orderId}@example.org`
    const order: OrderForMail = {
      ...{
        id: facts.orderId,
        buyerId: facts.buyerId,
        email,
        language: 'en',
        cancelReason: null,
        actionUrl: null,
        returns: [],
        fulfilments: [],
      },
      ...{ lines: [{ name: 'Oak lamp', quantity: 3, unitPrice: money(100) }], shipping: money(0), total: money(300) },
      ...changed,
    }
    this.orders.set(facts.orderId, order)
    return { facts, email, order }
  }
}
