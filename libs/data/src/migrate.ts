import pg from 'pg'
import Postgrator from 'postgrator'

/**
 * Brings a database to the newest schema: plain SQL files `NNNN.do.name.sql`, all in one transaction under an advisory lock, so that two
 * starters can't collide and a failure leaves what was there. Refuses to go on when a file that was applied has been edited.
 * @param url the service's database
 * @param folder where its migrations are
 * @param versionTable which table remembers what was applied; each folder has its own. Default `schema_version`
 * @returns the names of the files applied now
 */
export const migrate = async (url: string, folder: string, versionTable = 'schema_version'): Promise<string[]> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  await client.connect()
  try {
    await client.query('begin')
    await client.query("select pg_advisory_xact_lock(hashtext('catamaran.migrate'))")
    const postgrator = new Postgrator({
      migrationPattern: `${folder}/*.sql`,
      driver: 'pg',
      schemaTable: versionTable,
      newline: 'LF',
      execQuery: (sql: string) => client.query(sql),
    } as ConstructorParameters<typeof Postgrator>[0])
    const applied = await postgrator.migrate()
    await client.query('commit')
    return applied.map(({ filename }) => filename.slice(filename.lastIndexOf('/') + 1))
  } catch (error) {
    throw new Error(
      `Migration of ${new URL(url).pathname.slice(1)} from ${folder} failed: ${(error as Error).message}. Nothing was changed.`,
      { cause: error },
    )
  } finally {
    await client.end()
  }
}
