import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { Database } from '@catamaran/data'
import { testScope, type TestScope } from '@catamaran/testing'
import { Idempotency, migrateMessaging, type KeyedRequest } from '../src/index.js'
import { logger } from './setting.js'

const DAY_MS = 24 * 3_600_000

let scope: TestScope
let databases: Database[]
let idempotency: Idempotency

before(async () => {
  scope = testScope('idempotency')
  const url = await scope.database('records', migrateMessaging)
  databases = [new Database({ url }), new Database({ url })] // as two processes
  idempotency = new Idempotency(databases[0] as Database, logger)
  await idempotency.onApplicationBootstrap()
  await run('create table effect (id uuid primary key, secret text)')
  scope.onClose(async () => {
    await idempotency.beforeApplicationShutdown()
    await Promise.all(databases.map((database) => database.onApplicationShutdown()))
  })
})
after(() => scope.close())

const run = <Row extends object>(text: string, values: unknown[] = []) => (databases[0] as Database).query<Row>({ name: '', text }, values)
const effects = async () => (await run<{ count: number }>('select count(*)::int as count from effect'))[0]?.count
const asked = (over: Partial<KeyedRequest> = {}): KeyedRequest => ({
  caller: 'usr_1',
  operation: 'things.create',
  key: randomUUID(),
  request: { a: 1 },
  ...over,
})

/** Makes a thing with a secret under a key; a replay shows it without. */
const make = (request: KeyedRequest, { by = databases[0] as Database, fails = false } = {}) =>
  by.transaction(async (tx) => {
    const outcome = await idempotency.once(
      tx,
      request,
      async () => {
        const thing = { id: randomUUID(), secret: 'whsec_of_this_test' }
        await tx.query({ name: '', text: 'insert into effect (id, secret) values ($1, $2)' }, [thing.id, thing.secret])
        return thing
      },
      ({ id }) => ({ id }),
    )
    if (fails) throw new Error('killed before the commit')
    return outcome
  })

test('the same request under the same key happens once and is answered the same, without its secret', async () => {
  const request = asked()
  const first = await make(request)
  assert.equal(first.isReplay, false)
  assert.deepEqual(await make(request), { isReplay: true, value: { id: first.value.id } })
  const stored = await run<{ text: string }>('select answer::text as text from idempotency_record where key = $1', [request.key])
  assert.equal(stored[0]?.text.includes('whsec'), false)
})

test('another body under the key is refused; another caller, another operation and no key are other requests', async () => {
  const request = asked()
  await make(request)
  await assert.rejects(make({ ...request, request: { a: 2 } }), { code: 'request.idempotency-key-reused' })
  for (const other of [{ caller: 'usr_2' }, { operation: 'things.change' }, { key: undefined }])
    assert.equal((await make({ ...request, ...other })).isReplay, false)
})

test('fifty at once through two processes have one effect', async () => {
  const request = asked()
  const before_ = (await effects()) ?? 0
  const outcomes = await Promise.all(Array.from({ length: 50 }, (_, index) => make(request, { by: databases[index % 2] as Database })))
  assert.equal(await effects(), before_ + 1)
  assert.equal(outcomes.filter(({ isReplay }) => !isReplay).length, 1)
  assert.equal(new Set(outcomes.map(({ value }) => value.id)).size, 1)
})

test('what was killed before its commit left nothing, and the retry does it', async () => {
  const request = asked()
  const before_ = (await effects()) ?? 0
  await assert.rejects(make(request, { fails: true }), /killed/)
  assert.equal(await effects(), before_)
  assert.equal((await make(request)).isReplay, false)
  assert.equal(await effects(), before_ + 1)
})

test('a duplicate of a request that does not end is told so', async () => {
  const request = asked()
  const client = (databases[0] as Database).directClient()
  await client.connect()
  await client.query('begin')
  await client.query("select pg_advisory_xact_lock(hashtextextended($1 || E'\\n' || $2 || E'\\n' || $3, 7))", [
    request.caller,
    request.operation,
    request.key,
  ])
  await assert.rejects(make(request), { code: 'request.idempotency-in-progress' })
  await client.query('commit')
  await client.end()
})

test('a record is good for 24 hours, its day is dropped as a whole, and tomorrow is ready before it comes', async () => {
  const request = asked()
  await make(request)
  await run("update idempotency_record set created_at = now() - interval '25 hours' where key = $1", [request.key])
  await run('update idempotency_record set day = day - 1 where key = $1', [request.key])
  assert.equal((await make(request)).isReplay, false, 'after a day the key is free')
  const later = new Idempotency(databases[1] as Database, logger, DAY_MS, () => Date.now() + 2 * DAY_MS)
  await Promise.all([later.sweep(), idempotency.sweep()])
  await later.sweep()
  const names = (
    await run<{ name: string }>(
      "select relname as name from pg_class where relname ~ '^idempotency_record_\\d{4}_\\d\\d_\\d\\d$' order by 1",
    )
  ).map(({ name }) => name)
  const days = Array.from({ length: 4 }, (_, index) =>
    new Date(Date.now() + (index + 1) * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '_'),
  )
  assert.deepEqual(
    names,
    days.map((day) => `idempotency_record_${day}`),
  )
  await idempotency.sweep()
})
