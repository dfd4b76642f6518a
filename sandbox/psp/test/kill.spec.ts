import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { addressOf, amounts, API_KEY, authorisation, Merchant, Receiver, SECRET, until, type Reply } from './setting.js'

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url))
const WORKERS = 8
const ORDERS_EACH = 10
/** A kill after so many answers, each a little later than the last one was. */
const ANSWERS_BETWEEN_KILLS = 40
const KILLS = 6

let folder: string
let receiver: Receiver
let url: string
let child: ChildProcess

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'psp-kill-'))
  receiver = await Receiver.start()
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  url = addressOf(free)
  free.close()
  await start()
})
after(async () => {
  await kill('SIGKILL')
  receiver.close()
  await rm(folder, { recursive: true })
})

async function start(): Promise<void> {
  const env = {
    PATH: process.env['PATH'],
    PORT: new URL(url).port,
    DATA_DIR: folder,
    PSP_API_KEY: API_KEY,
    PSP_CALLBACK_SECRET: SECRET,
    PSP_CALLBACK_URL: receiver.url,
  }
  child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  await until(() =>
    fetch(`${url}/livez`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
}

async function kill(signal: NodeJS.Signals): Promise<unknown[]> {
  if (child.exitCode !== null || child.signalCode !== null) return [child.exitCode, child.signalCode]
  const exited = once(child, 'exit')
  child.kill(signal)
  return exited
}

interface Done {
  readonly path: string
  readonly body: unknown
  readonly key: string
  readonly reply: Reply
}

test('calls that are sent again after each SIGKILL move money once, the books agree, and every movement is told', async () => {
  const merchant = new Merchant(url)
  const done: Done[] = []
  let retries = 0
  /** Sends a call until it is answered, always with one key. */
  const insist = async (path: string, body: unknown): Promise<Reply> => {
    const key = merchant.newKey()
    for (;;) {
      const reply = await merchant.post(path, body, key).catch(() => undefined)
      if (reply?.status === 200) {
        done.push({ path, body, key, reply })
        return reply
      }
      assert.ok(reply === undefined || reply.status === 409, `${path}: ${reply?.status}`)
      retries++
      await sleep(10)
    }
  }
  const order = async (reference: string) => {
    const { body } = await insist('/v1/payments', authorisation('card_ok', 1000, { reference }))
    const path = `/v1/payments/${body.id}`
    await insist(`${path}/captures`, { amountMinor: 300 })
    await insist(`${path}/captures`, { amountMinor: 200 })
    await insist(`${path}/refunds`, { amountMinor: 450 })
    const { body: last } = await insist(`${path}/voids`, {})
    assert.deepEqual(amounts(last), [1000, 500, 500, 0, 450, 0])
  }
  const worker = async (name: number) => {
    for (let n = 1; n <= ORDERS_EACH; n++) await order(`ord_${name}_${n}`)
  }
  const work = Promise.all(Array.from({ length: WORKERS }, (_, name) => worker(name)))
  for (let kills = 1; kills <= KILLS; kills++) {
    await until(() => done.length >= kills * ANSWERS_BETWEEN_KILLS)
    await sleep(kills)
    await kill('SIGKILL')
    await start()
  }
  await work
  assert.ok(retries >= KILLS, `${retries} calls were sent again`)

  const ledger = await merchant.ledger()
  const sum = (kind: string) => ledger.reduce((total, movement) => total + (movement.kind === kind ? movement.amountMinor : 0), 0)
  const orders = WORKERS * ORDERS_EACH
  assert.deepEqual(
    ['authorise', 'capture', 'void', 'refund', 'expire'].map(sum),
    [1000, 500, 500, 450, 0].map((each) => each * orders),
  )
  const keysOf = (calls: readonly { readonly key: string | null }[]) => calls.map(({ key }) => String(key)).toSorted()
  assert.deepEqual(keysOf(ledger), keysOf(done))
  assert.equal(new Set(ledger.map(({ paymentId }) => paymentId)).size, orders)

  for (const { path, body, key, reply } of done) {
    assert.deepEqual(await merchant.post(path, body, key), { ...reply, isReplay: true })
  }
  assert.equal((await merchant.ledger()).length, ledger.length)

  await until(async () => (await merchant.call<{ waiting: number }>('GET', '/control/callbacks')).body.waiting === 0)
  const told = new Set(receiver.received.map(({ id }) => id))
  assert.equal(told.size, ledger.length)
})

test('a payment that was pending at a SIGKILL is decided after the restart, and its key learns the outcome', async () => {
  const merchant = new Merchant(url, 'pending')
  const key = merchant.newKey()
  const body = authorisation('card_slow', 100, { reference: 'ord_pending' })
  const cut = merchant.post('/v1/payments', body, key).catch(() => undefined)
  await until(async () => (await merchant.list('reference=ord_pending')).body.data.length === 1)
  await kill('SIGKILL')
  assert.equal(await cut, undefined)
  await start()
  await until(async () => (await merchant.list('reference=ord_pending')).body.data[0]?.status === 'authorised')
  const { status, isReplay, body: payment } = await merchant.post('/v1/payments', body, key)
  assert.deepEqual([status, isReplay, payment.status, payment.openMinor], [200, true, 'authorised', 100])
  await until(() => receiver.typesOf(payment).join() === 'payment.authorised')
})

test('faults outlive a restart', async () => {
  const merchant = new Merchant(url, 'faults')
  await merchant.call('PUT', '/control/faults', { declinePercent: 100 })
  await kill('SIGKILL')
  await start()
  assert.equal((await merchant.authorise()).status, 'declined')
  await merchant.call('DELETE', '/control/faults')
  assert.equal((await merchant.authorise()).status, 'authorised')
})

test('SIGTERM ends the process with exit code 0, also while a call is never answered', async () => {
  const merchant = new Merchant(url, 'term')
  const cut = merchant
    .post('/v1/payments', authorisation('card_timeout_after_success', 100, { reference: 'ord_term' }))
    .catch(() => undefined)
  await until(async () => (await merchant.list('reference=ord_term')).body.data.length === 1)
  const since = performance.now()
  assert.deepEqual(await kill('SIGTERM'), [0, null])
  assert.equal(await cut, undefined)
  assert.ok(performance.now() - since < 2_000)
  await start()
  assert.equal((await merchant.list('reference=ord_term')).body.data.length, 1)
})
