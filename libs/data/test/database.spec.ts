import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startTelemetry, type AppError } from '@catamaran/platform'
import { figureOf, OutageProxy, testScope, until, type TestScope } from '@catamaran/testing'
import { Database, isConnectionLoss, wasTooSlow } from '../src/database.js'
import { migrate } from '../src/migrate.js'

let scope: TestScope
let url: string
let folder: string

before(async () => {
  scope = testScope('data')
  url = await scope.database('data')
  folder = mkdtempSync(join(tmpdir(), 'migrations-'))
  scope.onClose(() => rmSync(folder, { recursive: true }))
})
after(() => scope.close())

const open = (options: Partial<ConstructorParameters<typeof Database>[0]> = {}): Database => {
  const database = new Database({ url, ...options })
  scope.onClose(() => database.onApplicationShutdown())
  return database
}
const statement = (text: string) => ({ name: '', text })

test('migrations are applied once and in order, by however many start at once', async () => {
  writeFileSync(join(folder, '0001.do.one.sql'), 'create table thing (id int primary key);')
  writeFileSync(join(folder, '0002.do.two.sql'), 'insert into thing values (1); insert into thing values (2);')
  const applied = await Promise.all([migrate(url, folder), migrate(url, folder), migrate(url, folder)])
  assert.deepEqual(applied.flat(), ['0001.do.one.sql', '0002.do.two.sql'])
  assert.deepEqual(await open().query(statement('select id from thing order by id')), [{ id: 1 }, { id: 2 }])
})

test('a migration that fails leaves everything as it was, and says which database and folder', async () => {
  writeFileSync(join(folder, '0003.do.three.sql'), 'insert into thing values (3);')
  writeFileSync(join(folder, '0004.do.four.sql'), 'insert into thing values (1);')
  await assert.rejects(migrate(url, folder), /Migration of data_\w+ from .* failed: .*duplicate key.* Nothing was changed\./)
  assert.deepEqual(await open().query(statement('select count(*) as n from thing')), [{ n: 2 }])
  rmSync(join(folder, '0004.do.four.sql'))
  assert.deepEqual(await migrate(url, folder), ['0003.do.three.sql'])
})

test('history that was edited is refused', async () => {
  writeFileSync(join(folder, '0002.do.two.sql'), 'insert into thing values (7);')
  await assert.rejects(migrate(url, folder), /checksum/i)
})

test('a transaction is committed as a whole or not at all', async () => {
  const database = open()
  await assert.rejects(
    database.transaction(async (tx) => {
      await tx.query(statement('insert into thing values (100)'))
      throw new Error('changed my mind')
    }),
    /changed my mind/,
  )
  assert.equal(
    await database.transaction(async (tx) => (await tx.query(statement('insert into thing values (101) returning id'))).length),
    1,
  )
  assert.deepEqual(await database.query(statement('select id from thing where id >= 100')), [{ id: 101 }])
})

test('the pool tells who holds connections, and who waits for one', async () => {
  const scrape = startTelemetry('core-service')
  const database = open({ connections: 2 })
  const released = Promise.withResolvers<void>()
  const holding = [1, 2].map(() => database.transaction(() => released.promise))
  const waiting = database.query(statement('select 1'))
  const figures = async (): Promise<number[]> => {
    const text = await scrape('text')
    const names = [
      'count{pool="main",state="used"}',
      'count{pool="main",state="idle"}',
      'pending_requests{pool="main"}',
      'max{pool="main"}',
    ]
    return names.map((name) => figureOf(text, `db_client_connection_${name}`))
  }
  await until(async () => String(await figures()) === '2,0,1,2', { message: 'two are used, and one waits' })
  released.resolve()
  await Promise.all([...holding, waiting])
  assert.deepEqual(await figures(), [0, 2, 0, 2])
})

test("bigint columns are numbers, and a fault of the statement keeps PostgreSQL's code", async () => {
  const database = open()
  assert.deepEqual(await database.query(statement('select 9007199254740991::bigint as n')), [{ n: Number.MAX_SAFE_INTEGER }])
  await assert.rejects(database.query(statement('select 1/0')), { code: '22012' })
})

test('a NUL in a text is told as bad input', async () => {
  const database = open()
  const echo = statement('select $1::text as text')
  await assert.rejects(database.query(echo, ['a\0b']), { code: 'request.invalid' })
  await assert.rejects(
    database.transaction((tx) => tx.query(echo, ['a\0b'])),
    { code: 'request.invalid' },
  )
  assert.deepEqual(await database.query(echo, ['\ud800']), [{ text: '\ufffd' }])
})

test('a statement that takes too long is told as unavailable, and not as a lost connection', async () => {
  const database = open({ statementTimeoutMs: 50 })
  const slow = database.query(statement('select pg_sleep(5)'))
  await assert.rejects(slow, (error: Error & { code?: string }) => error.code === 'service.unavailable' && !isConnectionLoss(error.cause))
})

test('of two transactions in a deadlock one commits, and the other is told to come again', async () => {
  const database = open()
  await database.query(statement('insert into thing values (201), (202)'))
  const bothHaveOne = Promise.withResolvers<void>()
  let holders = 0
  const lockBoth = (first: number, second: number): Promise<void> =>
    database.transaction(async (tx) => {
      await tx.query(statement("set local deadlock_timeout = '10ms'"))
      await tx.query(statement(`select from thing where id = ${first} for update`))
      if (++holders === 2) bothHaveOne.resolve()
      await bothHaveOne.promise
      await tx.query(statement(`select from thing where id = ${second} for update`))
    })
  const outcomes = await Promise.allSettled([lockBoth(201, 202), lockBoth(202, 201)])
  const [refused, ...others] = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason as AppError)
  assert.deepEqual([refused?.code, others.length], ['service.unavailable', 0])
  assert.ok(!isConnectionLoss(refused?.cause) && !wasTooSlow(refused))
})

test('an absent database is told as unavailable at once, and used again by itself', async () => {
  const proxy = await OutageProxy.before(url)
  const database = open({ url: proxy.url })
  await database.query(statement('select 1'))
  proxy.cut()
  const startedAt = performance.now()
  await assert.rejects(database.query(statement('select 1')), { code: 'service.unavailable' })
  await assert.rejects(
    database.transaction((tx) => tx.query(statement('select 1'))),
    { code: 'service.unavailable' },
  )
  assert.ok(performance.now() - startedAt < 1_000)
  proxy.restore()
  await until(() => database.query(statement('select 1 as one')), { message: 'it answers again' })
  await proxy.close()
})
