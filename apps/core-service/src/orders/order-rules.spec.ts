import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId, type FulfilmentId, type ProductId, type ReturnId } from '@catamaran/contracts'
import { AppError } from '@catamaran/platform'
import fc from 'fast-check'
import { eventOf, FULFILMENT_MACHINE, nextOf, ORDER_MACHINE, RETURN_MACHINE, type FulfilmentStatus } from './order-machine.js'
import {
  cancelPart,
  cancelRest,
  complete,
  decideReturn,
  requestReturn,
  ship,
  type Change,
  type PaidOrder,
  type Part,
} from './order-rules.js'

const ORDER_TABLE: Record<string, Record<string, string>> = {
  pending_payment: { paid: 'confirmed', declined: 'cancelled', hold_ended: 'cancelled', cancelled: 'cancelled' },
  confirmed: { part_shipped: 'partially_shipped', all_shipped: 'shipped', all_cancelled: 'cancelled' },
  partially_shipped: { all_shipped: 'shipped' },
  shipped: { settled: 'completed' },
  completed: {},
  cancelled: {},
}
const ORDER_EVENTS = ['paid', 'declined', 'hold_ended', 'cancelled', 'part_shipped', 'all_shipped', 'all_cancelled', 'settled']

test('every event in every state of an order leads where the table says, or nowhere', () => {
  assert.deepEqual(Object.keys(ORDER_MACHINE), Object.keys(ORDER_TABLE))
  for (const [state, row] of Object.entries(ORDER_TABLE))
    for (const event of ORDER_EVENTS)
      assert.equal(nextOf(ORDER_MACHINE, state as keyof typeof ORDER_MACHINE, event), row[event], `${state} + ${event}`)
})

test('every event in every state of a fulfilment and of a return leads where it should, or nowhere', () => {
  const leads = (machine: Record<string, Partial<Record<string, string>>>, events: string[]) =>
    Object.keys(machine).map((state) => events.map((event) => nextOf(machine, state, event)))
  assert.deepEqual(leads(FULFILMENT_MACHINE, ['ship', 'cancel']), [
    ['shipped', 'cancelled'],
    [undefined, undefined],
    [undefined, undefined],
  ])
  assert.deepEqual(leads(RETURN_MACHINE, ['accept', 'refuse']), [
    ['accepted', 'refused'],
    [undefined, undefined],
    [undefined, undefined],
  ])
})

test('parts that are open keep an order where it is until one is shipped', () => {
  assert.equal(eventOf(['open', 'open']), undefined)
  assert.equal(eventOf(['open', 'cancelled']), undefined)
  assert.equal(eventOf(['open', 'shipped']), 'part_shipped')
  assert.equal(eventOf(['cancelled', 'shipped']), 'all_shipped')
  assert.equal(eventOf(['cancelled', 'cancelled']), 'all_cancelled')
})

const partOf = (lines: { quantity: number; unitPriceMinor: number }[], shippingMinor: number): Part => ({
  id: newId('fulfilment'),
  sellerId: newId('seller'),
  status: 'open',
  itemsMinor: lines.reduce((sum, { quantity, unitPriceMinor }) => sum + quantity * unitPriceMinor, 0),
  shippingMinor,
  carrier: null,
  trackingNumber: null,
  lines: lines.map((line) => ({ ...line, productId: newId('product') })),
})
const orderWith = (parts: Part[]): PaidOrder => ({
  status: 'confirmed',
  returnableUntil: undefined,
  parts,
  returns: [],
  hasOpenMoney: false,
})

/** The order after changes, as the repository would load it. */
const applied = (order: PaidOrder, changes: readonly Change[]): PaidOrder =>
  changes.reduce<PaidOrder>((now, change) => {
    switch (change.kind) {
      case 'part': {
        const told = change.to === 'shipped' ? { carrier: change.carrier, trackingNumber: change.trackingNumber } : {}
        return { ...now, parts: now.parts.map((part) => (part.id === change.part.id ? { ...part, ...told, status: change.to } : part)) }
      }
      case 'return':
        return { ...now, returns: [...now.returns, change.asked] }
      case 'decision':
        return { ...now, returns: now.returns.map((each) => (each.id === change.asked.id ? { ...each, status: change.to } : each)) }
      case 'order':
        return { ...now, status: change.to, returnableUntil: change.to === 'shipped' ? 1_000 : now.returnableUntil }
      default:
        return now
    }
  }, order)

/** What random commands have done to the money and the stock of one order. */
class Books {
  captured = 0
  voided = 0
  refunded = 0
  readonly restocked = new Map<ProductId, number>()

  note(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'money')
        this[({ capture: 'captured', void: 'voided', refund: 'refunded' } as const)[change.operation]] += change.amountMinor
      if (change.kind === 'restock')
        for (const { productId, quantity } of change.lines) this.restocked.set(productId, (this.restocked.get(productId) ?? 0) + quantity)
    }
  }
}

