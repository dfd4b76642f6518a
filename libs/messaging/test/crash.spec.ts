import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Controller } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import { newId, type DomainEvent, type OrderId } from '@catamaran/contracts'
import { until } from '@catamaran/testing'
import { Inbox } from '../src/index.js'
import { countOf, makeSetting, readTopic, startConsumers, startRelay, type Lying } from './setting.js'

const WRITER = fileURLToPath(new URL('children/writer.js', import.meta.url))
const { scope, url, database, outbox } = await makeSetting('crash', { partitions: 3 })
after(() => scope.close())

/** Runs the writer until it has said so many commits, then kills it. @returns the last commit it said */
const writeAndKill = async (orderId: OrderId, first: number, commits: number, mode = ''): Promise<number> => {
  const { brokers, topicPrefix } = scope.kafka
  const child = spawn(process.execPath, [WRITER, url, brokers.join(','), topicPrefix, orderId, String(first), mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  let last = first - 1
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = Number(line)
    if (last >= first + commits - 1) child.kill('SIGKILL')
  })
  const [, signal] = (await closed) as [unknown, string]
  assert.equal(signal, 'SIGKILL')
  return last
}

test('an event whose process is killed between commit and publishing is published by the next', async () => {
  const order = newId('order')
  assert.equal(await writeAndKill(order, 1, 1, 'dies'), 1)
  assert.equal(await countOf(database, 'outbox'), 1)
  const relay = startRelay(scope, outbox, { leaseMs: 300 })
  const messages = await readTopic(scope, 'orders', (all) => all.some(({ key }) => key === order))
  assert.equal(messages.filter(({ key }) => key === order).length, 1)
  await until(async () => (await countOf(database, 'outbox')) === 0)
  await relay.stop()
})

test('processes killed at any moment lose nothing, keep the order, and the effect happens once', async () => {
  const order = newId('order')
  const inbox = new Inbox()
  await database.query({ name: 'effect', text: 'create table effect (sequence bigint, n bigint generated always as identity)' })

  @Controller()
  class Consumer {
    @EventPattern('orders.order.placed.v1', { group: 'crash' })
    async onPlaced(@Payload() event: DomainEvent<'orders.order.placed.v1'>): Promise<void> {
      if (event.subject !== order) return
      await database.transaction(async (tx) => {
        if (!(await inbox.firstTime(tx, 'crash', event.id))) return
        await tx.query({ name: 'apply', text: 'insert into effect (sequence) values ($1)' }, [event.sequence])
      })
    }
  }
  await startConsumers(scope, Consumer)
  const said: { first: number; last: number }[] = []
  for (const [round, commits] of [40, 3, 70, 25].entries()) {
    const first = 1 + round * 1_000
    said.push({ first, last: await writeAndKill(order, first, commits) })
  }
  startRelay(scope, outbox, { leaseMs: 300 })
  await until(async () => (await countOf(database, 'outbox')) === 0, { message: 'all is published' })
  const lastSaid = String(said.at(-1)?.last)
  const isComplete = (all: readonly Lying[]): boolean =>
    all.some(({ key, headers }) => key === order && headers['ce_sequence'] === lastSaid)
  const messages = (await readTopic(scope, 'orders', isComplete)).filter(({ key }) => key === order)
  const firstSeen = [...new Set(messages.map(({ headers }) => Number(headers['ce_sequence'])))]
  assert.deepEqual(
    firstSeen,
    firstSeen.toSorted((a, b) => a - b),
  )
  for (const { first, last } of said) {
    const ofRound = firstSeen.filter((sequence) => Math.floor((sequence - 1) / 1_000) === Math.floor((first - 1) / 1_000))
    assert.ok(ofRound.includes(last), `what was said to be committed, ${last}, is there`)
    assert.deepEqual(
      ofRound,
      Array.from({ length: ofRound.length }, (_, index) => first + index),
    )
  }
  const effects = (): Promise<{ sequence: number }[]> => database.query({ name: 'effects', text: 'select sequence from effect order by n' })
  await until(async () => (await effects()).length >= firstSeen.length, { message: 'all is applied' })
  assert.deepEqual(
    (await effects()).map(({ sequence }) => sequence),
    firstSeen,
  )
})
