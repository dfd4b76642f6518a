import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { idOf, newId, uuidOf, type Id } from '@catamaran/contracts'
import { testScope, type TestScope } from '@catamaran/testing'
import pg from 'pg'
import { audit, type Arrival, type Books, type Movement, type PublishedEvent } from '../src/index.js'
import { checkSales } from '../src/sales.js'

const migrateOf = (service: string) => fileURLToPath(new URL(`../../../../apps/${service}/dist/src/migrate.js`, import.meta.url))

let scope: TestScope
let client: pg.Client
let auxClient: pg.Client
const [product, seller, buyer] = [newId('product'), newId('seller'), newId('user')]
/** An order that is being paid, one that was shipped and in part returned, and one that was cancelled after it was authorised. */
const [pending, shipped, cancelled] = [newId('order'), newId('order'), newId('order')]
const part = newId('fulfilment')
const [partner, hook] = [newId('partner'), newId('webhookEndpoint')]

/** A database with the tables of a service, by its own migrations. */
const migrated = async (name: 'core' | 'aux'): Promise<pg.Client> => {
  const url = await scope.database(name)
  const env = {
    DATABASE_URL: url,
    DYNAMODB_ENDPOINT: scope.engines.dynamodbEndpoint,
    DYNAMODB_TABLE_PREFIX: scope.tablePrefix,
    AWS_REGION: 'local',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  }
  const [code] = (await once(
    spawn(process.execPath, [migrateOf(`${name}-service`)], { env, stdio: ['ignore', 'inherit', 'inherit'] }),
    'exit',
  )) as [number]
  assert.equal(code, 0)
  const opened = new pg.Client({ connectionString: url })
  await opened.connect()
  scope.onClose(() => opened.end())
  return opened
}

const run = (text: string, ...values: unknown[]) => client.query(text, values)

const write = async (): Promise<void> => {
  const [p, s, b] = [uuidOf(product), uuidOf(seller), uuidOf(buyer)]
  await run("insert into seller (id, name, slug) values ($1, 'A seller', 'a-seller')", s)
  await run(
    "insert into product (id, seller_id, name, description, category, price_minor, currency) values ($1, $2, 'A thing', '', 'kitchen', 1000, 'EUR')",
    ...[p, s],
  )
  await run('insert into stock (product_id, available, held, sold, initial) values ($1, 7, 1, 2, 10)', p)
  const order = `insert into orders (id, buyer_id, idempotency_key, request_hash, status, cancel_reason, version, currency, total_minor, delivery_address, hold_expires_at)
    values ($1::uuid, $2, $1::uuid::text, '', $3, $4, $5, 'EUR', $6, '{}', now())`
  const line = `insert into order_line (order_id, line_no, product_id, seller_id, product_name, quantity, unit_price_minor, shipping_minor)
    values ($1, 1, $2, $3, 'A thing', $4, 1000, 500)`
  const transition = `insert into order_transition (order_id, version, to_status, event) values ($1, $2, $3, $4)`
  const operation = `insert into payment_operation (id, order_id, seq, kind, amount_minor, part_id, status, release, finished_at)
    values (gen_random_uuid(), $1, $2, $3, $4, $5, $6, 'test', case when $6 = 'due' then null else now() end)`
  for (const [id, quantity, status, reason, version] of [
    [pending, 1, 'pending_payment', null, 1],
    [shipped, 3, 'shipped', null, 3],
    [cancelled, 1, 'cancelled', 'hold_expired', 2],
  ] as const) {
    await run(order, uuidOf(id), b, status, reason, version, quantity * 1000 + 500)
    await run(line, uuidOf(id), p, s, quantity)
    await run(transition, uuidOf(id), 1, 'pending_payment', 'order.placed')
    if (version >= 2) await run(transition, uuidOf(id), 2, status, `order.${status}`)
    if (version === 3) await run(transition, uuidOf(id), 3, status, 'fulfilment.shipped')
  }
  await run(
    "insert into fulfilment (id, order_id, seller_id, status, items_minor, shipping_minor, ended_at) values ($1, $2, $3, 'shipped', 3000, 500, now())",
    ...[uuidOf(part), uuidOf(shipped), s],
  )
  await run(
    `insert into order_return (id, order_id, fulfilment_id, seller_id, status, lines, refund_minor, is_restocked)
     values (gen_random_uuid(), $1, $2, $3, 'accepted', $4, 1000, true)`,
    ...[uuidOf(shipped), uuidOf(part), s, JSON.stringify([{ productId: p, quantity: 1 }])],
  )
  await run(operation, uuidOf(pending), 1, 'authorise', 1500, null, 'due')
  await run(operation, uuidOf(shipped), 1, 'authorise', 3500, null, 'succeeded')
  await run(operation, uuidOf(cancelled), 1, 'authorise', 1500, null, 'succeeded')
  const endpoint = `insert into webhook_endpoint (id, partner_id, url, description, events, created_at, updated_at)
    values ($1, $2, 'http://127.0.0.1:1/hooks', '', '{fulfilment.*}', now() - interval '1 day', now() - interval '1 day')`
  await auxClient.query(endpoint, [uuidOf(hook), uuidOf(partner)])
  const delivery = `insert into webhook_delivery (endpoint_id, event_id, subject, type, body, status, finished_at)
    values ($1, $2, $3, 'fulfilment.shipped', '{}', 'delivered', now())`
  await auxClient.query(delivery, [uuidOf(hook), uuidOf(TOLD.id as Id<'event'>), uuidOf(shipped)])
}

