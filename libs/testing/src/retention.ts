import assert from 'node:assert/strict'
import pg from 'pg'

export interface RetentionCheck {
  /** A migrated database that nobody else uses. */
  readonly url: string
  readonly rules: readonly { readonly table: string; readonly keepMs: number }[]
  /** A rule's statement, with literals for its two parameters: the period and the size of a batch. */
  readonly textOf: (rule: never, keepMs: string, batch: string) => string
  /** One round of each of two processes, in batches of that size. */
  readonly rounds: (batch: number) => readonly (() => Promise<unknown>)[]
  /**
   * For each table how rows are made, as what follows `insert into <table>`, selecting from `sample`: `n`, and `at`, which is past its time where `n` is even
   * and just not yet where it is odd.
   */
  readonly rows: Readonly<Record<string, string>>
  /** Rows that must stay however old they are: a condition for each table. None may go while there is one. */
  readonly kept?: Readonly<Record<string, string>>
}

const SAMPLES = 4_000
const BATCH = 300
const NEAR = "interval '30 hours'" // some tables count days

/** How many rows each statement deletes, in the order that they end. */
const count = (table: string): string => `
  create function note_${table}() returns trigger language plpgsql as $$ begin
    insert into deletion select '${table}', count(*) from gone; return null; end $$;
  create trigger note_${table} after delete on ${table} referencing old table as gone for each statement execute function note_${table}()`

type Run = <Row extends object>(text: string, values?: unknown[]) => Promise<Row[]>

const fill = async (run: Run, { rules, rows }: RetentionCheck): Promise<void> => {
  await run('create table deletion (table_name text, rows int)')
  for (const { table, keepMs } of rules) {
    await run(
      `with sample as (select n, now() - $1::float8 * interval '1 ms' + (n % 2 * 2 - 1) * ${NEAR} as at from generate_series(1, ${SAMPLES}) n)
        insert into ${table} ${rows[table]}`,
      [keepMs],
    )
    await run(count(table))
    await run(`analyze ${table}`)
  }
}

const checkPlans = async (run: Run, { rules, textOf }: RetentionCheck): Promise<void> => {
  for (const rule of rules) {
    const lines = await run<{ 'QUERY PLAN': string }>(`explain ${textOf(rule as never, String(rule.keepMs), '1000')}`)
    const plan = lines.map((line) => line['QUERY PLAN']).join('\n')
    assert.doesNotMatch(plan, new RegExp(`Seq Scan on ${rule.table}\\b`), plan)
  }
}

const checkTable = async (run: Run, table: string, mustStay: string | undefined): Promise<void> => {
  const [found] = await run<{ stayed: string; kept: string }>(
    `select count(*) filter (where not (${mustStay ?? 'false'})) as stayed, count(*) filter (where ${mustStay ?? 'false'}) as kept from ${table}`,
  )
  const batches = (await run<{ rows: number }>('select rows from deletion where table_name = $1', [table])).map(({ rows }) => rows)
  const [stayed, kept, gone] = [Number(found?.stayed), Number(found?.kept), batches.reduce((sum, each) => sum + each, 0)]
  assert.deepEqual([stayed, stayed + kept + gone], [SAMPLES / 2, SAMPLES], `${table}: all that is old goes, and nothing else`)
  assert.equal(kept > 0, mustStay !== undefined, `${table}: what must stay does`)
  assert.ok(Math.max(...batches) <= BATCH, `${table}: no batch is larger than told`)
}

/**
 * Proves the rules of a service on real tables: two processes at once delete what is old, in bounded batches that no table is read through for, and
 * nothing else. Example: apps/core-service/test/retention.spec.ts.
 */
export const checkRetention = async (check: RetentionCheck): Promise<void> => {
  const { url, rules, rows, kept = {}, rounds } = check
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const run: Run = async (text, values) => (await client.query(text, values)).rows
  try {
    assert.deepEqual(Object.keys(rows), [...new Set(rules.map(({ table }) => table))], 'each table has rows to look at')
    await fill(run, check)
    await checkPlans(run, check)
    await Promise.all(rounds(BATCH).map((round) => round()))
    await rounds(BATCH)[0]?.() // what one passed over since the other had it locked
    for (const { table } of rules) await checkTable(run, table, kept[table])
  } finally {
    await client.end()
  }
}
