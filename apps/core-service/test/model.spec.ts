import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  newId,
  uuidOf,
  type FulfilmentId,
  type OrderId,
  type PartnerId,
  type ProductId,
  type ReturnId,
  type UserId,
} from '@catamaran/contracts'
import { AppError } from '@catamaran/platform'
import fc from 'fast-check'
import { Holds } from '../src/orders/holds.js'
import { OrdersService } from '../src/orders/orders.service.js'
import { PaidOrdersService } from '../src/orders/paid-orders.service.js'
import { ADDRESS, Harness } from './harness.js'

const PRICES = [700, 1_100, 300]
const SHIPPING = 250
const STOCK = 6
const RUNS = 25

let harness: Harness
let orders: OrdersService
let paid: PaidOrdersService
let holds: Holds

before(async () => {
  // Nothing happens by itself: each command is the only one that changes anything.
  harness = await Harness.create('model', { HOLD_SWEEP_MS: '3600000', PAYMENT_POLL_MS: '3600000', RETURN_MS: '1' })
  const { service } = await harness.start()
  orders = service.app.get(OrdersService)
  paid = service.app.get(PaidOrdersService)
  holds = service.app.get(Holds)
})
after(() => harness.close())

const run = <Row extends object>(text: string, values: unknown[]) => harness.database.query<Row>({ name: '', text }, values)

interface ModelPart {
  product: number
  quantity: number
  status: 'open' | 'shipped' | 'cancelled'
  returned: number
  asked: { id: ReturnId; quantity: number; minor: number } | undefined
}
interface ModelOrder {
  id: OrderId
  isPending: boolean
  isEnded: boolean
  lines: { product: number; quantity: number }[]
  parts: ModelPart[]
}

/** What the books should say: counted the simple way, one order after the other. */
class Model {
  readonly stock = PRICES.map(() => ({ available: STOCK, held: 0, sold: 0 }))
  readonly orders: ModelOrder[] = []
  captured = 0
  voided = 0
  refunded = 0

  constructor(
    readonly buyer: UserId,
    readonly partner: PartnerId,
    readonly products: readonly ProductId[],
  ) {}

  of(index: number): ModelOrder | undefined {
    return this.orders[index % Math.max(1, this.orders.length)]
  }
}

const command = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      name: fc.constant('place' as const),
      lines: fc.array(fc.record({ product: fc.nat(2), quantity: fc.integer({ min: 1, max: 4 }) }), { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ name: fc.constantFrom('paid' as const, 'declined' as const, 'hold_ended' as const), order: fc.nat(9) }),
  },
  { weight: 2, arbitrary: fc.record({ name: fc.constantFrom('cancel' as const, 'complete' as const), order: fc.nat(9) }) },
  { weight: 5, arbitrary: fc.record({ name: fc.constantFrom('ship' as const, 'giveUp' as const), order: fc.nat(9), part: fc.nat(2) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      name: fc.constant('return' as const),
      order: fc.nat(9),
      part: fc.nat(2),
      quantity: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      name: fc.constant('decide' as const),
      order: fc.nat(9),
      part: fc.nat(2),
      accepts: fc.boolean(),
      restocks: fc.boolean(),
    }),
  },
)
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never

/** Whether the system did it, or refused it as it should. */
const isDone = async (work: () => Promise<unknown>): Promise<boolean> => {
  try {
    await work()
    return true
  } catch (error) {
    assert.ok(error instanceof AppError && error.spec.status < 500, String(error))
    return false
  }
}

const place = async (model: Model, wanted: { product: number; quantity: number }[]): Promise<void> => {
  const quantities = new Map<number, number>()
  for (const { product, quantity } of wanted) quantities.set(product, (quantities.get(product) ?? 0) + quantity)
  const lines = [...quantities].map(([product, quantity]) => ({ product, quantity }))
  const fits = lines.every(({ product, quantity }) => (model.stock[product]?.available ?? 0) >= quantity)
  let id: OrderId | undefined
  const asked = wanted.map(({ product, quantity }) => ({ productId: model.products[product] as ProductId, quantity }))
  const done = await isDone(async () => {
    const placed = await orders.place(model.buyer, newId('request'), { lines: asked, deliveryAddress: ADDRESS, paymentMethod: 'card_ok' })
    id = placed.order.id
    const total = lines.reduce((sum, { product, quantity }) => sum + quantity * (PRICES[product] as number) + SHIPPING, 0)
    assert.equal(placed.order.total.amountMinor, total)
  })
  assert.equal(done, fits, 'an order is placed exactly when all of it is there')
  if (id === undefined) return
  for (const { product, quantity } of lines) {
    const stock = model.stock[product] as Model['stock'][number]
    stock.available -= quantity
    stock.held += quantity
  }
  model.orders.push({ id, isPending: true, isEnded: false, lines, parts: [] })
}

