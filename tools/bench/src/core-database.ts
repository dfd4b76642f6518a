import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { RunningSystem } from '@catamaran/stack'
import { withClient } from './catalogue.js'

const MIGRATE = fileURLToPath(new URL('../../../../apps/core-service/dist/src/migrate.js', import.meta.url))

/** A new database on the system's own server, with the tables of core-service by its own migrations. Returns its URL. */
export async function makeCoreDatabase({ engines, serviceEnv }: RunningSystem, name: string): Promise<string> {
  await withClient(engines.databaseUrl, async (client) => {
    await client.query(`drop database if exists ${name} with (force)`)
    await client.query(`create database ${name} owner core`)
  })
  const url = new URL(engines.databases.core)
  url.pathname = `/${name}`
  const env = { ...serviceEnv['core-service'], DATABASE_URL: url.href, LOG_LEVEL: 'warn' }
  const migration = spawn(process.execPath, [MIGRATE], { env, stdio: ['ignore', 2, 2] })
  const [code] = (await once(migration, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`core-service's migrations failed on the database ${name} (exit code ${code}).`)
  return url.href
}
