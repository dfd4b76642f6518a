import { fileURLToPath } from 'node:url'
import { after, test } from 'node:test'
import { Database, migrate, Retention, retentionTextOf } from '@catamaran/data'
import { messagingKeepConfig, messagingKeepEnv, migrateMessaging } from '@catamaran/messaging'
import { createLogger } from '@catamaran/platform'
import { checkRetention, testScope } from '@catamaran/testing'
import { z } from 'zod'
import type { Config } from '../src/config.js'
import { rulesOf } from '../src/retention.js'

const DAY_MS = 24 * 3_600_000
const scope = testScope('auth_retention')
after(() => scope.close())

const logger = createLogger('test', 'silent')
const messaging = messagingKeepConfig(z.object(messagingKeepEnv).parse({}))
const retention = { everyMs: 60_000, messaging, sessionMs: 30 * DAY_MS, deviceMs: 365 * DAY_MS, usageMs: 400 * DAY_MS }

test('auth-service forgets what expired and what nobody looks at any more in time, and keeps the others', async () => {
  const migrations = fileURLToPath(new URL('../../migrations', import.meta.url))
  const url = await scope.database('auth', migrateMessaging, (each) => migrate(each, migrations))
  const database = new Database({ url })
  scope.onClose(() => database.onApplicationShutdown())
  await database.pool.query(`
    insert into user_account (id, email, password_hash) values (gen_random_uuid(), 'a@example.com', '');
    insert into partner (id, name) values (gen_random_uuid(), 'P')`)
  const rules = rulesOf({ retention } as Config)
  await checkRetention({
    url,
    rules,
    textOf: retentionTextOf,
    rounds: (batch) => [1, 2].map(() => () => new Retention(database, logger, { everyMs: 60_000, rules, batch }).round()),
    rows: {
      inbox: "(consumer, event_id, received_at) select 'auth.erasure', gen_random_uuid(), at from sample",
      outbox_dead: `(seq, id, type, subject, sequence, time, data, reason, failed_at)
        select n, gen_random_uuid(), 'identity.user.created.v1', gen_random_uuid(), 1, at, '{}', 'too large', at from sample`,
      registration: "(id, email, password_hash, expires_at) select gen_random_uuid(), 'b@example.com', '', at from sample",
      mail_action: "(id, kind, expires_at) select gen_random_uuid(), 'x', at from sample",
      mail: `(id, kind, recipient, outcome, finished_at)
        select gen_random_uuid(), 'x', 'a@example.com', o.outcome, case when o.outcome is not null then at end
        from sample, lateral (select case when n % 100 = 0 then null else 'sent' end as outcome) o`,
      known_device: '(user_id, device_hash, last_seen_at) select u.id, int4send(n), at from sample, user_account u',
      // The newest has expired, and yet it stays.
      revocation: "(sequence, kind, subject, revoked_at, expires_at) select n, 'session', n, at, at from sample",
      person_export: '(id, user_id, expires_at) select gen_random_uuid(), u.id, at from sample, user_account u',
      partner_usage: "(partner_id, client_id, day, route, requests, errors) select p.id, n, at, '/', 1, 0 from sample, partner p",
    },
    kept: { mail: 'outcome is null', revocation: 'sequence = 4000' },
  })
})
