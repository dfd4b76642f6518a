import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { newApiKey, newId } from '@catamaran/contracts'
import { OutageProxy, until } from '@catamaran/testing'
import { Agent } from 'undici'
import { ask, startSetting, type Answer, type Setting } from './setting.js'

describe('API keys', () => {
  let setting: Setting
  const NO_LIMITS = { MAX_IN_FLIGHT_PER_CALLER: '1000', RATE_LIMIT_CALLER: '1000000/1000000', RATE_LIMIT_REFUSED: '1000000/1000000' }

  const connections = new Agent({ connections: 64 })

  const read = (url: string, credential: string, from?: string): Promise<Answer> =>
    ask(
      `${url}/v1/products`,
      { headers: { authorization: `Bearer ${credential}`, ...(from === undefined ? {} : { 'x-forwarded-for': from }) } },
      connections,
    )
  const codeOf = (answer: Answer): [number, unknown] => [answer.status, answer.status === 200 ? undefined : answer.json()['code']]
  const addressOf = (at: number): string => `10.${(at >> 16) & 255}.${(at >> 8) & 255}.${at & 255}`

  before(async () => {
    setting = await startSetting('keys')
  })
  afterEach(() => {
    setting.core.reset()
    setting.auth.exchangeStatus = undefined
    setting.auth.gate = undefined
  })
  after(async () => {
    await connections.close()
    await setting.scope.close()
  })

  it('stand for an access token inside, and the key itself goes no further', async () => {
    const { url } = await setting.gateway()
    const key = setting.auth.newKey()
    assert.equal((await read(url, key.text)).status, 200)
    const [asked] = setting.core.asked
    const [, payload = ''] = String(asked?.headers.authorization).split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
    assert.deepEqual([claims['sub'], claims['client_id'], claims['scope']], [key.partnerId, key.clientId, 'catalogue'])
    assert.ok(!JSON.stringify(asked).includes(key.text.slice(9)))
    assert.equal(setting.auth.exchangeHeaders.authorization, undefined, 'the gateway asks for itself, not for the caller')
  })

  it('that are mistyped are refused without a look-up', async () => {
    const { url } = await setting.gateway()
    const { text } = setting.auth.newKey()
    const mistyped = text.slice(0, 60) + (text[60] === 'A' ? 'B' : 'A') + text.slice(61)
    for (const key of [mistyped, text.slice(0, -1), `${text}x`, 'cat_', 'cat_live_x']) {
      const answer = await read(url, key)
      assert.deepEqual(codeOf(answer), [401, 'auth.api-key-malformed'], key)
      assert.equal(answer.headers['www-authenticate'], 'Bearer error="invalid_token"')
      assert.equal(setting.auth.callsFor(key), 0)
    }
    assert.equal(setting.core.asked.length, 0)
  })

  it('cost one call to auth-service, also when 500 requests bring a new one at once', async () => {
    const { url } = await setting.gateway(NO_LIMITS)
    const { text } = setting.auth.newKey()
    const answers = await Promise.all(Array.from({ length: 500 }, () => read(url, text)))
    assert.equal(answers.filter(({ status }) => status === 200).length, 500)
    assert.equal(setting.auth.callsFor(text), 1)
  })

  it('that are unknown are refused, and cost one call as well', async () => {
    const { url } = await setting.gateway(NO_LIMITS)
    const { text } = newApiKey('test')
    const answers = await Promise.all(Array.from({ length: 50 }, () => read(url, text)))
    for (const answer of [...answers, await read(url, text)]) assert.deepEqual(codeOf(answer), [401, 'auth.api-key-invalid'])
    assert.equal(setting.auth.callsFor(text), 1)
  })

  it('are asked about again once they were remembered long enough, and a refusal then counts', async () => {
    const { url } = await setting.gateway({ ...NO_LIMITS, KEY_REMEMBER_MS: '200' })
    const good = setting.auth.newKey()
    assert.equal((await read(url, good.text)).status, 200)
    await until(async () => (await read(url, good.text)).status === 200 && setting.auth.callsFor(good.text) === 2, { everyMs: 20 })
    setting.auth.forget(good.text)
    await until(async () => (await read(url, good.text)).status === 401, { everyMs: 20 })
    const late = newApiKey('test')
    assert.equal((await read(url, late.text)).status, 401)
    await until(async () => (await read(url, late.text)).status === 401 && setting.auth.callsFor(late.text) === 2, { everyMs: 20 })
  })

  it('work from the addresses of their list alone, whatever they did before', async () => {
    const { url } = await setting.gateway({ TRUSTED_HOPS: '1' })
    const { text } = setting.auth.newKey({ allowedAddresses: ['192.0.2.0/28', '198.51.100.7', '2001:db8:1::/48'] })
    const refused = [403, 'auth.address-not-allowed']
    assert.deepEqual(codeOf(await read(url, text, '192.0.2.16')), refused, 'also the first time, when it is looked up')
    for (const address of ['192.0.2.15', '198.51.100.7', '2001:db8:1:2::3', '::ffff:192.0.2.1'])
      assert.equal((await read(url, text, address)).status, 200, address)
    for (const address of ['192.0.2.16', '198.51.100.8', '2001:db8:2::1', '::ffff:192.0.2.99'])
      assert.deepEqual(codeOf(await read(url, text, address)), refused, address)
    assert.equal(setting.auth.callsFor(text), 1)
  })

  it('answer 503 while auth-service can’t tell, which is no refusal', async () => {
    const { url } = await setting.gateway(NO_LIMITS)
    const { text } = setting.auth.newKey()
    setting.auth.exchangeStatus = 503
    const answer = await read(url, text)
    assert.deepEqual(codeOf(answer), [503, 'service.unavailable'])
    assert.equal(answer.headers['retry-after'], '1')
    assert.equal((await read(url, text)).status, 503)
    assert.equal(setting.auth.callsFor(text), 1, 'an auth-service in trouble is left alone for a moment')
    setting.auth.exchangeStatus = undefined
    await until(async () => (await read(url, text)).status === 200, { everyMs: 20 })
  })

  it('go on while auth-service is away, to the end of the access token', async () => {
    const away = await OutageProxy.before(setting.auth.url)
    setting.scope.onClose(() => away.close())
    const { url } = await setting.gateway({ ...NO_LIMITS, AUTH_URL: away.url, KEY_REMEMBER_MS: '1' })
    const known = setting.auth.newKey({ expiresInS: 4 })
    assert.equal((await read(url, known.text)).status, 200)
    away.cut()
    assert.equal((await read(url, known.text)).status, 200)
    assert.equal((await read(url, setting.auth.newKey().text)).status, 503, 'a new key has to wait')
    const end = await until(
      async () => {
        const answer = await read(url, known.text)
        return answer.status !== 200 && answer
      },
      { everyMs: 20 },
    )
    assert.deepEqual(codeOf(end), [503, 'service.unavailable'])
    away.restore()
    await until(async () => (await read(url, known.text)).status === 200, { everyMs: 20 })
  })

  it('at random cost auth-service little, hurt no known key, and keep no new one out for long', async () => {
    const { url } = await setting.gateway({ ...NO_LIMITS, TRUSTED_HOPS: '1', KEY_LOOK_UPS: '20/60' })
    const known = setting.auth.newKey()
    const fresh = setting.auth.newKey()
    assert.equal((await read(url, known.text, addressOf(0))).status, 200)
    const before = setting.auth.exchanged.length
    const startedAt = performance.now()
    const statuses = new Map<number, number>()
    let sent = 0
    let freshTries = 0
    let freshAt = 0
    const flood = async (): Promise<void> => {
      while (sent < 5_000) {
        const { status } = await read(url, newApiKey('test').text, addressOf(++sent))
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    }
    const tryFresh = async (): Promise<void> => {
      await until(() => sent > 1_000, { deadlineMs: 60_000 })
      await until(async () => ++freshTries > 0 && (await read(url, fresh.text, addressOf(1 << 20))).status === 200, { everyMs: 100 })
      freshAt = sent
    }
    const useKnown = async (): Promise<void> => {
      while (sent < 5_000) assert.equal((await read(url, known.text, addressOf(0))).status, 200)
    }
    await Promise.all([...Array.from({ length: 8 }, flood), tryFresh(), useKnown()])
    const seconds = (performance.now() - startedAt) / 1000
    const calls = setting.auth.exchanged.length - before
    assert.ok(calls <= 60 + 20 * seconds + 1, `${calls} calls in ${seconds.toFixed(1)} s`)
    assert.deepEqual(new Set(statuses.keys()), new Set([401, 429]))
    assert.ok((statuses.get(429) ?? 0) > 1_000, 'most are turned away unasked')
    assert.ok(freshAt < 5_000 && freshTries <= 3, `the new key got in at its try ${freshTries}, after ${freshAt} random ones`)
    assert.ok(setting.auth.callsFor(known.text) <= 1 + seconds / 60)
  })

  it('that are unknown are looked up only so often for one address, which is told when to come back', async () => {
    const { url } = await setting.gateway({ ...NO_LIMITS, TRUSTED_HOPS: '1', KEY_LOOK_UPS_PER_ADDRESS: '0.5/4' })
    const random = (address: string): Promise<Answer> => read(url, newApiKey('live').text, address)
    assert.deepEqual(codeOf(await random('203.0.113.1')), [401, 'auth.api-key-invalid'])
    assert.equal((await random('203.0.113.1')).status, 401)
    const limited = await random('203.0.113.1')
    assert.deepEqual(codeOf(limited), [429, 'request.rate-limited'])
    assert.equal(limited.headers['retry-after'], '2')
    assert.equal((await random('203.0.113.2')).status, 401)
  })
})

describe('refused credentials', () => {
  let setting: Setting
  before(async () => {
    setting = await startSetting('refused')
  })
  after(() => setting.scope.close())

  it('are counted for each address: past the limit 429 unread, but a caller known before goes on beside them', async () => {
    const { url } = await setting.gateway({ TRUSTED_HOPS: '1', RATE_LIMIT_REFUSED: '0.1/5' })
    const with_ = (credential: string, address: string): Promise<Answer> =>
      ask(`${url}/v1/products`, { headers: { authorization: `Bearer ${credential}`, 'x-forwarded-for': address } })
    const [known, other] = await Promise.all([setting.issuer.token({ sub: newId('user') }), setting.issuer.token({ sub: newId('user') })])
    const key = setting.auth.newKey()
    assert.equal((await with_(known, '203.0.113.9')).status, 200)
    assert.equal((await with_(key.text, '203.0.113.9')).status, 200)
    const bad = [
      await setting.issuer.token({ expiresInS: -60 }),
      await setting.issuer.token({ audience: 'urn:other' }),
      'nonsense',
      'cat_live_nonsense',
      newApiKey('live').text,
    ]
    for (const credential of bad) assert.equal((await with_(credential, '203.0.113.9')).status, 401)
    for (const credential of [...bad, other, newApiKey('live').text]) {
      const answer = await with_(credential, '203.0.113.9')
      assert.deepEqual([answer.status, answer.json()['code']], [429, 'request.rate-limited'])
      assert.ok(Number(answer.headers['retry-after']) > 0)
    }
    assert.equal((await with_(known, '203.0.113.9')).status, 200)
    assert.equal((await with_(key.text, '203.0.113.9')).status, 200)
    assert.equal((await with_(other, '203.0.113.10')).status, 200, 'another address has a count of its own')
    assert.equal((await ask(`${url}/v1/products`, { headers: { 'x-forwarded-for': '203.0.113.9' } })).status, 200)
  })
})
