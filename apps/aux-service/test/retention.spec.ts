import assert from 'node:assert/strict'
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
const scope = testScope('aux_retention')
after(() => scope.close())

const logger = createLogger('test', 'silent')
const messaging = messagingKeepConfig(z.object(messagingKeepEnv).parse({}))
const config = {
  retention: { everyMs: 60_000, messaging },
  webhooks: { keepMs: 30 * DAY_MS },
  ops: { keepMs: 90 * DAY_MS },
  mail: { keepMs: 30 * DAY_MS },
} as Config

test('aux-service forgets deliveries, letters and mails that have ended in time, and what waits never', async () => {
  const migrations = fileURLToPath(new URL('../../migrations', import.meta.url))
  const url = await scope.database('aux', migrateMessaging, (each) => migrate(each, migrations))
  const database = new Database({ url })
  scope.onClose(() => database.onApplicationShutdown())
  await database.pool.query(`
    insert into webhook_endpoint (id, partner_id, url, description, events) values (gen_random_uuid(), gen_random_uuid(), 'https://x', '', '{}');
    create function attempted() returns trigger language plpgsql as $$ begin
      insert into webhook_attempt (delivery_id, number, started_at, duration_ms, url, request_headers) values (new.id, 1, now(), 1, '', '{}');
      return null; end $$;
    create trigger attempted after insert on webhook_delivery for each row execute function attempted()`)
  const rules = rulesOf(config)
  await checkRetention({
    url,
    rules,
    textOf: retentionTextOf,
    rounds: (batch) => [1, 2].map(() => () => new Retention(database, logger, { everyMs: 60_000, rules, batch }).round()),
    rows: {
      inbox: "(consumer, event_id, received_at) select 'aux.sales', gen_random_uuid(), at from sample",
      outbox_dead: `(seq, id, type, subject, sequence, time, data, reason, failed_at)
        select n, gen_random_uuid(), 'webhooks.endpoint.disabled.v1', gen_random_uuid(), 1, at, '{}', 'too large', at from sample`,
      webhook_delivery: `(endpoint_id, event_id, subject, type, body, status, dead_reason, due_at, created_at, finished_at)
        select e.id, gen_random_uuid(), gen_random_uuid(), 'order.placed', '{}', s.status, case when s.status = 'dead' then 'exhausted' end,
          case when s.status = 'waiting' then at end, at, case when s.status <> 'waiting' then at end
        from sample, webhook_endpoint e, lateral (
          select case when n % 100 = 0 then 'waiting' when n % 7 = 0 then 'dead' else 'delivered' end as status) s`,
      dead_letter: `(id, group_name, topic, partition, "offset", code, reason, attempts, dead_at, event_id, type, subject, headers, status)
        select gen_random_uuid(), 'aux.sales', 'orders', 0, n, 'internal', '', 5, at, n, '', '', '{}', case when n % 100 = 0 then 'replaying' else 'dead' end
        from sample`,
      mail: `(id, order_id, kind, due_at, created_at, outcome, finished_at)
        select gen_random_uuid(), gen_random_uuid(), 'order_placed', at, at, o.outcome, case when o.outcome is not null then at end
        from sample, lateral (select case when n % 100 = 0 then null else 'sent' end as outcome) o`,
    },
    kept: { webhook_delivery: "status = 'waiting'", dead_letter: "status = 'replaying'", mail: 'outcome is null' },
  })
  const { rows } = await database.pool.query<{ attempts: number; deliveries: number }>(
    'select (select count(*) from webhook_attempt) as attempts, (select count(*) from webhook_delivery) as deliveries',
  )
  assert.equal(rows[0]?.attempts, rows[0]?.deliveries, 'attempts go with their delivery')
})
