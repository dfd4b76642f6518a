import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { createLogger, runInContext, type RequestContext } from '@catamaran/platform'
import { TestFlagProvider, until } from '@catamaran/testing'
import { Flags } from '../src/index.js'

const logger = createLogger('flags-test', 'silent')
const requestOf = (who: Partial<RequestContext> = {}): RequestContext => ({ requestId: 'r', traceparent: 't', fields: {}, ...who })
const callerOf = (sub: string, plan?: string) =>
  ({ caller: { sub, plan, clientId: 'c', scopes: new Set<string>(), issuedAt: 0, expiresAt: 0 } }) satisfies Partial<RequestContext>

const RANKINGS = ['coverage', 'focused']
const toOne = (attribute: string, value: string) => ({
  variations: RANKINGS,
  rules: [{ id: 'r', variation: 1, clauses: [{ contextKind: 'user', attribute, op: 'in', values: [value], negate: false }] }],
})
const toPercent = (percent: number) => ({
  variations: RANKINGS,
  fallthrough: {
    rollout: {
      contextKind: 'user',
      bucketBy: 'key',
      variations: [
        { variation: 0, weight: (100 - percent) * 1000 },
        { variation: 1, weight: percent * 1000 },
      ],
    },
  },
})

describe('Flags', () => {
  let provider: TestFlagProvider
  let url: string
  let flags: Flags
  const start = async (at = url): Promise<void> => {
    flags = new Flags({ sdkKey: 'sdk-test', url: at, logger })
    await flags.onModuleInit()
  }
  const rankingFor = (who: Partial<RequestContext>) => runInContext(requestOf(who), () => flags.forCaller('search.ranking'))

  beforeEach(async () => {
    provider = new TestFlagProvider()
    provider.set('payments.enabled', false)
    url = await provider.listen()
  })
  afterEach(async () => {
    await flags.onApplicationShutdown()
    await provider.close()
  })

  it("has the provider's values once it has started, and the default of a flag that the provider lacks", async () => {
    flags = new Flags({ sdkKey: 'sdk-test', url, logger })
    assert.equal(flags.value('payments.enabled'), true)
    await flags.onModuleInit()
    assert.equal(flags.value('payments.enabled'), false)
    assert.equal(flags.value('gateway.rate-limit-factor'), 1)
    assert.equal(await rankingFor({}), 'coverage')
  })

  it('follows a change while it runs', async () => {
    await start()
    const changedAt = performance.now()
    provider.set('gateway.rate-limit-factor', 0.5)
    await until(() => flags.value('gateway.rate-limit-factor') === 0.5, { message: 'the new value is seen' })
    assert.ok(performance.now() - changedAt < 1_000)
  })

  it('keeps the default where the provider gives a value that the flag may not take', async () => {
    await start()
    for (const bad of ['fast', -1, 0, Number.MAX_VALUE]) provider.set('gateway.rate-limit-factor', bad)
    provider.set('search.ranking', 'alphabetical')
    provider.set('payments.enabled', true)
    await until(() => flags.value('payments.enabled'), { message: 'the last change is seen' })
    assert.equal(flags.value('gateway.rate-limit-factor'), 1)
    assert.equal(await rankingFor({}), 'coverage')
  })

  it('can differ per user, per device and by plan', async () => {
    await start()
    const cases = [
      [toOne('key', 'usr_me'), callerOf('usr_me'), callerOf('usr_you')],
      [toOne('plan', 'large'), callerOf('ptn_a', 'large'), callerOf('ptn_b', 'standard')],
      [toOne('key', 'device:0123456789abcdef'), { deviceId: '0123456789abcdef' }, { deviceId: 'fedcba9876543210' }],
    ] as const
    for (const [flag, meant, other] of cases) {
      provider.set('search.ranking', flag)
      await until(async () => (await rankingFor(meant)) === 'focused', { message: 'the rule has arrived' })
      assert.equal(await rankingFor(other), 'coverage')
      assert.equal(await rankingFor({}), 'coverage')
    }
  })

  it('gives a share of the callers the new value, each the same every time, and more of them as the share grows', async () => {
    await start()
    const callers = Array.from({ length: 1_000 }, (_, index) => callerOf(`usr_${index}`))
    const chosen = async () => {
      const rankings = await Promise.all(callers.map((caller) => rankingFor(caller)))
      return new Set(rankings.flatMap((ranking, index) => (ranking === 'focused' ? [index] : [])))
    }
    provider.set('search.ranking', toPercent(20))
    await until(async () => (await chosen()).size > 0, { message: 'the roll-out has begun' })
    const first = await chosen()
    assert.ok(first.size > 140 && first.size < 260, `${first.size} of 1,000`)
    assert.deepEqual(await chosen(), first)
    provider.set('search.ranking', toPercent(60))
    await until(async () => (await chosen()).size > 500, { message: 'the roll-out goes on' })
    const more = await chosen()
    assert.ok(
      [...first].every((index) => more.has(index)),
      'nobody is sent back',
    )
    assert.equal(await flags.forCaller('search.ranking'), 'coverage', 'outside a request there is nobody to choose')
  })

  it('decides once a request, and tells the request of what it decided', async () => {
    await start()
    provider.set('search.ranking', 'focused')
    await until(async () => (await rankingFor({})) === 'focused', { message: 'the value is seen' })
    const request = requestOf(callerOf('usr_me'))
    await runInContext(request, async () => {
      assert.equal(await flags.forCaller('search.ranking'), 'focused')
      provider.set('search.ranking', 'coverage')
      await until(async () => (await rankingFor({})) === 'coverage', { message: 'others see the change' })
      assert.equal(await flags.forCaller('search.ranking'), 'focused')
      assert.equal(flags.value('payments.enabled'), false)
      assert.equal(flags.value('gateway.rate-limit-factor'), 1)
    })
    assert.deepEqual(request.flags, { 'search.ranking': 'focused', 'payments.enabled': false })
  })

  it('tells the provider who saw what in an experiment, and what they did then', async () => {
    provider.set('search.ranking', { ...toOne('key', 'usr_me'), trackEvents: true, fallthrough: { variation: 0 } })
    await start()
    await runInContext(requestOf(callerOf('usr_you', 'standard')), async () => {
      await flags.forCaller('search.ranking')
      flags.track('order.placed')
    })
    await flags.onApplicationShutdown()
    await until(() => provider.events.some(({ kind }) => kind === 'custom'), { message: 'the events have come' })
    const told = provider.events.filter(({ kind }) => kind === 'feature' || kind === 'custom')
    assert.deepEqual(
      told.filter(({ key }) => key !== 'payments.enabled').map(({ kind, key, value }) => [kind, key, value]),
      [
        ['feature', 'search.ranking', 'coverage'],
        ['custom', 'order.placed', undefined],
      ],
    )
    assert.match(JSON.stringify(told), /usr_you/)
  })

  it('starts within a second on the defaults when the provider is away, and catches up when it comes', async () => {
    const { port } = provider
    await provider.close()
    const startedAt = performance.now()
    await start()
    assert.ok(performance.now() - startedAt < 1_000)
    assert.equal(flags.value('payments.enabled'), true)
    assert.equal(await rankingFor(callerOf('usr_me')), 'coverage')
    provider = new TestFlagProvider()
    provider.set('payments.enabled', false)
    await provider.listen(port)
    await until(() => !flags.value('payments.enabled'), { message: 'the provider is reached' })
  })

  it('starts within a second on the defaults when the provider takes connections and says nothing', async () => {
    const silent = createServer()
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const startedAt = performance.now()
    await start(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`)
    const tookMs = performance.now() - startedAt
    assert.ok(tookMs < 1_000, `${tookMs} ms`)
    assert.equal(flags.value('payments.enabled'), true)
    silent.close()
  })

  it('keeps the last known values when the provider goes away', async () => {
    provider.set('search.ranking', toOne('key', 'usr_me'))
    await start()
    await provider.close()
    assert.equal(flags.value('payments.enabled'), false)
    assert.equal(await rankingFor(callerOf('usr_me')), 'focused')
    assert.equal(await rankingFor(callerOf('usr_you')), 'coverage')
  })
})
