import { fileURLToPath } from 'node:url'
import { after, test } from 'node:test'
import { Database, migrate, Retention, retentionTextOf } from '@catamaran/data'
import { messagingKeepConfig, messagingKeepEnv, migrateMessaging } from '@catamaran/messaging'
import { createLogger } from '@catamaran/platform'
import { checkRetention, testScope } from '@catamaran/testing'
import { z } from 'zod'
import type { Config } from '../src/config.js'
import { rulesOf } from '../src/retention.js'

const scope = testScope('core_retention')
after(() => scope.close())

const logger = createLogger('test', 'silent')
const messaging = messagingKeepConfig(z.object(messagingKeepEnv).parse({}))

test('core-service forgets inbox entries, set aside events, refused orders and imports in time, and keeps the others', async () => {
  const migrations = fileURLToPath(new URL('../../migrations', import.meta.url))
  const url = await scope.database('core', migrateMessaging, (each) => migrate(each, migrations))
  const database = new Database({ url })
  scope.onClose(() => database.onApplicationShutdown())
  const retention = { everyMs: 60_000, messaging, importMs: 30 * 24 * 3_600_000 }
  const rules = rulesOf({ retention } as Config)
  await checkRetention({
    url,
    rules,
    textOf: retentionTextOf,
    rounds: (batch) => [1, 2].map(() => () => new Retention(database, logger, { everyMs: 60_000, rules, batch }).round()),
    rows: {
      inbox: "(consumer, event_id, received_at) select 'core.people', gen_random_uuid(), at from sample",
      outbox_dead: `(seq, id, type, subject, sequence, time, data, reason, failed_at)
        select n, gen_random_uuid(), 'orders.order.placed.v1', gen_random_uuid(), 1, at, '{}', 'too large', at from sample`,
      order_refusal: `(buyer_id, idempotency_key, request_hash, problem, refused_at)
        select gen_random_uuid(), n::text, '', '{}', at from sample`,
      // One of a hundred was begun as long ago, but somebody is still at it.
      product_import: `(partner_id, id, started_at, updated_at)
        select gen_random_uuid(), n, at, case when n % 100 = 0 then now() else at end from sample`,
    },
    kept: { product_import: 'started_at < updated_at' },
  })
})
