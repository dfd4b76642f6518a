import assert from 'node:assert/strict'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import { newId } from '@catamaran/contracts'
import { RedisClient } from '@catamaran/data'
import { Flags } from '@catamaran/flags'
import { OutageProxy, spawnService, until } from '@catamaran/testing'
import { ask, MAIN, sentBy, startSetting, type Answer, type Setting } from './setting.js'

/** Members of `"name";a=1;b=2`. */
const parametersOf = (header: string | string[] | undefined): Record<string, number> =>
  Object.fromEntries(
    String(header)
      .split(';')
      .slice(1)
      .map((part) => part.split('='))
      .map(([name, value]) => [name, Number(value)]),
  )

describe('rate limits', () => {
  let setting: Setting

  const buyer = (): Promise<string> => setting.issuer.token({ sub: newId('user') })
  const read = (url: string, token?: string): Promise<Answer> =>
    ask(`${url}/v1/products`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })
  const readMany = (url: string, token: string, count: number): Promise<Answer[]> =>
    Promise.all(Array.from({ length: count }, () => read(url, token)))
  const statuses = (answers: readonly Answer[]): string =>
    [200, 429].map((status) => `${answers.filter((answer) => answer.status === status).length}×${status}`).join(' ')

  before(async () => {
    setting = await startSetting('limits')
  })
  afterEach(() => setting.core.reset())
  after(() => setting.scope.close())

  it('tells the limit and what is left of it, and answers 429 beyond', async () => {
    const { url } = await setting.gateway({ RATE_LIMIT_CALLER: '0.5/3' })
    const token = await buyer()
    for (const left of [2, 1, 0]) {
      const { status, headers } = await read(url, token)
      assert.equal(status, 200)
      assert.equal(headers['ratelimit-policy'], '"caller";q=3;w=6')
      assert.match(String(headers['ratelimit']), /^"caller";r=\d+;t=\d+$/)
      assert.deepEqual(parametersOf(headers['ratelimit']), { r: left, t: (3 - left) * 2 })
    }
    const limited = await read(url, token)
    assert.deepEqual([limited.status, limited.json()['code']], [429, 'request.rate-limited'])
    assert.equal(limited.headers['retry-after'], '2')
    assert.equal(parametersOf(limited.headers['ratelimit'])['r'], 0)
    assert.equal(setting.core.asked.length, 3)
    assert.equal((await read(url, await buyer())).status, 200, 'another caller has a limit of their own')
  })

  it('lets requests in again as time passes', async () => {
    const { url } = await setting.gateway({ RATE_LIMIT_CALLER: '20/1' })
    const token = await buyer()
    assert.equal(statuses(await readMany(url, token, 4)), '1×200 3×429')
    await until(async () => (await read(url, token)).status === 200, { everyMs: 20, deadlineMs: 2_000 })
  })

  it('counts anonymous callers by address, and signing in apart and lower', async () => {
    const { url } = await setting.gateway({ TRUSTED_HOPS: '1', RATE_LIMIT_ANONYMOUS: '0.1/2', RATE_LIMIT_SIGN_IN: '0.1/1' })
    const from = (address: string, path = '/v1/products', method = 'GET') =>
      ask(url + path, { method, headers: { 'x-forwarded-for': address }, ...(method === 'POST' ? { body: '{}' } : {}) })
    assert.deepEqual(
      [(await from('203.0.113.1')).status, (await from('203.0.113.1')).status, (await from('203.0.113.1')).status],
      [200, 200, 429],
    )
    assert.equal((await from('203.0.113.2')).status, 200)
    assert.equal((await from('2001:db8:0:1::1')).status, 200)
    assert.equal((await from('2001:db8:0:1::2')).status, 200)
    assert.equal((await from('2001:db8:0:1:ffff::3')).status, 429, 'a network of IPv6 counts as one')
    for (const path of ['/v1/users', '/account/sign-up']) {
      const address = `203.0.113.${path.length}`
      assert.notEqual((await from(address, path, 'POST')).status, 429)
      assert.equal((await from(address, path, 'POST')).status, 429)
      assert.notEqual((await from(address, path)).status, 429, 'looking at the page counts as any request')
    }
  })

  it('is one limit for all gateways together', async () => {
    const env = { RATE_LIMIT_CALLER: '0.01/10' }
    const processes = await Promise.all([1, 2].map(() => spawnService(MAIN, setting.env(env))))
    try {
      const token = await buyer()
      const answers = await Promise.all(processes.map(({ url }) => readMany(url, token, 10)))
      assert.equal(statuses(answers.flat()), '10×200 10×429')
    } finally {
      await Promise.all(processes.map((process) => process.kill('SIGTERM')))
    }
  })

  it('falls back to a limit per process at once when Redis is gone, and comes back', async () => {
    const redis = await OutageProxy.before(setting.scope.engines.redisUrl)
    setting.scope.onClose(() => redis.close())
    const { url } = await setting.gateway({ REDIS_URL: redis.url, RATE_LIMIT_CALLER: '0.01/4' })
    const token = await buyer()
    assert.equal((await read(url, token)).status, 200)
    redis.cut()
    const startedAt = performance.now()
    assert.equal(statuses(await readMany(url, token, 6)), '3×200 3×429', 'the process goes on from what it knew')
    assert.ok(performance.now() - startedAt < 1_000)
    redis.restore()
    const fresh = await buyer()
    // Redis counts again once a second gateway sees what was counted by the first.
    const other = await setting.gateway({ RATE_LIMIT_CALLER: '0.01/4' })
    await until(
      async () => {
        const { headers } = await read(url, fresh)
        return parametersOf(headers['ratelimit'])['r'] !== 3 && parametersOf((await read(other.url, fresh)).headers['ratelimit'])['r'] === 0
      },
      { deadlineMs: 5_000 },
    )
    assert.equal((await read(url, token)).status, 429)
    assert.equal((await read(other.url, token)).status, 429, 'what was let through meanwhile counts everywhere')
  })

  it('starts and limits without Redis', async () => {
    const { url } = await setting.gateway({ REDIS_URL: 'redis://127.0.0.1:1', RATE_LIMIT_CALLER: '0.01/2' })
    assert.equal(statuses(await readMany(url, await buyer(), 4)), '2×200 2×429')
  })

  it('does not wait for a Redis that hangs', async () => {
    const { hostname, port } = new URL(setting.scope.engines.redisUrl)
    const sockets = new Set<Socket>()
    let isHanging = false
    const proxy = createServer((socket) => {
      const engine = connect(Number(port), hostname)
      for (const each of [socket, engine]) sockets.add(each.on('error', () => undefined))
      socket.on('data', (data) => void (isHanging || engine.write(data)))
      engine.on('data', (data) => socket.write(data))
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    setting.scope.onClose(() => {
      for (const socket of sockets) socket.destroy()
      proxy.close()
    })
    const { url } = await setting.gateway({
      REDIS_URL: `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
      RATE_LIMIT_WAIT_MS: '400',
      RATE_LIMIT_CALLER: '0.01/20', // too few for a credit
    })
    const token = await buyer()
    await read(url, token)
    isHanging = true
    const timed = async (): Promise<number> => {
      const startedAt = performance.now()
      assert.equal((await read(url, token)).status, 200)
      return performance.now() - startedAt
    }
    const [first, second] = [await timed(), await timed()]
    assert.ok(first >= 399 && first < 5_000, `the first waits ${first} ms`)
    assert.ok(second < 350, `the second waits ${second} ms`)
  })

  it('follows the flag that scales every limit', async () => {
    const { url, service } = await setting.gateway({ RATE_LIMIT_CALLER: '10/20' })
    const flags = service.app.get(Flags)
    const token = await buyer()
    assert.equal((await read(url, token)).headers['ratelimit-policy'], '"caller";q=20;w=2')
    const value = flags.value.bind(flags)
    flags.value = ((key: Parameters<typeof value>[0]) => (key === 'gateway.rate-limit-factor' ? 0.1 : value(key))) as typeof flags.value
    assert.equal((await read(url, token)).headers['ratelimit-policy'], '"caller";q=2;w=2')
    flags.value = value
    assert.equal((await read(url, token)).headers['ratelimit-policy'], '"caller";q=20;w=2')
  })

  it('takes at most one round trip for a request, and none on credit', async () => {
    for (const [limit, most] of [
      ['0.1/30', 20],
      ['1000/100000', 4],
    ] as const) {
      const { url, service } = await setting.gateway({ RATE_LIMIT_CALLER: limit })
      const sub = newId('user')
      const token = await setting.issuer.token({ sub })
      await read(url, await buyer()) // the script is loaded with the first
      const sent = sentBy(service.app.get(RedisClient), sub)
      await read(url, token)
      assert.equal(statuses(await readMany(url, token, 19)), '19×200 0×429')
      // Its numbers come after the script, the count of keys and the key: interval, tolerance, wanted, owed.
      const calls = () => sent.map(({ args }) => ({ wanted: Number(args[5]), owed: Number(args[6]) }))
      const counted = () => calls().reduce((sum, { wanted, owed }) => sum + wanted + owed, 0)
      await until(() => counted() >= 20, { message: 'all are counted in the end' })
      assert.equal(counted(), 20)
      assert.ok(sent.length <= most, `${sent.length} calls for 20 requests at ${limit}`)
      assert.equal(
        calls().some(({ owed }) => owed > 0),
        limit !== '0.1/30',
      )
    }
  })
})
