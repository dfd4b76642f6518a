import { fileURLToPath } from 'node:url'
import { createTables, Dynamo, migrate } from '@catamaran/data'
import { migrateMessaging } from '@catamaran/messaging'
import { readConfig } from '@catamaran/platform'
import { migrateSchema } from './config.js'
import { ARTIFACTS } from './oidc/artifacts.repository.js'
import { SESSIONS } from './sessions/sessions.repository.js'

const FOLDER = fileURLToPath(new URL('../../migrations', import.meta.url))

/** Brings auth-service's own PostgreSQL schema and DynamoDB tables to what this version needs; safe to run twice. */
export const migrateAuth = async (env: Record<string, string | undefined>): Promise<void> => {
  const { database, dynamo: options } = readConfig(migrateSchema, env)
  const dynamo = new Dynamo(options)
  try {
    await Promise.all([migrateMessaging(database).then(() => migrate(database, FOLDER)), createTables(dynamo, [ARTIFACTS, SESSIONS])])
  } finally {
    dynamo.onApplicationShutdown()
  }
}

if (import.meta.main) {
  await migrateAuth(process.env).catch((error: unknown) => {
    process.stderr.write(`auth-service could not migrate: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  })
}
