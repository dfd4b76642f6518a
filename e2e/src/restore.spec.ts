import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { audit, findStrangers, giveBack, told } from '@catamaran/audit'
import { startEngines, startSystem, type RunningEnginesOnly, type RunningSystem, type Started } from '@catamaran/stack'
import { OutageProxy, testEngines, until } from '@catamaran/testing'
import { baseBackup, nameMoment, restore } from './restore/backup.js'
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

/** Nothing is completed by the clock alone while the books are read. */
const AT_REST = { RETURN_MS: '600000' }

let folder: string
/** The server in use, its launcher, and where each of them lies. */
let server: Started<RunningEnginesOnly>
let serverFolder: string
let proxy: OutageProxy
let own: Started<RunningSystem>
let world: World
let stopLoad: ReturnType<typeof startLoad> | undefined

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'catamaran-restore-'))
  serverFolder = join(folder, 'first')
  server = await startPostgres(serverFolder)
  proxy = await OutageProxy.before(server.system.engines.databaseUrl)
  own = await startSystem({ fast: false, env: { ...ENVIRONMENT, ...AT_REST, DATABASE_URL: proxy.url } })
  world = await World.of(own.system)
})
after(async () => {
  await stopLoad?.('atOnce')
  await own?.stop()
  await proxy?.close()
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const load = (witness: Witness, seed: number) => {
  stopLoad = startLoad({ gateway: own.system.gateway, world, witness, seed, buyers: 6, strangers: 0 })
  return (count: number) => {
    const goal = witness.of('orders') + count
    return until(() => witness.of('orders') >= goal, { deadlineMs: 60_000, everyMs: 50, message: `${count} more orders are placed` })
  }
}

/** The server is killed and its disk is gone but for the WAL; another is made of base backup and WAL, and takes its place. */
const loseAndRestore = async (name: string, moment?: string): Promise<void> => {
  proxy.cut()
  process.kill(-(server.system.engines.pids['postgres'] as number), 'SIGKILL')
  await server.stop()
  const dataDir = join(folder, name)
  cpSync(join(serverFolder, 'keys'), join(dataDir, 'keys'), { recursive: true })
  restore(dataDir, join(folder, 'base'), serverFolder, moment)
  rmSync(serverFolder, { recursive: true })
  serverFolder = dataDir
  server = await startPostgres(dataDir)
  proxy.moveTo(server.system.engines.databaseUrl)
  proxy.restore()
}

const auditOf = async (witness: Witness) => {
  const { books, close } = await settledBooks(own.system.dataDir, world)
  try {
    return await audit(books, witness.records)
  } finally {
    await close()
  }
}

test('three databases backed up under load and restored elsewhere after their server is lost have everything that was acknowledged', async () => {
  const witness = new Witness()
  const moreOrders = load(witness, 3)
  await moreOrders(20)
  await baseBackup(server.system.engines.databaseUrl, join(serverFolder, 'postgres'), join(folder, 'base'))
  await moreOrders(40)
  await loseAndRestore('second')
  await moreOrders(20)
  await stopLoad?.()

  const report = await auditOf(witness)
  assert.deepEqual(report.findings, [], told(report))
  assert.deepEqual([report.stuck, witness.breaches], [0, []])
  assert.ok(witness.of('shipped') > 0 && report.movements > 0 && report.delivered > 0, told(report))
})

test('restored to an earlier moment, what was forgotten is named, and the money that the provider holds for it is given back', async () => {
  await nameMoment(server.system.engines.databaseUrl, 'before')
  const forgotten = new Witness()
  await load(forgotten, 4)(10)
  await stopLoad?.()
  await auditOf(forgotten) // until all of it was told
  await loseAndRestore('third', 'before')

  const lost = forgotten.records.flatMap(({ orderIds }) => [...orderIds])
  const before = await auditOf(new Witness())
  const named = (invariant: string) =>
    before.findings
      .filter((finding) => finding.invariant === invariant)
      .map(({ detail }) => detail)
      .join('\n')
  for (const id of lost) assert.match(named('I5'), new RegExp(`${id} v1 was published, and nobody committed it`))
  const { owed } = await findStrangers(own.system)
  assert.ok(owed.length > 0)
  for (const { order } of owed) assert.match(named('I3'), new RegExp(`the provider holds money for ${order}`))
  await giveBack(own.system, owed)
  await giveBack(own.system, owed) // who does not know whether it was done does it again
  assert.deepEqual((await findStrangers(own.system)).owed, [])
  // What is left are orders of which something is forgotten that the world was told of, and each of them is named: the rest is for people to decide.
  const left = (await auditOf(new Witness())).findings.filter(({ invariant }) => invariant !== 'I5' && invariant !== 'I6')
  const gone = new Set([...named('I5').matchAll(/(ord_\w+) v\d+ was published, and nobody committed it/g)].map(([, id]) => id))
  const unexplained = left.filter(({ detail }) => !gone.has(/ord_\w+/.exec(detail)?.[0]))
  assert.deepEqual(unexplained, [])
})
