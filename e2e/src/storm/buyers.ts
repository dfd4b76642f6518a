import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Caller, Reply, Request } from './caller.js'
import type { World } from './world.js'

const CARDS = {
  card_ok: 70,
  card_declined: 6,
  card_insufficient_funds: 2,
  card_3ds: 8,
  card_timeout_after_success: 4,
  card_error_then_success: 4,
  card_duplicate_callback: 3,
  card_callbacks_out_of_order: 3,
}
const ADDRESS = { name: 'A Buyer', line1: 'Havenkade 12', city: 'Rotterdam', postalCode: '3011 AA', country: 'NL' }

interface Placed {
  readonly id: string
  readonly card: keyof typeof CARDS
}

/** Buyers as they are: most are honest, many click twice, give up and try again, some change their mind, some send things back. */
export class BuyerClient {
  private readonly mine: string[] = []

  constructor(
    private readonly caller: Caller,
    private readonly world: World,
    private readonly id: string,
  ) {}

  /** One visit: an order, and what comes of it. */
  async visit(): Promise<void> {
    const { dice } = this.caller
    const placed = await this.place()
    if (placed !== undefined) {
      this.mine.push(placed.id)
      if (placed.card === 'card_3ds') await this.confirm(placed.id)
      if (dice.chance(12)) await this.cancel(placed.id)
    }
    if (dice.chance(15)) await this.sendBack()
  }

  private async place(): Promise<Placed | undefined> {
    const { dice, witness } = this.caller
    const card = dice.weighted(CARDS)
    const products = new Set(Array.from({ length: dice.between(1, 3) }, () => dice.pick(this.world.products)))
    const key = randomUUID()
    const request: Request = {
      method: 'POST',
      path: '/v1/orders',
      token: await this.world.buyerToken(this.id),
      headers: { 'idempotency-key': key },
      body: {
        lines: [...products].map((productId) => ({ productId, quantity: dice.between(1, 2) })),
        deliveryAddress: ADDRESS,
        paymentMethod: card,
      },
    }
    const clicks = dice.chance(20) ? dice.between(2, 4) : 1
    const patienceMs = dice.chance(12) ? dice.between(3, 60) : undefined
    const replies = await Promise.all(Array.from({ length: clicks }, () => this.caller.until(request, patienceMs)))
    const orders: Reply[] = []
    for (const reply of replies) {
      if (reply?.isReplay === true) witness.count('replays')
      if (reply?.status === 201) orders.push(reply)
      else if (reply !== undefined) {
        if (reply.body.code.startsWith('orders.')) witness.refused(key, reply.body.code)
        witness.count(`refused ${reply.body.code}`)
      }
    }
    for (const { body } of orders) witness.acknowledged(key, body.id as string)
    const [first] = orders
    if (first === undefined) return undefined
    witness.count('orders')
    return { id: first.body.id as string, card }
  }

  /** 3-D Secure: most confirm, some refuse, some just leave. */
  private async confirm(id: string): Promise<void> {
    const { dice, ending } = this.caller
    const wish = dice.weighted({ confirm: 60, refuse: 20, leave: 20 })
    if (wish === 'leave') return
    for (let tries = 0; tries < 20 && !ending.aborted; tries++) {
      const order = await this.read(id)
      if (order === undefined || order.status !== 'pending_payment') return
      if (order.payment.status === 'action_required' && (await this.world.answerChallenge(id, wish))) return
      await delay(100, undefined, { signal: ending }).catch(() => undefined)
    }
  }

  private async cancel(id: string): Promise<void> {
    const reply = await this.caller.until({ method: 'POST', path: `/v1/orders/${id}/cancel`, token: await this.world.buyerToken(this.id) })
    if (reply?.status === 200) this.caller.witness.count('cancelled by buyers')
    else if (reply !== undefined && reply.body.code !== 'orders.not-cancellable')
      this.caller.witness.breach(`cancelling ${id} answered ${reply.status} ${reply.body.code}`)
  }

  private async sendBack(): Promise<void> {
    const { dice, witness } = this.caller
    if (this.mine.length === 0) return
    const id = dice.pick(this.mine)
    const order = await this.read(id)
    const part = order?.fulfilments.find(({ status }: { status: string }) => status === 'shipped')
    if (part === undefined) return
    const line = order.lines.find(({ sellerId }: { sellerId: string }) => sellerId === part.sellerId)
    const reply = await this.caller.until({
      method: 'POST',
      path: `/v1/orders/${id}/returns`,
      token: await this.world.buyerToken(this.id),
      headers: { 'idempotency-key': randomUUID() },
      body: { fulfilmentId: part.id, lines: [{ productId: line.productId, quantity: 1 }], reason: 'It is not what I thought' },
    })
    if (reply?.status === 201) witness.count('returns asked for')
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- an order as the API tells it
  private async read(id: string): Promise<any> {
    const reply = await this.caller.until({ method: 'GET', path: `/v1/orders/${id}`, token: await this.world.buyerToken(this.id) })
    if (reply === undefined) return undefined
    if (reply.status !== 200) this.caller.witness.breach(`order ${id} was acknowledged, and reading it answered ${reply.status}`)
    return reply.status === 200 ? reply.body : undefined
  }
}