const endHold = async (model: Model, order: ModelOrder, event: 'paid' | 'declined' | 'hold_ended' | 'cancelled'): Promise<void> => {
  if (event === 'hold_ended') await run('update orders set hold_expires_at = now() where id = $1', [uuidOf(order.id)])
  const ended = await holds.end([{ orderId: order.id, event }])
  assert.equal(ended.length === 1, order.isPending, 'a hold ends once')
  if (!order.isPending) return
  order.isPending = false
  for (const { product, quantity } of order.lines) {
    const stock = model.stock[product] as Model['stock'][number]
    stock.held -= quantity
    if (event === 'paid') stock.sold += quantity
    else stock.available += quantity
  }
  if (event === 'paid') order.parts = order.lines.map((line) => ({ ...line, status: 'open', returned: 0, asked: undefined }))
  else order.isEnded = true
}

const minorOf = ({ product, quantity }: { product: number; quantity: number }): number => quantity * (PRICES[product] as number)

const giveUp = (model: Model, part: ModelPart): void => {
  const stock = model.stock[part.product] as Model['stock'][number]
  part.status = 'cancelled'
  stock.sold -= part.quantity
  stock.available += part.quantity
  model.voided += minorOf(part) + SHIPPING
}

const partIdOf = async (order: ModelOrder, part: ModelPart, model: Model): Promise<FulfilmentId> => {
  const read = await orders.read(model.buyer, order.id)
  const line = read.lines.find(({ productId }) => productId === model.products[part.product])
  return read.fulfilments.find(({ sellerId }) => sellerId === line?.sellerId)?.id as FulfilmentId
}

const onPart = async (model: Model, order: ModelOrder, part: ModelPart, asked: Extract<Command, { part: number }>): Promise<void> => {
  const id = await partIdOf(order, part, model)
  const stock = model.stock[part.product] as Model['stock'][number]
  if (asked.name === 'ship') {
    const done = await isDone(() => paid.ship(model.partner, id, 'PostNL', null))
    assert.equal(done, part.status !== 'cancelled')
    if (part.status === 'open') {
      part.status = 'shipped'
      model.captured += minorOf(part) + SHIPPING
    }
  } else if (asked.name === 'giveUp') {
    assert.equal(await isDone(() => paid.cancelPart(model.partner, id)), part.status !== 'shipped')
    if (part.status === 'open') giveUp(model, part)
  } else if (asked.name === 'return') {
    const open = part.quantity - part.returned - (part.asked?.quantity ?? 0)
    const isPossible = part.status === 'shipped' && !order.isEnded && asked.quantity <= open && part.asked === undefined
    if (part.asked !== undefined) return // one at a time keeps the model simple
    const lines = [{ productId: model.products[part.product] as ProductId, quantity: asked.quantity }]
    await run("update orders set returnable_until = now() + interval '1 hour' where id = $1 and returnable_until is not null", [
      uuidOf(order.id),
    ])
    let told: { id: ReturnId; minor: number } | undefined
    const done = await isDone(async () => {
      const { value } = await paid.requestReturn(model.buyer, order.id, undefined, { fulfilmentId: id, lines })
      told = { id: value.id, minor: value.refund.amountMinor }
    })
    assert.equal(done, isPossible)
    if (told === undefined) return
    const isLast = asked.quantity === open
    assert.equal(told.minor, minorOf({ product: part.product, quantity: asked.quantity }) + (isLast ? SHIPPING : 0))
    part.asked = { ...told, quantity: asked.quantity }
  } else if (asked.name === 'decide' && part.asked !== undefined) {
    const { id: returnId, quantity, minor } = part.asked
    await paid.decideReturn(model.partner, returnId, asked.accepts ? 'accept' : 'refuse', asked.restocks)
    part.asked = undefined
    if (!asked.accepts) return
    part.returned += quantity
    model.refunded += minor
    if (asked.restocks) {
      stock.sold -= quantity
      stock.available += quantity
    }
  }
}

const cancel = async (model: Model, order: ModelOrder): Promise<void> => {
  const open = order.parts.filter(({ status }) => status === 'open')
  const isCancelled = order.isEnded && order.parts.every(({ status }) => status !== 'shipped')
  const done = await isDone(() => paid.cancel(model.buyer, order.id))
  assert.equal(done, order.isPending || open.length > 0 || isCancelled || isAllCancelled(order))
  if (order.isPending) {
    order.isPending = false
    order.isEnded = true
    for (const { product, quantity } of order.lines) {
      const stock = model.stock[product] as Model['stock'][number]
      stock.held -= quantity
      stock.available += quantity
    }
  }
  for (const part of open) giveUp(model, part)
}

