import pg from 'pg'
import Postgrator from 'postgrator'
import { connectionOf, type DatabaseAddress } from './database.js'
import { adviceFor } from './identity.js'

/**
 * Brings a database to the newest schema: plain SQL files `NNNN.do.name.sql`, all in one transaction under an advisory lock, so that two
 * starters can't collide and a failure leaves what was there. Refuses to go on when a file that was applied has been edited.
 * @param database the service's database: its URL, or with how to know it and be known by it
 * @param folder where its migrations are
 * @param versionTable which table remembers what was applied; each folder has its own. Default `schema_version`
 * @returns the names of the files applied now
 */
export const migrate = async (database: string | DatabaseAddress, folder: string, versionTable = 'schema_version'): Promise<string[]> => {
  const address = typeof database === 'string' ? { url: database } : database
  const client = new pg.Client({ ...connectionOf(address), connectionTimeoutMillis: 5_000 })
  try {
    await client.connect()
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
    const why = [adviceFor(error), (error as Error).message].filter((part) => part !== undefined).join('. It says: ')
    throw new Error(`Migration of ${new URL(address.url).pathname.slice(1)} from ${folder} failed: ${why}. Nothing was changed.`, {
      cause: error,
    })
  } finally {
    await client.end()
  }
}
