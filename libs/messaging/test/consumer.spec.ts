import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Controller } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import { newId, type DomainEvent } from '@catamaran/contracts'
import { AppError, logFields } from '@catamaran/platform'
import { OutageProxy, until } from '@catamaran/testing'
import { Kafka, logLevel, type Message } from 'kafkajs'
import { createTopics, Inbox, type EventBatch } from '../src/index.js'
import { messageOf } from '../src/cloud-event.js'
import { countOf, keepingLogger, makeSetting, orderPlaced, readTopic, startConsumers } from './setting.js'

type Placed = DomainEvent<'orders.order.placed.v1'>
type Setting = Awaited<ReturnType<typeof makeSetting>>
const settings: Setting[] = []
after(() => Promise.all(settings.map(({ scope }) => scope.close())))
const setting = async (name: string, partitions = 2): Promise<Setting> => {
  const made = await makeSetting(name, { partitions })
  settings.push(made)
  return made
}

/** An event as the relay would send it. */
const placedMessage = (partition = 0, sequence = 1): Message & { value: string } => {
  const { subject, data, type } = orderPlaced()
  const event = { id: newId('event'), type, source: '/core-service', subject, time: new Date().toISOString(), sequence, data }
  return { ...messageOf(event), partition }
}

/** Puts messages on the topic `orders`, where they say. */
const produce = async ({ scope }: Setting, messages: Message[]): Promise<void> => {
  const producer = new Kafka({ brokers: scope.kafka.brokers, logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  await producer.send({ topic: `${scope.kafka.topicPrefix}orders`, messages })
  await producer.disconnect()
}

const idOfMessage = ({ headers }: Message): string => String(headers?.['ce_id'])
const fast = { retryMs: 5, attempts: 3 }

test('an effect happens once however often its event is delivered', async () => {
  const made = await setting('once')
  const { database } = made
  const inbox = new Inbox()
  await database.query({ name: 'effect', text: 'create table effect (event text)' })
  let deliveries = 0

  @Controller()
  class Consumer {
    @EventPattern('orders.order.placed.v1', { group: 'once' })
    async onPlaced(@Payload() event: Placed): Promise<void> {
      deliveries++
      await database.transaction(async (tx) => {
        if (!(await inbox.firstTime(tx, 'once', event.id))) return
        await tx.query({ name: 'count', text: 'insert into effect values ($1)' }, [event.id])
      })
      if (deliveries === 1) throw new Error('the process dies after the commit')
    }
  }
  const message = placedMessage()
  await produce(made, [message, message, placedMessage()])
  await startConsumers(made.scope, Consumer, fast)
  await until(async () => deliveries === 4 && (await countOf(database, 'inbox')) === 2, { message: 'one was tried twice, one sent twice' })
  const effects = await database.query<{ event: string }>({ name: 'effects', text: 'select event from effect' })
  assert.deepEqual(
    effects.map(({ event }) => event).filter((event) => event === idOfMessage(message)),
    [idOfMessage(message)],
  )
  assert.equal(effects.length, 2)
  assert.equal(await countOf(database, 'inbox'), 2)
})

test('a message that can never succeed goes to the dead-letter topic with its reason, and later ones pass', async () => {
  const made = await setting('poison', 1)
  const seen: string[] = []
  const poison = placedMessage()
  const good = placedMessage()
  const malformed = { ...placedMessage(), value: '{"orderId": 7' }
  const foreign = { ...placedMessage(), headers: { ...placedMessage().headers, ce_id: 'ord_nonsense' } }
  const unknown = { ...placedMessage(), headers: { ...placedMessage().headers, ce_type: 'orders.order.unheard-of.v9' } }

  @Controller()
  class Consumer {
    @EventPattern('orders.order.placed.v1', { group: 'poison' })
    async onPlaced(@Payload() event: Placed): Promise<void> {
      seen.push(event.id)
      logFields({ orderId: event.data.orderId })
      await Promise.resolve()
      if (event.id === idOfMessage(poison)) throw new AppError('orders.not-found', {}, { cause: new TypeError('of undefined') })
    }
  }
  const { logger, lines } = keepingLogger()
  await produce(made, [poison, malformed, foreign, unknown, good])
  await startConsumers(made.scope, Consumer, { ...fast, logger })
  const dead = await readTopic(made.scope, 'orders.dead', 3)
  await until(() => seen.includes(idOfMessage(good)), { message: 'the one behind them passes' })
  assert.deepEqual(seen, [...Array.from({ length: 3 }, () => idOfMessage(poison)), idOfMessage(good)])

  const [first, second, third] = dead
  const { scope } = made
  assert.deepEqual(
    { ...first?.headers, dead_time: '' },
    {
      ...poison.headers,
      dead_group: 'poison',
      dead_code: 'orders.not-found',
      dead_message: 'AppError: orders.not-found: There is no such order; TypeError: of undefined',
      dead_attempts: '3',
      dead_topic: `${scope.kafka.topicPrefix}orders`,
      dead_partition: '0',
      dead_offset: '0',
      dead_time: '',
    },
  )
  assert.equal(first?.value, poison.value)
  assert.equal(first?.key, poison.key)
  assert.deepEqual(
    [second, third].map((letter) => [letter?.headers['dead_code'], letter?.headers['dead_message'], letter?.headers['dead_attempts']]),
    [
      ['message.malformed', 'the value is not JSON', '1'],
      ['message.malformed', 'ce_id is not the id of an event', '1'],
    ],
  )
  const outcomes = lines.filter(({ message }) => message === 'message').map(({ outcome }) => outcome)
  assert.deepEqual(outcomes, ['retried', 'retried', 'dead', 'dead', 'dead', 'done'])
  assert.ok(lines.some(({ outcome, orderId }) => outcome === 'done' && typeof orderId === 'string'))
})

test('while a dependency is down its partition waits without losing anything, and the others go on', async () => {
  const made = await setting('down', 2)
  const seen: { id: string; sequence: number }[] = []
  let isDown = true
  let tries = 0

  @Controller()
  class Consumer {
    @EventPattern('orders.order.placed.v1', { group: 'down' })
    async onPlaced(@Payload() event: Placed): Promise<void> {
      await Promise.resolve()
      if (event.sequence < 10 && isDown) {
        tries++
        throw new AppError('service.unavailable')
      }
      seen.push({ id: event.id, sequence: event.sequence })
    }
  }
  const { logger, lines } = keepingLogger()
  await startConsumers(made.scope, Consumer, { ...fast, maxWaitMs: 100, logger })
  await produce(made, [placedMessage(0, 1), placedMessage(0, 2), placedMessage(1, 10)])
  await until(() => tries > 1, { message: 'the first was tried' })
  await produce(made, [placedMessage(1, 11), placedMessage(0, 3)])
  await until(() => seen.length === 2, { message: 'the other partition goes on' })
  await until(() => tries > 6, { message: 'it is tried more often than a poison message would be' })
  assert.deepEqual(
    seen.map(({ sequence }) => sequence),
    [10, 11],
  )
  isDown = false
  await until(() => seen.length === 5, { message: 'what waited is handled' })
  assert.deepEqual(
    seen.slice(2).map(({ sequence }) => sequence),
    [1, 2, 3],
  )
  assert.equal(lines.filter(({ outcome }) => outcome === 'waiting').length, 1)
})

test('a message that spoils its batch is found and given up alone', async () => {
  const made = await setting('batch', 1)
  const messages = Array.from({ length: 20 }, (_, index) => placedMessage(0, index + 1))
  const malformed = { ...placedMessage(), value: 'no' }
  const done: number[] = []
  let largest = 0

  @Controller()
  class Consumer {
    @EventPattern('orders', { group: 'batch', batch: true })
    async onBatch(@Payload() batch: EventBatch): Promise<void> {
      await Promise.resolve()
      assert.equal(batch.topic, 'orders')
      largest = Math.max(largest, batch.events.length)
      if (batch.events.some(({ event }) => event.sequence === 13)) throw new Error('not this one')
      for (const { offset, event } of batch.events) {
        assert.ok(offset >= batch.firstOffset && offset <= batch.lastOffset)
        done.push(event.sequence)
      }
    }
  }
  const { logger, lines } = keepingLogger()
  await produce(made, [...messages, malformed])
  await startConsumers(made.scope, Consumer, { ...fast, batchSize: 8, logger })
  const dead = await readTopic(made.scope, 'orders.dead', 2)
  await until(() => done.length === 19)
  assert.deepEqual(
    done,
    Array.from({ length: 20 }, (_, index) => index + 1).filter((sequence) => sequence !== 13),
  )
  assert.deepEqual(
    dead.map(({ headers }) => [headers['dead_offset'], headers['dead_code']]),
    [
      ['12', 'internal'],
      ['20', 'message.malformed'],
    ],
  )
  assert.equal(largest, 8)

  // Alone in its batch it is as dead, and not skipped.
  await produce(made, [malformed])
  const isTold = ({ outcome, deadCode }: Record<string, unknown>) => outcome === 'dead' && deadCode === 'message.malformed'
  await until(() => lines.some(isTold), { message: 'it is told as dead' })
})

test('one group that fails does not make another see a message twice', async () => {
  const made = await setting('groups', 1)
  const calls = { good: 0, bad: 0 }

  @Controller()
  class Consumers {
    @EventPattern('orders.order.placed.v1', { group: 'bad' })
    async onBad(@Payload() _event: Placed): Promise<void> {
      calls.bad++
      await Promise.reject(new Error('never'))
    }

    @EventPattern('orders.order.placed.v1', { group: 'good' })
    async onGood(@Payload() _event: Placed): Promise<void> {
      calls.good++
      await Promise.resolve()
    }
  }
  await produce(made, [placedMessage()])
  await startConsumers(made.scope, Consumers, fast)
  await readTopic(made.scope, 'orders.dead', 1)
  await until(() => calls.good > 0)
  assert.deepEqual(calls, { good: 1, bad: 3 })
})

test('closing finishes the message in hand and commits it, and does not wait for one that is held', async () => {
  const made = await setting('close', 2)
  const started: number[] = []
  const finished: number[] = []
  let finish: () => void = () => undefined

  @Controller()
  class Consumer {
    @EventPattern('orders.order.placed.v1', { group: 'close' })
    async onPlaced(@Payload() { sequence }: Placed): Promise<void> {
      started.push(sequence)
      if (sequence === 10) throw new AppError('service.unavailable')
      if (sequence === 1) await new Promise<void>((resolve) => (finish = resolve))
      finished.push(sequence)
    }
  }
  await produce(made, [placedMessage(1, 10), placedMessage(0, 1), placedMessage(0, 2)])
  const app = await startConsumers(made.scope, Consumer)
  await until(() => started.includes(1) && started.includes(10))
  const closing = app.close()
  let isClosed = false
  void closing.then(() => (isClosed = true))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isClosed, false)
  finish()
  await closing
  assert.deepEqual(finished, [1])

  started.length = 0
  await startConsumers(made.scope, Consumer)
  await until(() => started.includes(2) && started.includes(10), { message: 'the next process goes on behind it' })
  assert.ok(!started.includes(1))
})

test('consumers start without Kafka, outlive its absence and lose nothing', async () => {
  const made = await setting('absent', 1)
  const { scope } = made
  const proxy = await OutageProxy.before(scope.kafka.brokers[0] ?? '')
  scope.onClose(() => proxy.close())
  const seen: number[] = []

  @Controller()
  class Consumer {
    @EventPattern('orders.order.placed.v1', { group: 'absent' })
    async onPlaced(@Payload() { sequence }: Placed): Promise<void> {
      await Promise.resolve()
      seen.push(sequence)
    }
  }
  const { logger, lines } = keepingLogger()
  proxy.cut()
  await startConsumers(scope, Consumer, { logger, kafka: { ...scope.kafka, brokers: [proxy.url] } })
  await until(() => lines.some(({ message }) => message === 'consumer group absent: waiting for Kafka'), { message: 'it says so' })
  proxy.restore()
  await produce(made, [placedMessage(0, 1)])
  await until(() => seen.includes(1), { message: 'it consumes' })
  proxy.cut()
  await produce(made, [placedMessage(0, 2)])
  await until(() => lines.filter(({ message }) => message === 'consumer group absent: waiting for Kafka').length === 2, {
    deadlineMs: 20_000,
    message: 'it says so again',
  })
  proxy.restore()
  await until(() => seen.includes(2), { message: 'it consumes again' })
})

test('members of a group share its partitions, and what one leaves the other takes over in order', async () => {
  const made = await setting('members', 4)
  const seen: { by: string; partition: number; sequence: number }[] = []
  const consumerOf = (by: string) => {
    @Controller()
    class Consumer {
      @EventPattern('orders.order.placed.v1', { group: 'members' })
      async onPlaced(@Payload() { sequence }: Placed): Promise<void> {
        await Promise.resolve()
        seen.push({ by, partition: sequence % 4, sequence })
      }
    }
    return Consumer
  }
  let next = 0
  const produceMore = (count: number): Promise<void> =>
    produce(
      made,
      Array.from({ length: count }, () => placedMessage(next % 4, next++)),
    )
  const allSeen = (): boolean => new Set(seen.map(({ sequence }) => sequence)).size === next
  const first = await startConsumers(made.scope, consumerOf('first'))
  await produceMore(40)
  await until(allSeen, { message: 'the first sees all' })
  await startConsumers(made.scope, consumerOf('second'))
  await until(
    async () => {
      await produceMore(4)
      return seen.some(({ by }) => by === 'second') && seen.findLast(({ by }) => by === 'first') !== undefined
    },
    { everyMs: 20, message: 'the second has a share' },
  )
  await until(allSeen, { message: 'nothing is lost when it joins' })
  await first.close()
  const before = seen.length
  await produceMore(40)
  await until(allSeen, { message: 'nothing is lost when the first leaves' })
  assert.deepEqual([...new Set(seen.slice(before).map(({ by }) => by))], ['second'])
  for (const partition of [0, 1, 2, 3]) {
    const sequences = [...new Set(seen.filter((each) => each.partition === partition).map(({ sequence }) => sequence))]
    assert.deepEqual(
      sequences,
      sequences.toSorted((a, b) => a - b),
    )
  }
})

test('a dead letter that can not be written holds the partition until it can', async () => {
  const made = await setting('letter', 1)
  const { scope } = made
  const admin = new Kafka({ brokers: scope.kafka.brokers, logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [`${scope.kafka.topicPrefix}orders.dead`] })
  await admin.disconnect()
  const seen: number[] = []

  @Controller()
  class Consumer {
    @EventPattern('orders.order.placed.v1', { group: 'letter' })
    async onPlaced(@Payload() { sequence }: Placed): Promise<void> {
      await Promise.resolve()
      if (sequence === 1) throw new Error('never')
      seen.push(sequence)
    }
  }
  const { logger, lines } = keepingLogger()
  await produce(made, [placedMessage(0, 1), placedMessage(0, 2)])
  await startConsumers(scope, Consumer, { ...fast, logger, maxWaitMs: 200 })
  await until(() => lines.some(({ outcome }) => outcome === 'waiting'), { message: 'it waits' })
  assert.deepEqual(seen, [])
  await createTopics(scope.kafka, { topics: ['orders'] })
  await until(() => seen.length > 0, { message: 'the next one passes', deadlineMs: 20_000 })
  assert.equal((await readTopic(scope, 'orders.dead', 1)).length, 1)
})
