import assert from 'node:assert/strict'
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ServiceTokens, TokenVerifier, type AppError } from '@catamaran/platform'
import { generateKeyPair } from 'jose'
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { OutageProxy, spawnService, TestIssuer, testScope, until } from '../src/index.js'

const scope = testScope('testing')
after(() => scope.close())

test("the issuer's tokens pass the services' verifier, and what is wrong with one is found", async () => {
  const issuer = await TestIssuer.start()
  scope.onClose(() => issuer.close())
  const verifier = new TokenVerifier({ issuer: issuer.issuer, jwksUrl: `${issuer.url}/oidc/jwks` })
  const said = { sub: 'usr_1', scopes: ['orders:read', 'cart:write'], sid: 's1', plan: 'free', acr: 'twice', amr: ['pwd', 'otp'] }
  const { scopes, issuedAt, expiresAt, authTime, ...claims } = await verifier.verify(await issuer.token({ ...said, authAgeS: 60 }))
  assert.deepEqual({ ...claims, scopes: [...scopes] }, { ...said, clientId: 'test-client' })
  assert.deepEqual([expiresAt - issuedAt, issuedAt / 1000 - (authTime ?? 0)], [300_000, 60])
  const { privateKey } = await generateKeyPair('EdDSA')
  const codeOf = async (token: Promise<string>): Promise<unknown> => {
    const given = await token
    return Promise.resolve()
      .then(() => verifier.verify(given))
      .catch((error: AppError) => error.code)
  }
  assert.equal(await codeOf(issuer.token({ expiresInS: -1 })), 'auth.token-expired')
  assert.equal(await codeOf(issuer.token({ audience: 'urn:somebody-else' })), 'auth.token-invalid')
  assert.equal(await codeOf(issuer.token({ alg: 'RS256' })), 'auth.token-invalid')
  assert.equal(await codeOf(issuer.token({ key: privateKey })), 'auth.token-invalid')

  const tokens = new ServiceTokens({
    service: 'api-gateway',
    issuer: issuer.issuer,
    authUrl: issuer.url,
    keyFile: issuer.serviceKeyFile,
  })
  const service = await verifier.verify(await tokens.current())
  assert.deepEqual([service.clientId, [...service.scopes]], ['api-gateway', ['call:auth-service', 'call:core-service']])
})

test('a proxy takes PostgreSQL and Redis away and brings them back', async () => {
  const proxy = await OutageProxy.before(await scope.database('proxied'))
  const redisProxy = await OutageProxy.before(scope.engines.redisUrl)
  const pool = new pg.Pool({ connectionString: proxy.url }).on('error', () => undefined)
  const redis = new Redis(redisProxy.url, { maxRetriesPerRequest: 0, retryStrategy: () => 20 }).on('error', () => undefined)
  scope.onClose(async () => {
    redis.disconnect()
    await pool.end()
    await Promise.all([proxy.close(), redisProxy.close()])
  })
  const answer = async (): Promise<number | undefined> => (await pool.query<{ one: number }>('select 1 as one')).rows[0]?.one
  assert.equal(await answer(), 1)
  assert.equal(await redis.ping(), 'PONG')

  proxy.cut()
  redisProxy.cut()
  await assert.rejects(answer())
  await assert.rejects(redis.ping())

  proxy.restore()
  redisProxy.restore()
  await until(async () => (await answer()) === 1, { message: 'PostgreSQL is back' })
  await until(async () => (await redis.ping()) === 'PONG', { message: 'Redis is back' })
})

test('a Kafka client stays behind the proxy, whatever address the broker advertises', async () => {
  const proxy = await OutageProxy.before(scope.engines.kafkaBrokers[0] ?? '')
  scope.onClose(() => proxy.close())
  const admin = new Kafka({ brokers: [proxy.url], logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin()
  scope.onClose(() => admin.disconnect())
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: `${scope.kafka.topicPrefix}proxied` }], waitForLeaders: true })
  const { brokers } = await admin.describeCluster()
  assert.deepEqual(
    brokers.map(({ port }) => port),
    [Number(proxy.url.split(':')[1])],
  )
  proxy.cut()
  await assert.rejects(admin.listTopics())
  proxy.restore()
  await until(async () => (await admin.listTopics()).includes(`${scope.kafka.topicPrefix}proxied`), { message: 'Kafka is back' })
})

test('a spawned service is found by its log line, and one that ends at once is told with its output', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'catamaran-spawn-'))
  scope.onClose(() => rmSync(folder, { recursive: true }))
  const main = join(folder, 'main.mjs')
  writeFileSync(
    main,
    `import { createServer } from 'node:http'
    if (process.env.FAULT) throw new Error(process.env.FAULT)
    const server = createServer((request, response) => response.end()).listen(0, '127.0.0.1', () => {
      const url = 'http://127.0.0.1:' + server.address().port
      console.log(JSON.stringify({ msg: 'listening', url, adminUrl: url }))
    })
    process.on('SIGTERM', () => process.exit(3))`,
  )
  const service = await spawnService(main, {})
  assert.match(service.url, /^http:\/\/127\.0\.0\.1:\d+$/)
  assert.equal(await service.kill('SIGTERM'), 3)
  const second = await spawnService(main, {})
  assert.equal(await second.kill(), 'SIGKILL')
  await assert.rejects(spawnService(main, { FAULT: 'no luck today' }), /did not start:[\s\S]*no luck today/)
})
