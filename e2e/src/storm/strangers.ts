import { randomUUID } from 'node:crypto'
import { newId } from '@catamaran/contracts'
import { NO_ANSWER, type Caller, type Request } from './caller.js'
import type { World } from './world.js'

/** Those who try what is not theirs, and send rubbish. Every answer but a refusal is a breach. */
export class StrangerClient {
  constructor(
    private readonly caller: Caller,
    private readonly world: World,
  ) {}

  async visit(): Promise<void> {
    const { dice, witness } = this.caller
    const token = await this.world.buyerToken(newId('user'))
    const key = { 'idempotency-key': randomUUID() }
    const [theirs] = witness.records.findLast(({ orderIds }) => orderIds.size > 0)?.orderIds ?? []
    const order = theirs ?? newId('order')
    const orders: Omit<Request, 'token'> = { method: 'POST', path: '/v1/orders', headers: key }
    const line = { productId: dice.pick(this.world.products), quantity: 1 }
    const attempts: Request[] = [
      { method: 'GET', path: `/v1/orders/${order}`, token },
      { method: 'POST', path: `/v1/orders/${order}/cancel`, token },
      { method: 'POST', path: `/v1/partner/fulfilments/${newId('fulfilment')}/ship`, token, body: { carrier: 'Mine' } },
      { ...orders, token, body: { lines: [{ ...line, quantity: -3 }], deliveryAddress: {}, paymentMethod: 'card_ok' } },
      { ...orders, token, body: { lines: [{ ...line, unitPrice: 1 }] } },
      { ...orders, token, body: '{"lines":[' },
      { ...orders, body: { lines: [line] } },
      { ...orders, token: `${token.slice(0, -6)}AAAAAA`, body: {} },
      {
        method: 'POST',
        path: '/v1/payments/callbacks',
        body: { payment: { reference: order } },
        headers: { 'psp-signature': `t=1,v1=${'0'.repeat(64)}` },
      },
      { method: 'GET', path: '/v1/ops/partners', token },
    ]
    const attempt = dice.pick(attempts)
    const { status } = await this.caller.once(attempt)
    witness.count('attacks')
    if (status !== NO_ANSWER && status < 400) witness.breach(`a stranger's ${attempt.method} ${attempt.path} was answered with ${status}`)
  }
}
