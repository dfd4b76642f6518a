import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { newId, REVOCATIONS_CHANNEL } from '@catamaran/contracts'
import { OutageProxy, spawnService, until, type TokenOptions } from '@catamaran/testing'
import { Redis } from 'ioredis'
import { request } from 'undici'
import { AuthStandIn } from './auth-stand-in.js'
import { ask, MAIN, startSetting, Wire, type Answer, type Setting } from './setting.js'

describe('revocations', () => {
  let setting: Setting

  const read = (url: string, credential: string): Promise<Answer> =>
    ask(`${url}/v1/products`, { headers: { authorization: `Bearer ${credential}` } })
  const isRevoked = async (url: string, credential: string): Promise<boolean> => {
    const answer = await read(url, credential)
    return answer.status === 401 && answer.json()['code'] === 'auth.token-revoked'
  }
  const until_ = (condition: () => Promise<boolean>): Promise<boolean> => until(condition, { everyMs: 20 })

  before(async () => {
    setting = await startSetting('revocations')
  })
  afterEach(() => setting.core.reset())
  after(() => setting.scope.close())

  it('refuse a session, a client, a user and a partner, and nobody else', async () => {
    const { url } = await setting.gateway()
    const [sid, clientId, user, partner] = ['a-session', 'a-client', newId('user'), newId('partner')]
    const kinds: [TokenOptions, 'session' | 'client' | 'user' | 'partner', string][] = [
      [{ sid }, 'session', sid],
      [{ clientId }, 'client', clientId],
      [{ sub: user }, 'user', user],
      [{ sub: partner }, 'partner', partner],
    ]
    const other = await setting.issuer.token({ sid: 'another', sub: newId('user') })
    for (const [claims, kind, subject] of kinds) {
      const token = await setting.issuer.token(claims)
      assert.equal((await read(url, token)).status, 200)
      setting.auth.revoke(kind, subject)
      await until_(() => isRevoked(url, token))
      assert.equal((await read(url, other)).status, 200)
    }
    const refused = await read(url, await setting.issuer.token({ sid }))
    assert.equal(refused.headers['www-authenticate'], 'Bearer error="invalid_token"')
  })

  it('of a user leave alone what they are given afterwards', async () => {
    const { url } = await setting.gateway()
    const sub = newId('user')
    setting.auth.revoke('user', sub)
    const old = await setting.issuer.token({ sub })
    await until_(() => isRevoked(url, old))
    // `iat` is whole seconds.
    await until_(async () => (await read(url, await setting.issuer.token({ sub }))).status === 200)
    assert.ok(await isRevoked(url, old))
  })

  it('end when every token that they concern has expired by itself', async () => {
    const { url } = await setting.gateway()
    const token = await setting.issuer.token({ sid: 'short' })
    setting.auth.revoke('session', 'short', { lifeMs: 1_500 })
    await until_(() => isRevoked(url, token))
    await until(async () => (await read(url, token)).status === 200, { everyMs: 100, deadlineMs: 20_000 })
  })

  it('work within a second in every gateway process, also when the broadcast is lost', async () => {
    const redis = await OutageProxy.before(setting.scope.engines.redisUrl)
    setting.scope.onClose(() => redis.close())
    const env = setting.env({ REDIS_URL: redis.url })
    const processes = await Promise.all([spawnService(MAIN, env), spawnService(MAIN, env, { readyMs: 60_000 })])
    try {
      const token = await setting.issuer.token({ sid: 'lost' })
      for (const { url } of processes) assert.equal((await read(url, token)).status, 200)
      redis.cut()
      setting.auth.revoke('session', 'lost')
      const revokedAt = performance.now()
      const took = await Promise.all(
        processes.map(async ({ url }) => {
          await until_(() => isRevoked(url, token))
          return performance.now() - revokedAt
        }),
      )
      assert.ok(Math.max(...took) < 1_000, `took ${took.map(Math.round).join(' and ')} ms`)
    } finally {
      await Promise.all(processes.map((process) => process.kill()))
    }
  })

  it('are asked for at once when Redis says that there are new ones', async () => {
    // Of its own: the gateways of the other tests ask as well.
    const auth = await AuthStandIn.start(setting.issuer)
    setting.scope.onClose(() => auth.close())
    await setting.gateway({ AUTH_URL: auth.url })
    const redis = new Redis(setting.scope.engines.redisUrl)
    try {
      const gaps: number[] = []
      for (let round = 0; round < 5; round++) {
        const polls = auth.polledAfter.length
        await until(() => auth.polledAfter.length > polls)
        const [since, seen] = [performance.now(), auth.polledAfter.length]
        await redis.publish(REVOCATIONS_CHANNEL, '')
        await until(() => auth.polledAfter.length > seen)
        gaps.push(performance.now() - since)
      }
      assert.ok(Math.min(...gaps) < 200, `a poll follows after ${gaps.map(Math.round).join(', ')} ms`)
    } finally {
      redis.disconnect()
    }
  })

  it('of before the start are known to the first request', async () => {
    const token = await setting.issuer.token({ sid: 'before' })
    setting.auth.revoke('session', 'before')
    const { url } = await setting.gateway()
    assert.ok(await isRevoked(url, token))
  })

  it('end an open event stream, and leave the others open', async () => {
    const { url } = await setting.gateway()
    setting.core.listener = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: one\n\n')
    }
    const open = async (sid: string): Promise<Wire> => {
      const wire = await Wire.to(url)
      wire.send(
        `GET /v1/orders/x/events HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\nauthorization: Bearer ${await setting.issuer.token({ sid })}\r\n\r\n`,
      )
      await until(() => wire.received.includes('data: one'))
      return wire
    }
    const [ended, other] = [await open('streaming'), await open('staying')]
    setting.auth.revoke('session', 'streaming')
    await until(() => ended.received.endsWith('0\r\n\r\n'))
    assert.ok(!other.received.endsWith('0\r\n\r\n') && !other.isEnded)
    ended.close()
    other.close()
  })

  it('end an event stream that has not begun', async () => {
    const { url } = await setting.gateway()
    let isAsked = false
    setting.core.listener = () => void (isAsked = true)
    const token = await setting.issuer.token({ sid: 'waiting' })
    const answer = ask(`${url}/v1/orders/x/events`, { headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' } })
    await until(() => isAsked)
    setting.auth.revoke('session', 'waiting')
    assert.deepEqual([(await answer).status, (await answer).json()['code']], [401, 'auth.token-revoked'])
  })

  it('drop a remembered API key: auth-service is asked anew', async () => {
    const { url } = await setting.gateway()
    const [revoked, suspended] = [setting.auth.newKey(), setting.auth.newKey()]
    for (const { text } of [revoked, suspended]) assert.equal((await read(url, text)).status, 200)
    setting.auth.forget(revoked.text)
    setting.auth.revoke('client', revoked.clientId)
    await until_(async () => (await read(url, revoked.text)).json()['code'] === 'auth.api-key-invalid')
    setting.auth.revoke('partner', suspended.partnerId)
    // Its old token is remembered no more: with one of a later second it is back before the minute is over.
    await until_(async () => (await read(url, suspended.text)).status === 200 && setting.auth.callsFor(suspended.text) > 1)
  })

  it('are forgotten and read anew when auth-service begins another history', async () => {
    const { url } = await setting.gateway()
    const [old, young] = await Promise.all(['old', 'young'].map((sid) => setting.issuer.token({ sid })))
    setting.auth.revoke('session', 'old')
    await until_(() => isRevoked(url, old as string))
    setting.auth.restart()
    setting.auth.revoke('session', 'young')
    await until_(() => isRevoked(url, young as string))
    assert.equal((await read(url, old as string)).status, 200)
  })

  it('stand while auth-service is away, valid tokens go on, and a metric tells how old the knowledge is', async () => {
    const away = await OutageProxy.before(setting.auth.url)
    setting.scope.onClose(() => away.close())
    const gateway = await spawnService(MAIN, setting.env({ AUTH_URL: away.url }))
    try {
      const ageS = async (): Promise<number> => {
        const text = await (await request(`${gateway.adminUrl}/metrics`)).body.text()
        return Number(/^auth_revocations_age\S* (\S+)/m.exec(text)?.[1])
      }
      const [good, ended] = await Promise.all(['good', 'ended'].map((sid) => setting.issuer.token({ sid })))
      setting.auth.revoke('session', 'ended')
      await until_(() => isRevoked(gateway.url, ended as string))
      assert.equal((await read(gateway.url, good as string)).status, 200)
      assert.ok((await ageS()) < 1.5)
      away.cut()
      await until(async () => (await ageS()) > 2, { everyMs: 50 })
      assert.equal((await read(gateway.url, good as string)).status, 200)
      assert.ok(await isRevoked(gateway.url, ended as string))
      away.restore()
      await until(async () => (await ageS()) < 1.5, { everyMs: 50 })
    } finally {
      await gateway.kill()
    }
  })
})
