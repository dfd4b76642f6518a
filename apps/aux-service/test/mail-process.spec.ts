import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { uuidOf, type OrderId } from '@catamaran/contracts'
import { Database } from '@catamaran/data'
import { Mailbox, spawnService, until } from '@catamaran/testing'
import { Harness } from './harness.js'
import { OrdersOfCore } from './orders-of-core.js'

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url))

let harness: Harness
let mailbox: Mailbox
let core: OrdersOfCore

before(async () => {
  mailbox = await Mailbox.start()
  core = await OrdersOfCore.start()
  harness = await Harness.create('aux_mail_process', { CORE_URL: core.url, SMTP_URL: mailbox.url, MAIL_POLL_MS: '50', MAIL_RETRY_MS: '50' })
})
after(async () => {
  await harness.close()
  await mailbox.close()
  core.close()
})

/** Places an order that core-service knows, so that a mail about it waits. */
const place = async (): Promise<{ orderId: OrderId; email: string }> => {
  const { facts, email } = core.add()
  await harness.publish('orders.order.placed.v1', facts.orderId, 1, { ...facts, holdExpiresAt: '2026-01-01T00:00:00.000Z' })
  return { orderId: facts.orderId, email }
}
const mailOf = async (orderId: OrderId) =>
  (
    await harness.query<{ outcome: string | null; attempts: number }>('select outcome, attempts from mail where order_id = $1', [
      uuidOf(orderId),
    ])
  )[0]
const ended = (orderId: OrderId, outcome: string) =>
  until(async () => (await mailOf(orderId))?.outcome === outcome, { deadlineMs: 20_000, message: `the mail is ${outcome}` })

test('a process that is killed between the 250 of the mail server and its own commit: the next one sends the mail again, under the same Message-ID', async () => {
  const database = new Database({ url: harness.env['DATABASE_URL'] ?? '' })
  const holder = database.directClient()
  await holder.connect()
  // Who holds the mail's row keeps the worker from noting that it was sent.
  mailbox.beforeTaken = async () => {
    mailbox.beforeTaken = undefined
    await holder.query('begin')
    await holder.query('select from mail for update')
  }
  const first = await spawnService(MAIN, harness.env)
  harness.scope.onClose(async () => void (await first.kill()))
  const { orderId, email } = await place()
  const waiting =
    "select from pg_stat_activity where wait_event_type = 'Lock' and query like 'update mail set outcome%' and datname = current_database()"
  await until(async () => (await harness.query(waiting)).length === 1, { deadlineMs: 20_000, message: 'it was told 250, and notes it' })
  await first.kill()
  // The server process learns of the death of its client once it answers; what it did is rolled back only if it is ended before.
  await holder.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and query like 'update mail set outcome%' and datname = current_database()",
  )
  await holder.query('rollback')
  await holder.end()
  await database.onApplicationShutdown()
  assert.deepEqual(await mailOf(orderId), { outcome: null, attempts: 1 })
  await harness.query('update mail set due_at = now() where outcome is null') // its lease has ended
  const second = await harness.start()
  await ended(orderId, 'sent')
  const ids = mailbox.to(email).map(({ head }) => /^Message-ID: (<evt_[0-9a-z]{26}@catamaran>)/im.exec(head)?.[1])
  assert.equal(ids.length, 2)
  assert.ok(ids[0] !== undefined)
  assert.equal(ids[0], ids[1])
  await second.service.close()
})

test('a mail that no server takes is tried for five days, and then given up', async () => {
  mailbox.beforeTaken = undefined
  mailbox.refuse = true
  const { service } = await harness.start()
  const [old, young] = [await place(), await place()]
  for (const { orderId } of [old, young]) {
    await until(async () => ((await mailOf(orderId))?.attempts ?? 0) > 1, { deadlineMs: 20_000, message: 'it is tried again' })
    assert.equal((await mailOf(orderId))?.outcome, null)
  }
  /** As if it had waited for so long: the database's clock is the one that counts. */
  const age = (orderId: OrderId, interval: string) =>
    harness.query('update mail set created_at = now() - $2::interval, due_at = now() where order_id = $1', [uuidOf(orderId), interval])
  await age(young.orderId, '4 days 23 hours')
  const before_ = (await mailOf(young.orderId))?.attempts ?? 0
  await age(old.orderId, '5 days 1 second')
  await ended(old.orderId, 'failed')
  await harness.query('update mail set due_at = now() where outcome is null')
  await until(async () => ((await mailOf(young.orderId))?.attempts ?? 0) > before_, {
    deadlineMs: 20_000,
    message: 'the younger one is still tried',
  })
  mailbox.refuse = false
  await harness.query('update mail set due_at = now() where outcome is null')
  await ended(young.orderId, 'sent')
  assert.deepEqual([mailbox.to(old.email).length, mailbox.to(young.email).length], [0, 1])
  await service.close()
})
