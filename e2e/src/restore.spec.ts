import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { audit, told } from '@catamaran/audit'
import { startEngines, startSystem, type RunningEnginesOnly, type RunningSystem, type Started } from '@catamaran/stack'
import { OutageProxy, testEngines, until } from '@catamaran/testing'
import { baseBackup, restore } from './restore/backup.js'
import { startLoad } from './storm/load.js'
import { settledBooks } from './storm/settle.js'
import { ENVIRONMENT } from './storm/storm.js'
import { Witness } from './storm/witness.js'
import { World } from './storm/world.js'

/** A PostgreSQL of one's own; the other engines are those of the run, which nobody here uses. */
const startPostgres = (dataDir: string): Promise<Started<RunningEnginesOnly>> => {
  const { redisUrl, dynamodbEndpoint, kafkaBrokers } = testEngines()
  const env = { REDIS_URL: redisUrl, DYNAMODB_ENDPOINT: dynamodbEndpoint, KAFKA_BROKERS: kafkaBrokers.join(',') }
  return startEngines({ dataDir, fast: false, env })
}

let folder: string
let first: Started<RunningEnginesOnly>
let second: Started<RunningEnginesOnly> | undefined
let proxy: OutageProxy
let own: Started<RunningSystem>
let stopLoad: ReturnType<typeof startLoad> | undefined

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'catamaran-restore-'))
  first = await startPostgres(join(folder, 'first'))
  proxy = await OutageProxy.before(first.system.engines.databaseUrl)
  own = await startSystem({ fast: false, env: { ...ENVIRONMENT, DATABASE_URL: proxy.url } })
})
after(async () => {
  await stopLoad?.('atOnce')
  await own?.stop()
  await second?.stop()
  await proxy?.close()
  await first?.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('three databases backed up under load and restored elsewhere after their server is lost have everything that was acknowledged', async () => {
  const [lost, base, restored] = [join(folder, 'first', 'postgres'), join(folder, 'base'), join(folder, 'second')]
  const witness = new Witness()
  const world = await World.of(own.system)
  stopLoad = startLoad({ gateway: own.system.gateway, world, witness, seed: 3, buyers: 6, strangers: 0 })
  const moreOrders = (count: number) => {
    const goal = witness.of('orders') + count
    return until(() => witness.of('orders') >= goal, { deadlineMs: 60_000, everyMs: 50, message: `${count} more orders are placed` })
  }
  await moreOrders(20)
  await baseBackup(first.system.engines.databaseUrl, lost, base)
  await moreOrders(40)

  proxy.cut()
  process.kill(-(first.system.engines.pids['postgres'] as number), 'SIGKILL')
  await first.stop()
  cpSync(join(folder, 'first', 'keys'), join(restored, 'keys'), { recursive: true })
  restore(restored, base, lost)
  rmSync(lost, { recursive: true })
  second = await startPostgres(restored)
  proxy.moveTo(second.system.engines.databaseUrl)
  proxy.restore()

  await moreOrders(20)
  await stopLoad()
  const { books, close } = await settledBooks(own.system.dataDir, world)
  try {
    const report = await audit(books, witness.records)
    assert.deepEqual(report.findings, [], told(report))
    assert.deepEqual([report.stuck, witness.breaches], [0, []])
    assert.ok(witness.of('shipped') > 0 && report.movements > 0 && report.delivered > 0, told(report))
  } finally {
    await close()
  }
})