const isAllCancelled = ({ parts }: ModelOrder): boolean => parts.length > 0 && parts.every(({ status }) => status === 'cancelled')

const complete = async (order: ModelOrder): Promise<void> => {
  // As if all its money had moved and its time for returns were over.
  await run("update payment_operation set status = 'succeeded', finished_at = now() where order_id = $1 and finished_at is null", [
    uuidOf(order.id),
  ])
  await run("update orders set returnable_until = now() - interval '1 s' where id = $1 and returnable_until is not null", [
    uuidOf(order.id),
  ])
  await paid.complete(100)
  const isSettled = order.parts.length > 0 && order.parts.every(({ status, asked }) => status !== 'open' && asked === undefined)
  if (isSettled && !isAllCancelled(order)) order.isEnded = true
}

const apply = async (model: Model, asked: Command): Promise<void> => {
  if (asked.name === 'place') return place(model, asked.lines)
  const order = model.of(asked.order)
  if (order === undefined) return
  if (asked.name === 'paid' || asked.name === 'declined' || asked.name === 'hold_ended') return endHold(model, order, asked.name)
  if (asked.name === 'cancel') return cancel(model, order)
  if (!('part' in asked)) return complete(order)
  const part = order.parts[asked.part % Math.max(1, order.parts.length)]
  if (part !== undefined) await onPart(model, order, part, asked)
}

const statusOf = ({ isPending, isEnded, parts }: ModelOrder): string => {
  if (isPending) return 'pending_payment'
  const shipped = parts.filter(({ status }) => status === 'shipped').length
  if (parts.some(({ status }) => status === 'open')) return shipped > 0 ? 'partially_shipped' : 'confirmed'
  if (shipped === 0) return 'cancelled'
  return isEnded ? 'completed' : 'shipped'
}

const MONEY = `select p.kind, sum(p.amount_minor)::int as minor from payment_operation p join orders o on o.id = p.order_id
  where o.buyer_id = $1 and (p.kind <> 'void' or p.part_id is not null) group by p.kind`

const compare = async (model: Model): Promise<void> => {
  const stock = await run<Model['stock'][number] & { product_id: string }>(
    'select product_id, available, held, sold from stock where product_id = any($1)',
    [model.products.map((id) => uuidOf(id))],
  )
  for (const [index, id] of model.products.entries()) {
    const { product_id: _id, ...row } = stock.find(({ product_id }) => product_id === uuidOf(id)) as (typeof stock)[number]
    assert.deepEqual(row, model.stock[index], `the stock of product ${index}`)
  }
  for (const order of model.orders) assert.equal((await orders.read(model.buyer, order.id)).status, statusOf(order))
  const moved = Object.fromEntries(
    (await run<{ kind: string; minor: number }>(MONEY, [uuidOf(model.buyer)])).map(({ kind, minor }) => [kind, minor]),
  )
  assert.deepEqual(
    { capture: moved['capture'] ?? 0, void: moved['void'] ?? 0, refund: moved['refund'] ?? 0 },
    { capture: model.captured, void: model.voided, refund: model.refunded },
  )
  assert.deepEqual(await harness.faults(), [])
}

const newModel = async (): Promise<Model> => {
  const products = await Promise.all(PRICES.map((priceMinor) => harness.product(STOCK, { priceMinor })))
  const partner = newId('partner')
  await run('update seller set partner_id = $1, shipping_minor = $2 where id in (select seller_id from product where id = any($3))', [
    ...[uuidOf(partner), SHIPPING, products.map((id) => uuidOf(id))],
  ])
  return new Model(newId('user'), partner, products)
}

test('whatever buyers, sellers, clocks and banks do to orders, stock, states and money are what a simple model says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 30 }), async (commands) => {
      const model = await newModel()
      for (const asked of commands) await apply(model, asked)
      await compare(model)
    }),
    { numRuns: RUNS, seed: 20_261_125, endOnFailure: true },
  )
})

test('an order is completed by the database’s clock, whatever this machine’s says', async (context) => {
  const model = await newModel()
  await place(model, [{ product: 0, quantity: 1 }])
  const [order] = model.orders as [ModelOrder]
  await endHold(model, order, 'paid')
  await paid.ship(model.partner, await partIdOf(order, order.parts[0] as ModelPart, model), 'PostNL', null)
  context.mock.method(Date, 'now', () => 0)
  await complete(order)
  assert.equal((await orders.read(model.buyer, order.id)).status, 'completed')
})
