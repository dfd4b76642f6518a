import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { newId, uuidOf, type DomainEvent } from '@catamaran/contracts'
import { Database } from '@catamaran/data'
import { startTelemetry } from '@catamaran/platform'
import { figureOf, OutageProxy, until } from '@catamaran/testing'
import { Kafka, logLevel } from 'kafkajs'
import { Outbox } from '../src/index.js'
import { commit, countOf, keepingLogger, makeSetting, orderPlaced, readTopic, startRelay, type Lying } from './setting.js'

/** kafkajs's name for it can't be imported from an ES module. */
const TOPIC_RESOURCE = 2

type Setting = Awaited<ReturnType<typeof makeSetting>>
const settings: Setting[] = []
after(() => Promise.all(settings.map(({ scope }) => scope.close())))
const setting = async (name: string): Promise<Setting> => {
  const made = await makeSetting(name, { partitions: 3 })
  settings.push(made)
  return made
}

/** Whether the last state a relay told of is this one. */
const isNow = (lines: readonly Record<string, unknown>[], state: string): boolean =>
  lines.filter((line) => 'outbox' in line).at(-1)?.['outbox'] === state
const isEmpty = async ({ database }: Setting): Promise<boolean> => (await countOf(database, 'outbox')) === 0
const emptied = (made: Setting): Promise<true> => until(() => isEmpty(made), { message: 'the outbox is empty', deadlineMs: 20_000 })
const sequencesOf = (messages: readonly Lying[], key: string): number[] =>
  messages.filter((message) => message.key === key).map(({ headers }) => Number(headers['ce_sequence']))
const scrape = startTelemetry('core-service')
/** What the relay that was started last tells. */
const figure = async (series: string): Promise<number> => figureOf(await scrape('text'), series)
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

test('what a statement writes with bare UUIDs goes out with ids, in the order of each aggregate', async () => {
  const made = await setting('order')
  const { scope, database, outbox } = made
  startRelay(scope, outbox, { batchSize: 50 })
  const orders = Array.from({ length: 20 }, () => newId('order'))
  const { data } = orderPlaced()
  for (const sequence of upTo(60)) {
    await database.query(
      {
        name: 'write-many',
        text: `insert into outbox (id, type, subject, sequence, data)
          select gen_random_uuid(), 'orders.order.placed.v1', subject, $2, data from unnest($1::uuid[], $3::text[]) as o(subject, data)`,
      },
      [orders.map(uuidOf), sequence, orders.map((orderId) => JSON.stringify({ ...data, orderId: uuidOf(orderId) }))],
    )
    outbox.wake()
  }
  await emptied(made)
  const messages = await readTopic(scope, 'orders', 1_200)
  for (const orderId of orders) assert.deepEqual(sequencesOf(messages, orderId), upTo(60))
  assert.equal(messages.length, 1_200)
  const [message] = messages
  const value = JSON.parse(message?.value ?? '') as { orderId: string }
  assert.equal(value.orderId, message?.headers['ce_subject'])
  assert.deepEqual(
    [message?.headers['ce_specversion'], message?.headers['ce_source'], message?.headers['content-type']],
    ['1.0', '/core-service', 'application/json'],
  )
})

test('a row that can never be published is set aside with its reason, and those behind it go out', async () => {
  const made = await setting('dead')
  const { scope, database, outbox } = made
  const raw = { name: 'raw', text: 'insert into outbox (id, type, subject, sequence, data) values (gen_random_uuid(), $1, $2, 1, $3)' }
  await database.query(raw, ['orders.order.placed.v1', uuidOf(newId('order')), '{not json'])
  await database.query(raw, ['orders.order.unheard-of.v9', uuidOf(newId('order')), '{}'])
  const placed = orderPlaced()
  await commit(outbox, placed)
  const told: DomainEvent[] = []
  const { logger, lines } = keepingLogger()
  startRelay(scope, outbox, { logger, onPublished: (events) => void told.push(...events) })
  await emptied(made)
  await until(() => told.length > 0)
  assert.deepEqual(
    told.map(({ subject, data }) => ({ subject, data })),
    [{ subject: placed.subject, data: placed.data }],
  )
  const dead = await database.query<{ reason: string }>({ name: 'dead', text: 'select reason from outbox_dead order by seq' })
  assert.match(dead[0]?.reason ?? '', /SyntaxError.*JSON/)
  assert.match(dead[1]?.reason ?? '', /unheard-of\.v9 is not in the event map/)
  assert.equal(lines.filter(({ level }) => level === 'error').length, 2)
})

