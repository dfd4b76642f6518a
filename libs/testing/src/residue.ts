import pg from 'pg'

/**
 * Where a text stands in a PostgreSQL database: the tables with a row whose text form holds one of `texts`, by name.
 * Example: `assert.deepEqual(await residueIn(url, [email, uuidOf(id)]), ['erasure'])`.
 * @param url of a role that may read all tables
 */
export const residueIn = async (url: string, texts: readonly string[]): Promise<string[]> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      "select tablename as name from pg_tables where schemaname = 'public' order by tablename",
    )
    const found: string[] = []
    for (const { name } of tables) {
      const rows = `select from ${client.escapeIdentifier(name)} as r where exists (select from unnest($1::text[]) as t(text) where strpos(r::text, t.text) > 0)`
      const { rowCount } = await client.query(`${rows} limit 1`, [texts])
      if (rowCount === 1) found.push(name)
    }
    return found
  } finally {
    await client.end()
  }
}
