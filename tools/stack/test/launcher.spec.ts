import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { until } from '../src/eventually.js'
import { postgresAnswers, redisAnswers } from '../src/probes.js'
import { findSystem, pssOf, startEngines, type RunningEnginesOnly, type Started } from '../src/index.js'

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url))

/** True when the process is gone, or only waits to be collected by a parent that doesn't. */
const isGone = (pid: number) => !existsSync(`/proc/${pid}/stat`) || readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')

/** 127.0.0.1 as /proc/net/tcp and tcp6 write it. */
const LOOPBACK = ['0100007F', '0000000000000000FFFF00000100007F']

/** The addresses that are listened on at a port. */
const listenersOn = (port: number): string[] =>
  ['/proc/net/tcp', '/proc/net/tcp6']
    .flatMap((table) => readFileSync(table, 'utf8').split('\n'))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state]) => state === '0A' && Number.parseInt(local.split(':')[1] ?? '', 16) === port)
    .map(([, local = '']) => local.split(':')[0] ?? '')

/** Runs the launcher to its end and gives what it said. */
async function launch(args: string[], env: Record<string, string> = {}): Promise<{ code: number | null; told: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let told = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (told += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, told }
}

/** The variables that make a second launcher use the engines of the first. */
const ownEngines = ({ engines }: RunningEnginesOnly) => ({
  DATABASE_URL: engines.databaseUrl,
  REDIS_URL: engines.redisUrl,
  DYNAMODB_ENDPOINT: engines.dynamodbEndpoint,
  KAFKA_BROKERS: engines.kafkaBrokers.join(','),
})

const refused = async (connectionString: string) => {
  const client = new Client({ connectionString })
  return client.connect().then(
    () => client.end().then(() => undefined),
    (error: Error & { code?: string }) => error.code,
  )
}

describe('the launcher', () => {
  let scratch: string
  let dataDir: string
  let started: Started<RunningEnginesOnly>
  let told = ''

  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'catamaran-launcher-'))
    dataDir = join(scratch, 'data')
    const stderr = { write: (text: string) => (told += text) } as unknown as NodeJS.WritableStream
    started = await startEngines({ dataDir, stderr })
  })
  after(async () => {
    await started.stop()
    rmSync(scratch, { recursive: true })
  })

  it('prints one JSON object that is also found in the data folder', () => {
    const { system } = started
    assert.deepEqual(Object.keys(system.engines.pids).toSorted(), ['dynamodb', 'kafka', 'postgres', 'redis'])
    assert.deepEqual(findSystem(dataDir), JSON.parse(JSON.stringify(system)))
    assert.equal(system.logDir, join(dataDir, 'logs'))
    for (const pid of [system.pid, ...Object.values(system.engines.pids)]) assert.ok(pssOf(pid) > 1024 * 1024, `process ${pid} has memory`)
  })

  it('listens on loopback only', () => {
    const { databaseUrl, redisUrl, dynamodbEndpoint, kafkaBrokers } = started.system.engines
    const urls = [databaseUrl, redisUrl, `kafka://${kafkaBrokers[0]}`]
    if (!told.includes('open to the network')) urls.push(dynamodbEndpoint)
    for (const url of urls) {
      const addresses = listenersOn(Number(new URL(url).port))
      assert.ok(addresses.length > 0 && addresses.every((address) => LOOPBACK.includes(address)), `${url} listens on ${addresses.join()}`)
    }
  })

  it('makes a role for each database, which reaches no other', async () => {
    const { auth, core } = started.system.engines.databases
    const [password, database] = [new URL(auth).password, new URL(core)]
    assert.equal(await refused(auth), undefined)
    database.username = 'auth'
    database.password = password
    assert.equal(await refused(database.href), '42501')
    database.pathname = '/postgres'
    assert.equal(await refused(database.href), '42501')
  })

  it('brings back an engine that dies, with its last lines', async () => {
    const { redis, postgres } = started.system.engines.pids
    for (const pid of [redis, postgres]) process.kill(pid ?? 0, 'SIGKILL')
    await until(() => told.includes('redis is back') && told.includes('postgres is back'))
    assert.match(told, /redis was killed by SIGKILL; starting it again in 0\.2 s\. Its last lines/)
    assert.ok(await redisAnswers('127.0.0.1', Number(new URL(started.system.engines.redisUrl).port)))
    assert.ok(await postgresAnswers('127.0.0.1', Number(new URL(started.system.engines.databaseUrl).port)))
  })

  it('refuses a data folder that another launcher has, and names it', async () => {
    const { code, told: message } = await launch(['--only', 'engines', '--port-base', '0', '--data', dataDir])
    assert.equal(code, 1)
    assert.match(message, new RegExp(`already runs on .* \\(pid ${started.system.pid}\\)`))
  })

  it("uses engines of one's own, and leaves the passwords of their databases as they are", async () => {
    const second = await startEngines({ env: ownEngines(started.system) })
    assert.deepEqual(second.system.engines.pids, {})
    assert.deepEqual(second.system.engines.databases, started.system.engines.databases)
    await second.stop()
    assert.ok(await redisAnswers('127.0.0.1', Number(new URL(started.system.engines.redisUrl).port)))
  })

  it('names a port that is in use, who has it and what to do', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const base = port - 31
    const { REDIS_URL: _redis, ...others } = ownEngines(started.system)
    const args = ['--only', 'engines', '--port-base', String(base), '--data', join(scratch, 'second')]
    const { code, told: message } = await launch(args, others)
    server.close()
    assert.equal(code, 1)
    assert.match(
      message,
      new RegExp(`Port ${port} \\(redis\\) is in use by .*node.* \\(pid ${process.pid}\\)\\. Stop that process, or start with`),
    )
  })

  it('leaves no process when it is killed, and starts again on the same data', async () => {
    const { pid, engines } = started.system
    process.kill(pid, 'SIGKILL')
    await until(() => Object.values(engines.pids).every(isGone) && isGone(pid))
    await until(() => !existsSync(join(dataDir, 'system.json')))
    started = await startEngines({ dataDir })
    assert.equal(await refused(started.system.engines.databases.core), undefined)
  })

  it('stops everything when the process that started it is gone', async () => {
    const { pid } = started.system
    const child = spawn(
      process.execPath,
      [MAIN, '--only', 'engines', '--port-base', '0', '--data', join(scratch, 'third'), '--fast', '--json'],
      {
        env: { ...process.env, ...ownEngines(started.system), REDIS_URL: '', CATAMARAN_PARENT_FD: '3' },
        stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
      },
    )
    const [text] = (await once(child.stdout ?? child, 'data')) as [Buffer]
    const { engines } = JSON.parse(text.toString()) as RunningEnginesOnly
    child.stdio[3]?.destroy()
    const [code] = (await once(child, 'exit')) as [number | null]
    assert.equal(code, 0)
    assert.ok(isGone(engines.pids['redis'] ?? 0))
    assert.ok(!isGone(pid))
  })
})
