import { fileURLToPath } from 'node:url'
import { migrate, type DatabaseAddress } from '@catamaran/data'

const FOLDER = fileURLToPath(new URL('../../migrations', import.meta.url))

/**
 * Creates or migrates the tables outbox, outbox_lease, outbox_dead and inbox in a service's own database. Run it before the service's own
 * migrations, which may write to them.
 * @returns the names of the files applied now
 */
export const migrateMessaging = (database: string | DatabaseAddress): Promise<string[]> =>
  migrate(database, FOLDER, 'messaging_schema_version')
