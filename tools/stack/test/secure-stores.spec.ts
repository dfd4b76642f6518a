import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createRedis, Database, databaseConfig, databaseEnv, migrate, redisConfig, redisEnv } from '@catamaran/data'
import { createKafka, createTopics, kafkaConfig, kafkaEnv, migrateMessaging } from '@catamaran/messaging'
import { causesOf, readConfig, type AppError } from '@catamaran/platform'
import { TestCa, until } from '@catamaran/testing'
import { z } from 'zod'
import { keep, makeContext, redisCluster, secureKafka, securePostgres, secureRedis } from './secure-engines.js'

const named = { name: '', text: 'select current_user as name, pg_is_in_recovery() as replica' }

describe('stores that speak TLS and ask who we are', { timeout: 120_000 }, () => {
  let own: Awaited<ReturnType<typeof makeContext>>
  const [ca, stranger] = [new TestCa(), new TestCa()]
  const closing: (() => unknown)[] = []
  const file = (name: string, content: string): string => {
    const path = join(own.context.dataDir, name)
    writeFileSync(path, content, { mode: 0o600 })
    return path
  }
  before(async () => {
    own = await makeContext()
  })
  after(async () => {
    for (let close = closing.pop(); close !== undefined; close = closing.pop()) await close()
    await own.close()
  })

  const adviceOf = (error: unknown): string => causesOf(error).join(' ')
  const isRefused = (advice: RegExp) => (error: AppError) => {
    assert.equal(error.code, 'service.unavailable')
    assert.match(adviceOf(error), advice)
    return true
  }

  describe('PostgreSQL', () => {
    let url: string
    let caFile: string
    const open = (env: Record<string, string>) => {
      const config = databaseConfig(readConfig(z.object(databaseEnv), { DATABASE_CA_FILE: caFile, DATABASE_CONNECTIONS: '2', ...env }))
      const database = new Database(config)
      closing.push(() => database.onApplicationShutdown())
      return { config, database, ask: () => database.query<{ name: string }>(named) }
    }
    before(async () => {
      url = await securePostgres(own, ca.issue(['localhost']))
      caFile = file('ca.pem', ca.cert)
    })

    it('is taken for itself by its certificate, by whoever connects: pool, relay and migrations', async () => {
      const { config, database } = open({ DATABASE_URL: url })
      const inUse = { name: '', text: 'select ssl, version from pg_stat_ssl where pid = pg_backend_pid()' }
      const [tls] = await database.query<{ ssl: boolean; version: string }>(inUse)
      assert.deepEqual([tls?.ssl, tls?.version], [true, 'TLSv1.3'])
      const direct = database.directClient()
      await direct.connect()
      assert.equal((await direct.query<{ ssl: boolean }>(inUse.text)).rows[0]?.ssl, true)
      await direct.end()
      assert.ok((await migrateMessaging(config)).length > 0)
    })

    it('is refused, with what to do, when another CA signed, the name is another, or it has expired', async () => {
      const strange = open({ DATABASE_URL: url, DATABASE_CA_FILE: file('strange.pem', stranger.cert) })
      await assert.rejects(strange.ask(), isRefused(/_CA_FILE\) holds the CA of this server/))
      await assert.rejects(migrate(strange.config, '/nowhere'), /_CA_FILE\) holds the CA of this server.*Nothing was changed/)
      await assert.rejects(open({ DATABASE_URL: url.replace('localhost', '127.0.0.1') }).ask(), isRefused(/for another name/))
      const { ask, database } = open({ DATABASE_URL: url })
      await ask()
      const identityOf = (expiresAt?: number) => keep(own.context.dataDir, 'postgres-tls', ca.issue(['localhost'], expiresAt))
      identityOf(Date.now() - 1_000)
      const reload = async () => {
        await database.query({ name: '', text: 'select pg_reload_conf()' })
        return until(
          () =>
            open({ DATABASE_URL: url })
              .ask()
              .then(() => 'taken', adviceOf),
          { message: 'it has an answer' },
        )
      }
      await until(async () => /has expired: renew it/.test(await reload()), { message: 'the expired certificate is seen' })
      identityOf()
      await until(async () => (await reload()) === 'taken', { message: 'the renewed one is taken' })
    })

    it('learns a password that was changed under it; before that, callers are told to come again', async () => {
      const admin = open({ DATABASE_URL: url })
      await admin.database.query({ name: '', text: "create role rotating login password 'old'" })
      const passwordFile = file('password', 'wrong\n')
      const { ask, database } = open({ DATABASE_URL: url.replace(/\/\/.*@/, '//rotating@'), DATABASE_PASSWORD_FILE: passwordFile })
      await assert.rejects(ask(), isRefused(/look at user and password/))
      writeFileSync(passwordFile, 'old\n')
      assert.equal((await ask())[0]?.name, 'rotating')
      await admin.database.query({ name: '', text: "alter role rotating password 'new'" })
      writeFileSync(passwordFile, 'new\n')
      const direct = database.directClient()
      await direct.connect()
      await direct.end()
    })

    it('that has become a replica is left at once: 503, a new connection, and writing goes on after the failover', async () => {
      const admin = open({ DATABASE_URL: url })
      await admin.database.query({ name: '', text: 'create database replica' })
      const { database } = open({ DATABASE_URL: url.replace(/\/postgres$/, '/replica'), DATABASE_CONNECTIONS: '1' })
      await database.query({ name: '', text: 'create table thing (id int)' })
      const readOnly = (is: string) =>
        admin.database.query({ name: '', text: `alter database replica set default_transaction_read_only = ${is}` })
      const insert = { name: '', text: 'insert into thing values (1)' }
      const inTransaction = () => database.transaction((tx) => tx.query(insert))
      await readOnly('on')
      await database.query({ name: '', text: 'set default_transaction_read_only = on' }) // what the server of this connection has become
      await assert.rejects(inTransaction(), { code: 'service.unavailable' })
      await readOnly('off')
      await inTransaction()
      await database.query(insert)
    })
  })

  it('Redis: by its certificate and a password that may change; commands fail fast until both are right', async () => {
    const { port, close } = await secureRedis(own, ca.issue(['localhost']), 'right')
    closing.push(close)
    const passwordFile = file('redis-password', 'wrong')
    const open = (pem: string) => {
      const env = { REDIS_URL: `rediss://localhost:${port}`, REDIS_CA_FILE: file('redis-ca.pem', pem), REDIS_PASSWORD_FILE: passwordFile }
      const redis = createRedis(redisConfig(readConfig(z.object(redisEnv), env)))
      closing.push(() => redis.onApplicationShutdown())
      return redis
    }
    const redis = open(ca.cert)
    await assert.rejects(redis.set('a', '1'))
    writeFileSync(passwordFile, 'right')
    await until(() => redis.set('a', '1'), { message: 'it lets us in' })
    const subscriber = redis.newSubscriber()
    closing.push(() => subscriber.disconnect())
    const heard: string[] = []
    subscriber.on('message', (_channel, message: string) => heard.push(message))
    await subscriber.subscribe('channel')
    await redis.publish('channel', 'hello')
    await until(() => heard.includes('hello'))
    const strange = open(stranger.cert)
    const reasons: string[] = []
    strange.on('error', (error: Error & { code?: string }) => reasons.push(error.code ?? ''))
    await until(() => reasons.length > 1)
    assert.match(reasons.join(), /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT/)
    await assert.rejects(strange.get('a'))
  })

  it('Redis in cluster mode: keys, scripts, transactions and channels work on three nodes as on one', async () => {
    const redis = createRedis(
      redisConfig(readConfig(z.object(redisEnv), { REDIS_URL: await redisCluster(own), REDIS_MODE: 'cluster', REDIS_KEY_PREFIX: 'p:' })),
    )
    const subscriber = redis.newSubscriber()
    closing.push(
      () => redis.onApplicationShutdown(),
      () => subscriber.disconnect(),
    )
    const heard: string[] = []
    subscriber.on('message', (_channel, message: string) => heard.push(message))
    await subscriber.subscribe('channel')
    await until(() => redis.status === 'ready', { message: 'it knows the nodes' })
    const keys = Array.from({ length: 100 }, (_, index) => `key-${index}`)
    await Promise.all(keys.map((key) => redis.set(key, key)))
    assert.deepEqual(await Promise.all(keys.map((key) => redis.get(key))), keys)
    assert.equal((await redis.multi().incr('n').pexpire('n', 1_000, 'NX').exec())?.[0]?.[1], 1)
    redis.defineCommand('twice', { numberOfKeys: 2, lua: "redis.call('SET', KEYS[1], '1') return redis.call('INCR', KEYS[2])" })
    assert.equal(await (redis as unknown as { twice: (...keys: string[]) => Promise<number> }).twice('rate:{a}', 'day:{a}'), 1)
    // Once at most, as everywhere in Redis: the nodes may not all know each other yet.
    const isHeard = async () => (await redis.publish('channel', 'hello'), heard.includes('hello'))
    await until(isHeard, { message: 'what one node is told is heard by way of another' })
  })

  it('Kafka: SCRAM and OAuth tokens over TLS; a password or token that is wrong now may be right for the next connection', async () => {
    const brokers = await secureKafka(own, ca, { core: 'right' })
    const [caFile, passwordFile, tokenFile] = [file('kafka-ca.pem', ca.cert), file('kafka-password', 'wrong'), file('kafka-token', 'none')]
    const configOf = (env: Record<string, string>) =>
      kafkaConfig(readConfig(z.object(kafkaEnv), { KAFKA_BROKERS: brokers, KAFKA_TLS: 'true', KAFKA_CA_FILE: caFile, ...env }))
    const scram = configOf({ KAFKA_AUTH: 'scram-sha-512', KAFKA_USERNAME: 'core', KAFKA_PASSWORD_FILE: passwordFile })
    await assert.rejects(createTopics(scram, { topics: ['orders'] }), /SASL|authentication/i)
    await assert.rejects(createTopics(configOf({}), { topics: ['orders'] })) // TLS, but nobody
    const strange = { ...scram, ssl: { ca: stranger.cert } }
    await assert.rejects(createTopics(strange, { topics: ['orders'] }), /certificate|Connection error/i)

    writeFileSync(passwordFile, 'right')
    await createTopics(scram, { topics: ['orders'], retry: { retries: 10 } })

    // What a platform renews: an OAuth token of an hour, which this broker takes unsigned.
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const now = Math.floor(Date.now() / 1_000)
    const oauth = configOf({ KAFKA_AUTH: 'token-file', KAFKA_TOKEN_FILE: tokenFile })
    const list = async (): Promise<string[]> => {
      const admin = createKafka(oauth, 'test').admin()
      try {
        await admin.connect()
        return await admin.listTopics()
      } finally {
        await admin.disconnect()
      }
    }
    await assert.rejects(list())
    writeFileSync(tokenFile, `${part({ alg: 'none' })}.${part({ sub: 'core', iat: now, exp: now + 3_600 })}.`)
    assert.ok((await list()).includes('orders'))
  })
})