const movement = (reference: string, kind: Movement['kind'], amountMinor: number): Movement => ({
  ...{ seq: 1, paymentId: `pay_${reference}`, reference, kind, amountMinor, currency: 'EUR', key: newId('request') },
})
const LEDGER = [
  movement(shipped, 'authorise', 3500),
  movement(shipped, 'capture', 3500),
  movement(shipped, 'refund', 1000),
  movement(cancelled, 'authorise', 1500),
  movement(cancelled, 'void', 1500),
]
const event = (subject: string, sequence: number, type: string, quantity = 0): PublishedEvent => ({
  ...{ id: newId('event'), subject, sequence, type: `orders.order.${type}.v1`, time: new Date().toISOString() },
  data: { lines: [{ productId: product, quantity, unitPriceMinor: 1000 }] },
})
const told = (sequence: number): PublishedEvent => ({
  ...event(shipped, sequence, ''),
  ...{ type: 'orders.fulfilment.shipped.v1', data: { orderId: shipped, partnerId: partner } },
})
const TOLD = told(3)
const arrival = (id: number, webhookId: string, answer = '204', path = '/hooks'): Arrival => ({
  id,
  path,
  webhookId,
  isVerified: true,
  answer,
})
const RECEIVED = [arrival(1, TOLD.id, '500'), arrival(2, TOLD.id)]
const arrivals =
  (...all: Arrival[]) =>
  () =>
    Promise.resolve(all)
const EVENTS = [
  event(pending, 1, 'placed', 1),
  event(shipped, 1, 'placed', 3),
  TOLD,
  event(cancelled, 1, 'placed', 1),
  event(cancelled, 2, 'cancelled'),
]

const booksWith = (changed: Partial<Books> = {}): Books => {
  const query: Books['core'] = async (text, values = []) => (await client.query(text, values as unknown[])).rows
  const auxQuery: Books['aux'] = async (text, values = []) => (await auxClient.query(text, values as unknown[])).rows
  return { core: query, aux: auxQuery, ledger: LEDGER, events: EVENTS, received: arrivals(...RECEIVED), lags: [], chains: [], ...changed }
}
/** Which invariants break while a row is otherwise; everything is as before afterwards. */
const brokenBy = async (statement: string, ...values: unknown[]): Promise<string[]> => {
  await run('begin')
  try {
    await run(statement, ...values)
    return [...new Set((await audit(booksWith())).findings.map(({ invariant }) => invariant))]
  } finally {
    await run('rollback')
  }
}
const foundIn = async (changed: Partial<Books>): Promise<string[]> => (await audit(booksWith(changed))).findings.map(({ detail }) => detail)

before(async () => {
  scope = testScope('audit')
  client = await migrated('core')
  auxClient = await migrated('aux')
  await write()
})
after(() => scope.close())

test('books that nobody touched have no faults', async () => {
  assert.deepEqual(await foundIn({}), [])
  const { orders, waiting, stuck } = await audit(booksWith())
  assert.deepEqual({ orders, waiting, stuck }, { orders: 3, waiting: 1, stuck: 0 })
})

