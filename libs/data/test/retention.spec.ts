import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Logger } from '@catamaran/platform'
import { testScope } from '@catamaran/testing'
import { Database } from '../src/database.js'
import { Retention } from '../src/retention.js'

const scope = testScope('retention')
after(() => scope.close())

test('a round is one line with what went; rows in use and tables that fail wait for the next one', async () => {
  const database = new Database({ url: await scope.database('old') })
  scope.onClose(() => database.onApplicationShutdown())
  await database.pool.query(
    "create table thing (at timestamptz); insert into thing select now() - n * interval '1 day' from generate_series(1, 20) n",
  )
  const lines: { level: string; fields: Record<string, unknown> }[] = []
  const keep = (level: string) => (fields: Record<string, unknown>) => void lines.push({ level, fields })
  const rules = ['no_such_table', 'thing'].map((table) => ({ table, age: 'at', keepMs: 10.5 * 24 * 3_600_000 }))
  const retention = new Retention(database, { info: keep('info'), warn: keep('warn') } as unknown as Logger, {
    everyMs: 1,
    rules,
    batch: 4,
  })

  const gone = await database.transaction(async (tx) => {
    await tx.query({ name: '', text: "select from thing where at < now() - interval '19.5 days' for update" })
    return retention.round()
  })
  assert.deepEqual(gone, { thing: 9 })
  assert.deepEqual(
    lines.map(({ level, fields }) => [level, fields['table'] ?? fields['retention']]),
    [
      ['warn', 'no_such_table'],
      ['info', { thing: 9 }],
    ],
  )
  assert.deepEqual(await retention.round(), { thing: 1 })
})