const command = fc.oneof(
  fc.record({ name: fc.constant('ship' as const), part: fc.nat(3) }),
  fc.record({ name: fc.constant('cancelPart' as const), part: fc.nat(3) }),
  fc.record({ name: fc.constant('cancelRest' as const) }),
  fc.record({ name: fc.constant('return' as const), part: fc.nat(3), line: fc.nat(2), quantity: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ name: fc.constant('decide' as const), index: fc.nat(5), accept: fc.boolean(), restock: fc.boolean() }),
  fc.record({ name: fc.constant('complete' as const), late: fc.boolean() }),
)
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never

const run = (order: PaidOrder, asked: Command): Change[] => {
  const part = 'part' in asked ? order.parts[asked.part % order.parts.length] : undefined
  const id = part?.id as FulfilmentId
  switch (asked.name) {
    case 'ship':
      return ship(order, id, 'PostNL', null)
    case 'cancelPart':
      return cancelPart(order, id)
    case 'cancelRest':
      return cancelRest(order)
    case 'return': {
      const line = part?.lines[asked.line % part.lines.length]
      const lines = [{ productId: line?.productId as ProductId, quantity: asked.quantity }]
      return requestReturn(order, { id: newId('return'), partId: id, lines, reason: null, now: 0 })
    }
    case 'decide': {
      const chosen = order.returns[asked.index % Math.max(1, order.returns.length)]?.id ?? newId('return')
      return decideReturn(order, chosen as ReturnId, asked.accept ? 'accept' : 'refuse', asked.restock)
    }
    case 'complete':
      return complete(order, asked.late ? 2_000 : 0)
  }
}

const partArbitrary = fc
  .tuple(
    fc.array(fc.record({ quantity: fc.integer({ min: 1, max: 4 }), unitPriceMinor: fc.integer({ min: 1, max: 10_000 }) }), {
      minLength: 1,
      maxLength: 3,
    }),
    fc.nat(900),
  )
  .map(([lines, shipping]) => partOf(lines, shipping))

test('whatever is asked of an order, its money and its pieces add up (I1, I3), and what ended stays ended', () => {
  fc.assert(
    fc.property(fc.array(partArbitrary, { minLength: 1, maxLength: 4 }), fc.array(command, { maxLength: 40 }), (parts, commands) => {
      let order = orderWith(parts)
      const books = new Books()
      for (const asked of commands) {
        const before = order
        try {
          const changes = run(order, asked)
          books.note(changes)
          order = applied(order, changes)
        } catch (error) {
          assert.ok(error instanceof AppError, String(error))
        }
        if (before.status === 'completed' || before.status === 'cancelled') assert.equal(order.status, before.status)
      }
      const valueOf = (status: FulfilmentStatus) =>
        order.parts.filter((part) => part.status === status).reduce((sum, part) => sum + part.itemsMinor + part.shippingMinor, 0)
      const returned = order.returns.filter(({ status }) => status === 'accepted')
      assert.equal(books.captured, valueOf('shipped'))
      assert.equal(books.voided, valueOf('cancelled'))
      assert.equal(
        books.refunded,
        returned.reduce((sum, { refundMinor }) => sum + refundMinor, 0),
      )
      assert.ok(books.refunded <= books.captured, 'no more is paid back than was taken')
      for (const part of order.parts)
        for (const { productId, quantity } of part.lines)
          assert.ok((books.restocked.get(productId) ?? 0) <= quantity, 'no piece comes back twice')
      if (order.status === 'cancelled') assert.equal(books.captured, 0)
      if (order.status === 'completed') assert.equal(valueOf('open'), 0)
    }),
    { numRuns: 500 },
  )
})

test('shipping the same part twice is one shipment, other tracking is refused', () => {
  const part = partOf([{ quantity: 1, unitPriceMinor: 100 }], 0)
  const shipped = applied(orderWith([part]), ship(orderWith([part]), part.id, 'PostNL', '1'))
  assert.deepEqual(ship(shipped, part.id, 'PostNL', '1'), [])
  assert.throws(() => ship(shipped, part.id, 'PostNL', '2'), { code: 'fulfilments.wrong-status' })
  assert.throws(() => cancelPart(shipped, part.id), { code: 'fulfilments.wrong-status' })
  assert.throws(() => cancelRest(shipped), { code: 'orders.not-cancellable' })
})

test('with the last piece of a part its shipping is paid back, before it is not', () => {
  const part = partOf([{ quantity: 2, unitPriceMinor: 100 }], 50)
  const shipped = applied(orderWith([part]), ship(orderWith([part]), part.id, 'PostNL', null))
  const back = (order: PaidOrder) => {
    const lines = [{ productId: part.lines[0]?.productId as ProductId, quantity: 1 }]
    return requestReturn(order, { id: newId('return'), partId: part.id, lines, reason: null, now: 0 })
  }
  const first = back(shipped)
  const second = back(applied(shipped, first))
  assert.deepEqual(
    [first, second].map(([change]) => change?.kind === 'return' && change.asked.refundMinor),
    [100, 150],
  )
  assert.throws(() => back(applied(applied(shipped, first), second)), { code: 'returns.not-possible' })
})