test('I1: a piece that is lost, held for nobody, or sold to nobody is found', async () => {
  const stock = 'alter table stock drop constraint stock_is_conserved; update stock set '
  assert.deepEqual(await brokenBy(`${stock} available = 6`), ['I1'])
  assert.deepEqual(await brokenBy(`${stock} available = 6, held = 2`), ['I1'])
  assert.deepEqual(await brokenBy(`${stock} available = 6, sold = 3`), ['I1'])
  assert.deepEqual(await brokenBy('update order_return set is_restocked = false'), ['I1'])
})

test('I2: a total, a price, a part or a state that is not what was placed is found', async () => {
  assert.deepEqual(await brokenBy('update orders set total_minor = total_minor + 1 where id = $1', uuidOf(pending)), ['I2'])
  assert.deepEqual(
    await brokenBy('update order_line set unit_price_minor = 999, shipping_minor = 501 where order_id = $1', uuidOf(pending)),
    ['I2'],
  )
  assert.deepEqual(await brokenBy("update orders set status = 'completed' where id = $1", uuidOf(pending)), ['I1', 'I2'])
  assert.ok((await brokenBy('delete from fulfilment')).includes('I2'))
})

test('I3: money that was captured, kept, refunded or authorised without reason, or not at all, is found', async () => {
  const without = (kind: string, id: string) => LEDGER.filter((each) => each.kind !== kind || each.reference !== id)
  assert.match((await foundIn({ ledger: without('capture', shipped) }))[0] ?? '', /3500 were shipped, but 0 captured/)
  assert.match((await foundIn({ ledger: without('refund', shipped) }))[0] ?? '', /1000 were returned, but 0 refunded/)
  assert.match((await foundIn({ ledger: without('void', cancelled) }))[0] ?? '', /it is cancelled, and 1500 are reserved/)
  assert.match(
    (await foundIn({ ledger: [...LEDGER, movement(shipped, 'capture', 1)] })).join(),
    /3501 were captured, but only 3500 shipped/,
  )
  assert.match(
    (await foundIn({ ledger: [...LEDGER, movement(pending, 'authorise', 1500), movement(pending, 'authorise', 1500)] })).join(),
    /authorised 2 times/,
  )
  assert.match((await foundIn({ ledger: [...LEDGER, movement(newId('order'), 'authorise', 1)] })).join(), /an order that is not there/)
  assert.match((await foundIn({ ledger: [...LEDGER, LEDGER[0] as Movement] })).join(), /moved money 2 times/)
})

test('I4: a key with two outcomes, a constraint that is gone and an acknowledged order that is lost are found', async () => {
  assert.deepEqual(await brokenBy('alter table orders drop constraint order_idempotency'), ['I4'])
  const refuse = `insert into order_refusal (buyer_id, idempotency_key, request_hash, problem)
    select buyer_id, idempotency_key, '', '{}' from orders where id = $1`
  assert.deepEqual(await brokenBy(refuse, uuidOf(pending)), ['I4'])
  const lost = newId('order')
  const { findings } = await audit(booksWith(), [
    { key: 'a', orderIds: new Set([pending, shipped]), refusals: new Set() },
    { key: 'b', orderIds: new Set([lost]), refusals: new Set() },
    { key: 'c', orderIds: new Set([pending]), refusals: new Set(['orders.out-of-stock']) },
    { key: 'd', orderIds: new Set(), refusals: new Set(['orders.out-of-stock', 'orders.total-changed']) },
    { key: 'e', orderIds: new Set(), refusals: new Set(['orders.out-of-stock']) },
  ])
  assert.match(
    findings.map(({ detail }) => detail).join('\n'),
    new RegExp(
      `the key a was answered with ${pending} and ${shipped}\n` +
        `the key c was answered with ${pending} and orders.out-of-stock\nthe key d was answered with orders.out-of-stock and orders.total-changed\n` +
        `order ${lost} was acknowledged and is not there`,
    ),
  )
})

