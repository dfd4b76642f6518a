import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { newId, type Plan } from '@catamaran/contracts'
import { RedisClient } from '@catamaran/data'
import { OutageProxy, until } from '@catamaran/testing'
import { Redis } from 'ioredis'
import { Agent } from 'undici'
import { ask, sentBy, startSetting, type Answer, type Setting } from './setting.js'

describe('plans', () => {
  let setting: Setting
  const connections = new Agent({ connections: 32 })
  const BASIC: Plan = {
    id: 'basic',
    requestsPerSecond: 0.5,
    burst: 3,
    requestsPerDay: 50_000,
    maxApiKeys: 5,
    maxWebhookEndpoints: 5,
  }
  const DAILY: Plan = { ...BASIC, id: 'daily', requestsPerSecond: 1_000, burst: 1_000, requestsPerDay: 4 }

  const read = (url: string, credential: string): Promise<Answer> =>
    ask(`${url}/v1/products`, { headers: { authorization: `Bearer ${credential}` } }, connections)
  const readMany = async (url: string, credential: string, count: number): Promise<Record<number, number>> => {
    const answers = await Promise.all(Array.from({ length: count }, () => read(url, credential)))
    return Object.fromEntries([200, 429].map((code) => [code, answers.filter(({ status }) => status === code).length]))
  }
  const untilMidnightS = (): number => 86_400 - (Math.floor(Date.now() / 1000) % 86_400)

  before(async () => {
    setting = await startSetting('plans')
    setting.auth.plans.push(BASIC, DAILY)
  })
  afterEach(() => setting.core.reset())
  after(async () => {
    await connections.close()
    await setting.scope.close()
  })

  it('tell what a partner may still ask, now and today, and answer 429 beyond', async () => {
    const { url } = await setting.gateway()
    const { text } = setting.auth.newKey()
    for (const left of [2, 1, 0]) {
      const { status, headers } = await read(url, text)
      assert.equal(status, 200)
      assert.equal(headers['ratelimit-policy'], '"plan";q=3;w=6, "day";q=50000;w=86400')
      const [, plan, planT, day, dayT] = /^"plan";r=(\d+);t=(\d+), "day";r=(\d+);t=(\d+)$/.exec(String(headers['ratelimit'])) ?? []
      assert.deepEqual([Number(plan), Number(day)], [left, 49_997 + left])
      assert.ok(Number(planT) <= (3 - left) * 2 && Number(planT) > 0)
      assert.ok(Math.abs(Number(dayT) - untilMidnightS()) <= 2)
    }
    const limited = await read(url, text)
    assert.deepEqual([limited.status, limited.json()['code'], limited.headers['retry-after']], [429, 'request.rate-limited', '2'])
    // What t says of the limit that refuses is what Retry-After says.
    assert.match(String(limited.headers['ratelimit']), /^"plan";r=0;t=2, "day";r=49997;/)
    assert.equal(setting.core.asked.length, 3)
  })

  it('are held by all keys and tokens of a partner together, on all gateways', async () => {
    const gateways = await Promise.all([setting.gateway(), setting.gateway()])
    const partnerId = newId('partner')
    const credentials = [
      setting.auth.newKey({ partnerId }).text,
      setting.auth.newKey({ partnerId }).text,
      await setting.issuer.token({ sub: partnerId, plan: 'basic', clientId: 'an-oauth-client' }),
    ]
    const sums = await Promise.all(gateways.flatMap(({ url }) => credentials.map((credential) => readMany(url, credential, 3))))
    assert.equal(
      sums.reduce((sum, { 200: good = 0 }) => sum + good, 0),
      3,
    )
    assert.equal((await read(gateways[0].url, setting.auth.newKey().text)).status, 200, 'another partner has a limit of its own')
  })

  it('end a day at its quota, and what is refused takes nothing from either limit', async () => {
    const { url } = await setting.gateway()
    const partnerId = newId('partner')
    const { text } = setting.auth.newKey({ partnerId, plan: 'daily' })
    assert.deepEqual(await readMany(url, text, 6), { 200: 4, 429: 2 })
    const refused = await read(url, text)
    assert.match(String(refused.headers['ratelimit']), /^"plan";r=\d+;t=\d+, "day";r=0;t=\d+$/)
    assert.ok(Math.abs(Number(refused.headers['retry-after']) - untilMidnightS()) <= 2)
    const redis = new Redis(setting.scope.engines.redisUrl)
    const dayKey = `${setting.scope.keyPrefix}rate:day:{${partnerId}}`
    try {
      assert.equal(await redis.get(dayKey), '4')
      assert.ok(Math.abs((await redis.ttl(dayKey)) - untilMidnightS()) <= 2, 'it ends with the UTC day')
      await redis.pexpire(dayKey, 1)
      await until(async () => (await redis.exists(dayKey)) === 0)
      assert.equal((await read(url, text)).status, 200, 'the next day begins')
      await read(url, setting.auth.newKey().text)
      const [basic, basicKey] = [newId('partner'), (id: string) => setting.auth.newKey({ partnerId: id }).text]
      assert.deepEqual(await readMany(url, basicKey(basic), 10), { 200: 3, 429: 7 })
      assert.equal(await redis.get(`${setting.scope.keyPrefix}rate:day:{${basic}}`), '3')
    } finally {
      redis.disconnect()
    }
  })

  it('are counted in one round trip, with both keys in one slot of a cluster', async () => {
    const { url, service } = await setting.gateway()
    const { text, partnerId } = setting.auth.newKey({ plan: 'daily' })
    await read(url, text) // the script is loaded with the first
    const sent = sentBy(service.app.get(RedisClient), partnerId)
    for (let at = 0; at < 3; at++) assert.equal((await read(url, text)).status, 200)
    assert.deepEqual(
      sent.map(({ name }) => name),
      ['evalsha', 'evalsha', 'evalsha'],
    )
    for (const { args } of sent) {
      const keys = args.slice(2, 4).map(String)
      assert.ok(
        keys.every((key) => key.includes(`{${partnerId}}`)),
        keys.join(' '),
      )
    }
  })

  it('follow a change of the plan', async () => {
    const { url } = await setting.gateway()
    const { text } = setting.auth.newKey({ plan: 'changing' })
    assert.equal((await read(url, text)).headers['ratelimit-policy'], '"caller";q=200;w=2', 'an unknown plan: the limit of any caller')
    const policyIs = (policy: string) => until(async () => (await read(url, text)).headers['ratelimit-policy'] === policy, { everyMs: 20 })
    setting.auth.plans.push({ ...BASIC, id: 'changing', requestsPerSecond: 100, burst: 1_000 })
    await policyIs('"plan";q=1000;w=10, "day";q=50000;w=86400')
    setting.auth.plans.splice(2, 1, { ...BASIC, id: 'changing', requestsPerSecond: 200, burst: 1_000, requestsPerDay: 60_000 })
    await policyIs('"plan";q=1000;w=5, "day";q=60000;w=86400')
    setting.auth.plans.splice(2, 1)
    await policyIs('"caller";q=200;w=2')
  })

  it('leave a person who is a member with the limit of a person', async () => {
    const { url } = await setting.gateway()
    const token = await setting.issuer.token({ sub: newId('user'), plan: 'basic', scopes: ['partner:read'] })
    assert.equal((await read(url, token)).headers['ratelimit-policy'], '"caller";q=200;w=2')
  })

  it('are held by each process alone while Redis is away', async () => {
    const redis = await OutageProxy.before(setting.scope.engines.redisUrl)
    setting.scope.onClose(() => redis.close())
    const { url } = await setting.gateway({ REDIS_URL: redis.url })
    redis.cut()
    assert.deepEqual(await readMany(url, setting.auth.newKey().text, 10), { 200: 3, 429: 7 })
    const { text } = setting.auth.newKey({ plan: 'daily' })
    assert.deepEqual(await readMany(url, text, 10), { 200: 4, 429: 6 })
    const refused = await read(url, text)
    assert.match(String(refused.headers['ratelimit']), /"day";r=0;/)
    assert.ok(Number(refused.headers['retry-after']) >= untilMidnightS() - 2)
  })
})