test('an event too large for the broker is set aside alone, though it was sent with others', async () => {
  const made = await setting('large')
  const { scope, database, outbox } = made
  const admin = new Kafka({ brokers: scope.kafka.brokers, logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  await admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: TOPIC_RESOURCE,
        name: `${scope.kafka.topicPrefix}orders`,
        configEntries: [{ name: 'max.message.bytes', value: '4000' }],
      },
    ],
  })
  await admin.disconnect()
  const small = orderPlaced()
  const large = orderPlaced()
  const [line] = large.data.lines
  assert.ok(line)
  await commit(
    outbox,
    small,
    { ...large, data: { ...large.data, lines: Array.from({ length: 60 }, () => line) } },
    orderPlaced(undefined, 2),
  )
  startRelay(scope, outbox)
  await emptied(made)
  const messages = await readTopic(scope, 'orders', 2)
  assert.ok(messages.every(({ key }) => key !== large.subject))
  const [dead] = await database.query<{ reason: string; subject: string }>({ name: 'dead', text: 'select * from outbox_dead' })
  assert.equal(dead?.subject, uuidOf(large.subject))
  assert.match(dead?.reason ?? '', /larger than the max/)
})

test('a payload that its schema refuses, or that is too large, is refused where it is written', async () => {
  const { outbox, database } = await setting('refused')
  const bad = { ...orderPlaced(), data: { ...orderPlaced().data, totalMinor: -1 } }
  await assert.rejects(commit(outbox, bad), /orders\.order\.placed\.v1 of ord_.* payload that its schema refuses/)
  const placed = orderPlaced()
  const [line] = placed.data.lines
  assert.ok(line)
  const large = { ...placed, data: { ...placed.data, lines: Array.from({ length: 1_000 }, () => line) } }
  await assert.rejects(commit(outbox, large), /payload of \d+ bytes; at most 65536 fit/)
  assert.equal(await countOf(database, 'outbox'), 0)
})

test('of two relays one publishes; when its database connection dies the other takes over and nothing is lost', async () => {
  const made = await setting('lease')
  const { scope, url, database, outbox } = made
  const proxy = await OutageProxy.before(url)
  const first = new Database({ url: proxy.url })
  scope.onClose(async () => {
    await first.onApplicationShutdown()
    await proxy.close()
  })
  const byFirst: DomainEvent[] = []
  const bySecond: DomainEvent[] = []
  const options = { leaseMs: 600, pollMs: 20 }
  const holders = (): Promise<{ holder: string }[]> => database.query({ name: 'holder', text: 'select holder from outbox_lease' })
  startRelay(scope, new Outbox(first), { ...options, onPublished: (events) => void byFirst.push(...events) })
  const [leader] = await until(async () => ((await holders()).length > 0 ? holders() : false), { message: 'somebody leads' })
  startRelay(scope, outbox, { ...options, onPublished: (events) => void bySecond.push(...events) })

  const order = newId('order')
  for (const sequence of upTo(5)) await commit(outbox, orderPlaced(order, sequence))
  await until(() => byFirst.length === 5, { message: 'the leader publishes what another process wrote' })
  assert.deepEqual(await holders(), [leader])
  assert.equal(bySecond.length, 0)

  proxy.cut()
  for (const sequence of [6, 7, 8]) await commit(outbox, orderPlaced(order, sequence))
  await until(() => bySecond.length === 3, { message: 'the other takes over' })
  assert.notDeepEqual(await holders(), [leader])
  proxy.restore()
  await commit(outbox, orderPlaced(order, 9))
  await until(() => bySecond.length === 4, { message: 'the new leader goes on' })
  assert.equal(byFirst.length, 5)
  assert.deepEqual(sequencesOf(await readTopic(scope, 'orders', 9), order), upTo(9))
})