test('I5: an event that is missing, made up, doubled under another id or out of order, and a gap in the history, are found', async () => {
  assert.match((await foundIn({ events: EVENTS.slice(0, 4) })).join(), /cancelled.v1 of .* never came to Kafka/)
  assert.match((await foundIn({ events: [...EVENTS, event(pending, 2, 'cancelled')] })).join(), /nobody committed it/)
  assert.match((await foundIn({ events: [...EVENTS, event(pending, 1, 'placed', 1)] })).join(), /was published as .* and as/)
  assert.match((await foundIn({ events: EVENTS.toReversed() })).join(), /came after v2/)
  assert.deepEqual(await foundIn({ events: [...EVENTS, ...EVENTS] }), [], 'a repeat is no fault')
  assert.deepEqual(await brokenBy('delete from order_transition where order_id = $1 and version = 1', uuidOf(cancelled)), ['I5'])
  assert.equal(idOf('order', uuidOf(pending)), pending)

  const move = 'update order_transition set at = at + $2::interval where order_id = $1 and version = 2'
  await run(move, uuidOf(cancelled), '-7 days')
  assert.deepEqual(await foundIn({ events: EVENTS.slice(0, 4) }), [], 'Kafka may have forgotten what is a week old')
  await run(move, uuidOf(cancelled), '7 days')
})

test('I6: a webhook that was never told, never came, or came before its turn is found; one that came twice is not', async () => {
  assert.match(
    (await foundIn({ received: arrivals(arrival(1, TOLD.id, '500')) })).join(),
    /counts as delivered, and its receiver never accepted it/,
  )
  assert.deepEqual(await foundIn({ received: arrivals(...RECEIVED, arrival(3, TOLD.id)) }), [])
  const later = told(4)
  const events = [...EVENTS, later]
  assert.match((await foundIn({ events })).join(), new RegExp(`was never told of ${later.id}`))
  const early = [arrival(1, later.id), ...RECEIVED]
  assert.match(
    (await foundIn({ events, received: arrivals(...early) })).join(),
    new RegExp(`${later.id} of ${shipped} was sent before ${TOLD.id} was accepted`),
  )
})

test("I7: what came to another partner's receiver is found", async () => {
  const [other, url] = [newId('partner'), 'http://127.0.0.1:1/others']
  const insert = "insert into webhook_endpoint (id, partner_id, url, description, events) values (gen_random_uuid(), $1, $2, '', '{*}')"
  await auxClient.query('begin')
  try {
    await auxClient.query(insert, [uuidOf(other), url])
    const { findings } = await audit(booksWith({ received: arrivals(...RECEIVED, arrival(3, TOLD.id, '204', '/others')) }))
    assert.deepEqual(
      findings.map(({ invariant }) => invariant),
      ['I7'],
    )
  } finally {
    await auxClient.query('rollback')
  }
})

test("I5: a partner's sales that are not what core's own tables say are found, unless their events are on the way", async () => {
  const count = `insert into product_day values ($1, (now() at time zone 'utc')::date, $2, 'EUR', 3, 3000, 0, 0, 1, 1000)`
  const salesIn = async (changed: Partial<Books> = {}) => (await checkSales(booksWith(changed))).map(({ detail }) => detail)
  await Promise.all([run('begin'), auxClient.query('begin')])
  try {
    await run('update seller set partner_id = $1', uuidOf(partner))
    const happened = 'insert into order_transition (order_id, version, to_status, event, part_id) select order_id, $1, $2, $3, id from '
    await run(`${happened} fulfilment`, 4, 'confirmed', 'fulfilment.created')
    await run(`${happened} order_return`, 5, 'shipped', 'return.accepted')
    assert.match((await salesIn()).join(), /core has sold 3 for 3000, cancelled 0 for 0, returned 1 for 1000, aux has nothing/)
    assert.deepEqual(await salesIn({ lags: [{ group: 'aux.sales', topic: 'orders', behind: 1 }] }), [])
    await auxClient.query(count, [uuidOf(partner), uuidOf(product)])
    assert.deepEqual(await salesIn(), [])
    await auxClient.query('update product_day set returned_minor = 999')
    assert.match((await salesIn()).join(), /returned 1 for 1000, aux has sold 3 for 3000, cancelled 0 for 0, returned 1 for 999/)
  } finally {
    await Promise.all([run('rollback'), auxClient.query('rollback')])
  }
})

test('I8: what is wrong with a chain is told', async () => {
  const { findings } = await audit(booksWith({ chains: ['chain orders#3, link 5: it was altered'] }))
  assert.deepEqual(findings, [{ invariant: 'I8', detail: 'chain orders#3, link 5: it was altered' }])
})
