import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createLogger } from '@catamaran/platform'
import { testScope, until, type TestScope } from '@catamaran/testing'
import { Database, type Queryable } from '../src/database.js'
import { Idempotency, migrateIdempotency } from '../src/idempotency.js'
import { makeThing, requestOf, type Thing } from './things.js'

const MAKER = fileURLToPath(new URL('children/maker.js', import.meta.url))
const logger = createLogger('idempotency', 'silent')

let scope: TestScope
let url: string
let database: Database
let idempotency: Idempotency

const run = async (text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> => database.query({ name: '', text }, values)
const countOf = async (name: string): Promise<unknown> => (await run('select count(*) as n from thing where name = $1', [name]))[0]?.['n']
const partitions = async (): Promise<string[]> =>
  (await run(`select inhrelid::regclass::text as name from pg_inherits where inhparent = 'idempotency_record'::regclass order by 1`)).map(
    ({ name }) => String(name),
  )
const dayAfter = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
const partitionOf = (days: number): string => `idempotency_record_${dayAfter(days).replaceAll('-', '')}`
const make = (request: ReturnType<typeof requestOf>, name: string): Promise<Thing> => idempotency.once(request, (tx) => makeThing(tx, name))

before(async () => {
  scope = testScope('idempotency')
  url = await scope.database('data', migrateIdempotency)
  database = new Database({ url, connections: 4 })
  scope.onClose(() => database.onApplicationShutdown())
  await run('create table thing (id bigint generated always as identity, name text)')
  idempotency = new Idempotency(database, logger, 200)
})
after(() => scope.close())

describe('a request with an Idempotency-Key', () => {
  it('happens once, and its retry is answered the same and marked', async () => {
    const [first, second] = [requestOf('replay'), requestOf('replay')]
    const made = await make(first, 'replay')
    assert.deepEqual(await make(second, 'replay'), made)
    assert.deepEqual([first.replays, second.replays, await countOf('replay')], [0, 1, 1])
  })

  it('is refused with another body, and is another request for another caller or operation', async () => {
    await make(requestOf('scope'), 'scope')
    await assert.rejects(make(requestOf('scope', { body: 'b' }), 'scope'), { code: 'request.idempotency-key-reused' })
    assert.equal(await countOf('scope'), 1)
    await make(requestOf('scope', { body: 'b', caller: 'usr_2' }), 'scope')
    await make(requestOf('scope', { body: 'b', operation: 'POST /v1/others' }), 'scope')
    assert.equal(await countOf('scope'), 3)
  })

  it('happens each time where no key is sent', async () => {
    await make(requestOf(undefined), 'keyless')
    await make(requestOf(undefined), 'keyless')
    assert.equal(await countOf('keyless'), 2)
  })

  it('that failed leaves nothing, and its retry does it', async () => {
    const fails = idempotency.once(requestOf('failing'), async (tx) => {
      await makeThing(tx, 'failing')
      throw new Error('no more room')
    })
    await assert.rejects(fails, /no more room/)
    assert.equal(await countOf('failing'), 0)
    const retry = requestOf('failing')
    await make(retry, 'failing')
    assert.deepEqual([retry.replays, await countOf('failing')], [0, 1])
  })

  it('is forgotten after 24 hours', async () => {
    const made = await make(requestOf('old'), 'old')
    // Yesterday's partition, as a process of yesterday made it.
    await run(`create table ${partitionOf(-1)} partition of idempotency_record for values from ('${dayAfter(-1)}Z') to ('${dayAfter(0)}Z')`)
    const age = async (interval: string): Promise<void> => {
      await run(`update idempotency_record set created_at = greatest(now() - $1::interval, $2) where answer->>'name' = 'old'`, [
        interval,
        `${dayAfter(-1)}T00:00:00Z`,
      ])
    }
    await age('23 hours 59 minutes')
    assert.deepEqual(await make(requestOf('old'), 'old'), made)
    await run(
      `create table ${partitionOf(-2)} partition of idempotency_record for values from ('${dayAfter(-2)}Z') to ('${dayAfter(-1)}Z')`,
    )
    await run(`update idempotency_record set created_at = now() - interval '24 hours 1 second' where answer->>'name' = 'old'`)
    const late = requestOf('old')
    await make(late, 'old')
    assert.deepEqual([late.replays, await countOf('old')], [0, 2])
  })
})

describe('an answer with a secret', () => {
  it('is not stored: a retry gets what a read finds', async () => {
    const secret = 'tell-nobody'
    const withSecret = (request: ReturnType<typeof requestOf>) =>
      idempotency.onceThenRead(
        request,
        async (tx) => ({ ...(await makeThing(tx, 'secret')), secret }),
        async (id) => (await run('select id::text, name from thing where id = $1', [id]))[0] as unknown as Thing,
      )
    const made = await withSecret(requestOf('secret'))
    assert.deepEqual(made, { id: made.id, name: 'secret', secret })
    const retry = requestOf('secret')
    assert.deepEqual(await withSecret(retry), { id: made.id, name: 'secret' })
    assert.equal(retry.replays, 1)
    const rows = await run('select record::text as text from idempotency_record record')
    assert.ok(rows.length > 0 && !JSON.stringify(rows).includes(secret))
  })
})

describe('duplicates at once', () => {
  it('have one effect and one answer in two processes with 25 each', async () => {
    const maker = promisify(execFile)(process.execPath, [MAKER, url, '25'])
    const patient = new Idempotency(database, logger)
    const waiters = `select from pg_stat_activity where wait_event = 'advisory' and datname = current_database()`
    const onceTheOthersWait = async (tx: Queryable): Promise<Thing> => {
      await until(async () => (await run(waiters)).length === 1, { message: 'the other process waits' })
      return makeThing(tx, 'shared')
    }
    const here = await Promise.all(Array.from({ length: 25 }, () => patient.once(requestOf('shared'), onceTheOthersWait)))
    const there = JSON.parse((await maker).stdout) as Thing[]
    assert.equal(here.length + there.length, 50)
    assert.equal(new Set([...here, ...there].map(({ id }) => id)).size, 1)
    assert.equal(await countOf('shared'), 1)
  })

  it('are done by the retry when the process of the first is killed before its commit', async () => {
    await run(`delete from thing where name = 'shared'`)
    await run('truncate idempotency_record')
    const child = spawn(process.execPath, [MAKER, url, '1', 'dies'], { stdio: 'ignore' })
    const [, signal] = (await once(child, 'exit')) as [unknown, string]
    assert.deepEqual([signal, await countOf('shared')], ['SIGKILL', 0])
    const retry = requestOf('shared')
    await until(() => make(retry, 'shared'), { message: 'the lock of the dead is gone' })
    assert.deepEqual([retry.replays, await countOf('shared')], [0, 1])
  })

  it('wait for the first in this process and in another, and no longer than they may', async () => {
    const gate = Promise.withResolvers<void>()
    const entered = Promise.withResolvers<void>()
    const first = idempotency.once(requestOf('slow'), async (tx) => {
      entered.resolve()
      await gate.promise
      return makeThing(tx, 'slow')
    })
    await entered.promise
    const elsewhere = new Idempotency(database, logger, 200) // shares nothing with the first but the database
    for (const place of [idempotency, elsewhere])
      await assert.rejects(
        place.once(requestOf('slow'), (tx) => makeThing(tx, 'slow')),
        { code: 'request.idempotency-in-progress' },
      )
    const patient = new Idempotency(database, logger)
    const waits = patient.once(requestOf('slow'), (tx) => makeThing(tx, 'slow'))
    await until(
      async () => (await run(`select from pg_stat_activity where wait_event = 'advisory' and datname = current_database()`)).length === 1,
    )
    gate.resolve()
    assert.deepEqual(await waits, await first)
    assert.equal(await countOf('slow'), 1)
  })
})

describe('partitions', () => {
  it('of three days are kept, by however many do so at once, and those past their time are dropped', async () => {
    await run(`drop table if exists ${partitionOf(-1)}, ${partitionOf(-2)}, ${partitionOf(1)}`)
    for (const days of [-3, -2, -1])
      await run(
        `create table ${partitionOf(days)} partition of idempotency_record for values from ('${dayAfter(days)}Z') to ('${dayAfter(days + 1)}Z')`,
      )
    await Promise.all([idempotency.keepPartitions(), idempotency.keepPartitions(), new Idempotency(database, logger).keepPartitions()])
    assert.deepEqual(await partitions(), [-1, 0, 1, 2].map(partitionOf))
  })

  it('are kept from the start on, and a database that is away then stops nobody', async () => {
    await run(`drop table ${partitionOf(2)}`)
    await idempotency.onApplicationBootstrap()
    await idempotency.beforeApplicationShutdown()
    assert.ok((await partitions()).includes(partitionOf(2)))
    const away = new Database({ url: 'postgres://nobody@127.0.0.1:1/nothing' })
    const helpless = new Idempotency(away, logger)
    await helpless.onApplicationBootstrap()
    await helpless.beforeApplicationShutdown()
    await away.onApplicationShutdown()
  })
})
