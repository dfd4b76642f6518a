import { fileURLToPath } from 'node:url'
import { AUDIT, createTables, databaseConfig, databaseEnv, Dynamo, dynamoConfig, dynamoEnv, migrate } from '@catamaran/data'
import { migrateMessaging } from '@catamaran/messaging'
import { z } from 'zod'
import { NOTIFICATIONS } from './notifications/notifications.repository.js'

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url))

/** What `prepareStores` needs of the environment. */
export const StoresConfig = z
  .object({ ...databaseEnv, ...dynamoEnv })
  .transform((flat) => ({ database: databaseConfig(flat), dynamo: dynamoConfig(flat) }))

/** Brings aux-service's database and tables to the newest shape; safe to run twice. */
export const prepareStores = async (config: z.infer<typeof StoresConfig>): Promise<void> => {
  const dynamo = new Dynamo(config.dynamo)
  try {
    await Promise.all([
      migrateMessaging(config.database).then(() => migrate(config.database, MIGRATIONS)),
      createTables(dynamo, [AUDIT, NOTIFICATIONS]),
    ])
  } finally {
    dynamo.onApplicationShutdown()
  }
}
