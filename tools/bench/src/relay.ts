import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { deadLetterTopic, TOPICS } from '@catamaran/contracts'
import type { RunningSystem } from '@catamaran/stack'
import { spawnService } from '@catamaran/testing'
import type pg from 'pg'
import { withClient } from './catalogue.js'
import { makeCoreDatabase } from './core-database.js'
import { atRest, cpuOf } from './cpu.js'
import type { ProduceJob, TopicsJob } from './kafka-floor.js'
import { count, percent, progress, spread, table, us } from './report.js'
import { inRounds, median } from './statistics.js'
import { Worker } from './worker.js'

const EVENTS = 30_000
const ROUNDS = 3
const GOAL_PER_S = 15_000
const LOOK_EVERY_MS = 20
const DEADLINE_MS = 60_000
/** Topics that nobody reads: only the relay is measured. */
const PREFIX = 'bench.'
const CORE = fileURLToPath(new URL('../../../../apps/core-service/dist/src/main.js', import.meta.url))

/** Events as an order of two lines writes them. */
const FILL = `
insert into outbox (id, type, subject, sequence, traceparent, data)
select uuidv7(), 'orders.order.placed.v1', id, 1, '00-' || repeat('ab', 16) || '-' || repeat('cd', 8) || '-00', json_build_object(
  'orderId', id, 'buyerId', id, 'currency', 'EUR', 'totalMinor', 5980, 'holdExpiresAt', '2026-01-01T00:00:00.000Z', 'lines', json_build_array(
    json_build_object('productId', id, 'sellerId', id, 'quantity', 1, 'unitPriceMinor', 2990),
    json_build_object('productId', id, 'sellerId', id, 'quantity', 1, 'unitPriceMinor', 2990)))::text
from (select gen_random_uuid() as id from generate_series(1, $1)) as made`

interface Sample {
  readonly perSecond: number
  /** Of the relay's process, for each event. */
  readonly cpuUs: number
}

/** Measures the relay from rows in the table to acknowledged and deleted, in a copy of core-service that does nothing else. */
export async function benchRelay(system: RunningSystem): Promise<void> {
  const { kafkaBrokers } = system.engines
  progress('relay: starting a core-service of its own')
  const floor = Worker.start<ProduceJob | TopicsJob, number>('kafka-floor.js')
  await floor.ask({ brokers: kafkaBrokers, topics: topics() })
  const databaseUrl = await makeCoreDatabase(system, 'bench_relay')
  const own = { PORT: '0', ADMIN_PORT: '0', DATABASE_URL: databaseUrl, KAFKA_TOPIC_PREFIX: PREFIX, REDIS_KEY_PREFIX: PREFIX }
  const relay = await spawnService(CORE, { ...system.serviceEnv['core-service'], ...own })
  try {
    await withClient(databaseUrl, async (client) => {
      await drain(client, relay.pid, EVENTS / 3)
      const data = await sampleOf(client)
      const job = { brokers: kafkaBrokers, topic: `${PREFIX}orders`, count: EVENTS, data }
      let step = 0
      const told = (work: () => Promise<Sample>) => () => {
        progress(`relay: ${++step} of ${ROUNDS * 2}`)
        return work()
      }
      const samples = await inRounds<Sample>(ROUNDS, {
        ours: told(() => drain(client, relay.pid, EVENTS)),
        floor: told(async () => ({ perSecond: await floor.ask(job), cpuUs: 0 })),
      })
      print(samples as Record<'ours' | 'floor', Sample[]>, Buffer.byteLength(data))
    })
  } finally {
    await Promise.all([floor.stop(), relay.kill('SIGTERM')])
  }
}

/** Fills the outbox in one transaction and times its emptying, from the first row that is gone, so that no polling is counted. */
async function drain(client: pg.Client, pid: number, events: number): Promise<Sample> {
  await client.query('vacuum analyze outbox')
  await atRest({ relay: pid })
  const before = cpuOf(pid)
  await client.query(FILL, [events])
  let since: number | undefined
  let left = events
  for (const deadline = performance.now() + DEADLINE_MS; performance.now() < deadline; await delay(LOOK_EVERY_MS)) {
    const { rows } = await client.query<{ left: number }>('select count(*)::int as left from outbox')
    const now = rows[0]?.left ?? 0
    if (since === undefined && now < events) [since, left] = [performance.now(), now]
    if (now === 0 && since !== undefined) {
      return { perSecond: left / ((performance.now() - since) / 1000), cpuUs: (cpuOf(pid) - before) / events }
    }
  }
  throw new Error(`The relay did not publish ${count(events)} events within ${DEADLINE_MS / 1000} s.`)
}

async function sampleOf(client: pg.Client): Promise<string> {
  await client.query('begin')
  await client.query(FILL, [1])
  const { rows } = await client.query<{ data: string }>('select data from outbox limit 1')
  await client.query('rollback')
  return rows[0]?.data ?? ''
}

/** The system's own topics once more, under the prefix. */
const topics = (): Record<string, number> =>
  Object.fromEntries(
    Object.entries(TOPICS).flatMap(([topic, partitions]) => [topic, deadLetterTopic(topic)].map((name) => [PREFIX + name, partitions])),
  )

function print({ ours, floor }: Record<'ours' | 'floor', Sample[]>, bytes: number): void {
  const [mine, bare] = [ours.map(({ perSecond }) => perSecond), floor.map(({ perSecond }) => perSecond)]
  const ratios = mine.map((value, round) => value / (bare[round] ?? Number.NaN))
  table(
    `Outbox relay: ${count(EVENTS)} events of ${bytes} bytes from the table to acknowledged and deleted (floor: kafkajs alone, batches of 500)`,
    [
      {
        label: 'events/s',
        ours: spread(mine, median(mine), count),
        floor: spread(bare, median(bare), count),
        ratio: spread(ratios, median(ratios), percent),
        goal: `≥ ${count(GOAL_PER_S)}`,
        holds: median(mine) >= GOAL_PER_S,
      },
      { label: '  CPU of its process for an event', ours: us(median(ours.map(({ cpuUs }) => cpuUs))) },
    ],
  )
}