test('a relay whose lease was taken publishes nothing until it is free again', async () => {
  const made = await setting('lost')
  const { scope, database, outbox } = made
  const { logger, lines } = keepingLogger()
  startRelay(scope, outbox, { logger, leaseMs: 200, pollMs: 10 })
  await until(() => isNow(lines, 'leading'))
  const lease = (interval: string): Promise<object[]> =>
    database.query(
      {
        name: 'take-lease',
        text: 'update outbox_lease set holder = gen_random_uuid(), expires_at = now() + $1::interval',
      },
      [interval],
    )
  await lease('1 hour')
  await until(() => isNow(lines, 'following'), { message: 'it notices' })
  await commit(outbox, orderPlaced())
  assert.equal(await countOf(database, 'outbox'), 1)
  await lease('-1 second')
  await emptied(made)
})

test('a relay that stops hands its lease over at once', async () => {
  const made = await setting('handover')
  const { scope, database, outbox } = made
  const first = startRelay(scope, outbox, { leaseMs: 60_000 })
  await commit(outbox, orderPlaced())
  await emptied(made)
  await first.stop()
  assert.deepEqual(await database.query({ name: 'leases', text: 'select * from outbox_lease' }), [])
  startRelay(scope, outbox, { leaseMs: 60_000 })
  await commit(outbox, orderPlaced())
  await emptied(made)
})

test('while Kafka is away events wait, one line tells of it, and afterwards they arrive in order', async () => {
  const made = await setting('kafka_gone')
  const { scope, outbox } = made
  const proxy = await OutageProxy.before(scope.kafka.brokers[0] ?? '')
  scope.onClose(() => proxy.close())
  const { logger, lines } = keepingLogger()
  startRelay(scope, outbox, { logger, batchSize: 10, kafka: { ...scope.kafka, brokers: [proxy.url] } })
  const order = newId('order')
  await commit(outbox, orderPlaced(order, 1))
  await until(() => isNow(lines, 'leading'))
  await emptied(made)

  proxy.cut()
  for (const sequence of upTo(20).slice(1)) await commit(outbox, orderPlaced(order, sequence))
  await until(() => lines.some(({ outbox: state }) => state === 'waiting for Kafka'), { message: 'it says that Kafka is away' })
  assert.equal(await countOf(made.database, 'outbox'), 19)
  await until(async () => (await figure('outbox_depth')) === 19, { message: 'the depth is counted beyond a batch' })
  assert.equal(await figure('circuit_breaker_state{peer="kafka"}'), 1)
  assert.ok((await figure('outbox_age_seconds')) > 0)
  proxy.restore()
  await emptied(made)
  await until(() => isNow(lines, 'leading'))
  await until(async () => (await figure('outbox_depth')) + (await figure('outbox_age_seconds')) === 0)
  assert.equal(await figure('circuit_breaker_state{peer="kafka"}'), 0)
  const states = lines.filter((line) => 'outbox' in line).map(({ outbox: state }) => state)
  assert.deepEqual(states, ['leading', 'waiting for Kafka', 'leading'])
  assert.deepEqual([...new Set(sequencesOf(await readTopic(scope, 'orders', 20), order))], upTo(20))
})

test('while PostgreSQL is away the relay waits, and goes on when it is back', async () => {
  const made = await setting('postgres_gone')
  const { scope, url, outbox } = made
  const proxy = await OutageProxy.before(url)
  const proxied = new Database({ url: proxy.url })
  scope.onClose(async () => {
    await proxied.onApplicationShutdown()
    await proxy.close()
  })
  const { logger, lines } = keepingLogger()
  proxy.cut()
  startRelay(scope, new Outbox(proxied), { logger, leaseMs: 300 })
  await until(() => lines.some(({ outbox: state }) => state === 'waiting for PostgreSQL'))
  proxy.restore()
  await commit(outbox, orderPlaced())
  await until(() => isNow(lines, 'leading'))
  await emptied(made)
  proxy.cut()
  await commit(outbox, orderPlaced())
  await until(() => lines.filter(({ outbox: state }) => state === 'waiting for PostgreSQL').length === 2)
  proxy.restore()
  await emptied(made)
})

test('the inbox forgets what is older than told', async () => {
  const { scope, database, outbox } = await setting('prune')
  await database.query({
    name: 'old',
    text: `insert into inbox (consumer, event_id, received_at) select 'c', gen_random_uuid(), now() - n * interval '1 day' from generate_series(1, 20) n`,
  })
  startRelay(scope, outbox, { inboxMs: 10.5 * 24 * 3_600_000 })
  await until(async () => (await countOf(database, 'inbox')) === 10, { message: 'ten are left' })
})
