import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { Flags } from '@catamaran/flags'
import { createLogger, runInContext, type RequestContext } from '@catamaran/platform'
import { until } from '../src/eventually.js'
import { listFlags, setFlag, unsetFlag } from '../src/flag-file.js'
import { FlagRelay, writeFlags } from '../src/flag-relay.js'

const WITHIN_MS = 1_000
const logger = createLogger('flags-test', 'silent')

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

describe('npm run flags', () => {
  let dir: string
  let file: string
  let relay: FlagRelay
  /** Two services, each with LaunchDarkly's SDK. */
  let services: Flags[]

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'catamaran-flags-'))
    file = join(dir, 'flags.json')
    relay = new FlagRelay(file, () => undefined)
    const port = await freePort()
    await relay.start(port, { 'payments.enabled': true, 'gateway.rate-limit-factor': 1 })
    services = [1, 2].map(() => new Flags({ sdkKey: 'sdk-test', url: `http://127.0.0.1:${port}`, logger }))
    await Promise.all(services.map((flags) => flags.onModuleInit()))
  })
  afterEach(async () => {
    await Promise.all(services.map((flags) => flags.onApplicationShutdown()))
    await relay.stop()
    rmSync(dir, { recursive: true })
  })

  const seenByAll = (isSeen: (flags: Flags) => boolean | Promise<boolean>) =>
    until(async () => (await Promise.all(services.map(async (flags) => isSeen(flags)))).every(Boolean), WITHIN_MS)
  const rankingFor = (flags: Flags, sub: string, plan = 'standard') => {
    const caller = { sub, plan, clientId: 'c', scopes: new Set<string>(), issuedAt: 0, expiresAt: 0 }
    const request: RequestContext = { requestId: 'r', traceparent: 't', fields: {}, caller }
    return runInContext(request, () => flags.forCaller('search.ranking'))
  }

  it('sets and unsets a flag, and every service goes by it within a second', async () => {
    assert.equal(setFlag(file, 'payments.enabled', 'false'), 'payments.enabled: false')
    await seenByAll((flags) => !flags.value('payments.enabled'))
    assert.equal(setFlag(file, 'gateway.rate-limit-factor', '0.25'), 'gateway.rate-limit-factor: 0.25')
    await seenByAll((flags) => flags.value('gateway.rate-limit-factor') === 0.25)
    assert.equal(unsetFlag(file, 'payments.enabled'), 'payments.enabled: true, the default')
    await seenByAll((flags) => flags.value('payments.enabled'))
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { flags: { 'gateway.rate-limit-factor': 0.25 } })
  })

  it('gives a value to a plan and to a share of the callers, the same ones in every service', async () => {
    assert.equal(
      setFlag(file, 'search.ranking', 'focused', { percent: '20', plans: ['large'] }),
      'search.ranking: focused for plan large, 20 % of the callers; coverage for all others',
    )
    await seenByAll(async (flags) => (await rankingFor(flags, 'ptn_any', 'large')) === 'focused')
    const [first, second] = await Promise.all(
      services.map((flags) => Promise.all(Array.from({ length: 500 }, (_, index) => rankingFor(flags, `usr_${index}`)))),
    )
    const chosen = first?.filter((ranking) => ranking === 'focused').length ?? 0
    assert.ok(chosen > 60 && chosen < 140, `${chosen} of 500`)
    assert.deepEqual(first, second)
    setFlag(file, 'search.ranking', 'focused', { percent: '0' })
    await seenByAll(async (flags) => (await rankingFor(flags, 'ptn_any', 'large')) === 'coverage')
  })

  it('refuses what the registry does not allow, says what it does, and changes nothing', () => {
    const before = readFileSync(file, 'utf8')
    const refusals: [() => unknown, RegExp][] = [
      [() => setFlag(file, 'orders.acept', 'true'), /There is no flag orders\.acept\. The flags are: payments\.enabled, /],
      [() => setFlag(file, undefined, undefined), /Say which flag/],
      [() => setFlag(file, 'payments.enabled', 'off'), /payments\.enabled takes true or false, not off\./],
      [() => setFlag(file, 'payments.enabled', undefined), /payments\.enabled takes true or false\./],
      [() => setFlag(file, 'gateway.rate-limit-factor', '0'), /takes a number from 0\.01 to 1000, not 0\./],
      [() => setFlag(file, 'gateway.rate-limit-factor', ''), /takes a number from 0\.01 to 1000/],
      [() => setFlag(file, 'search.ranking', 'random'), /search\.ranking takes coverage or focused, not random\./],
      [() => setFlag(file, 'payments.enabled', 'false', { percent: '5' }), /payments\.enabled is a kill-switch: it has one value/],
      [() => setFlag(file, 'search.ranking', 'focused', { percent: '120' }), /--percent takes a number from 0 to 100, not 120\./],
      [() => setFlag(file, 'search.ranking', 'coverage', { percent: '20' }), /coverage is the default of search\.ranking/],
      [() => unsetFlag(file, 'nothing'), /There is no flag nothing/],
    ]
    for (const [attempt, message] of refusals) assert.throws(attempt, { message })
    assert.equal(readFileSync(file, 'utf8'), before)
  })

  it('lists every flag with its value, and what is in the file without being declared', () => {
    setFlag(file, 'imports.parallel', 'true', { plans: ['large'] })
    const flags = JSON.parse(readFileSync(file, 'utf8')) as { flags: object }
    writeFlags(file, { ...(flags.flags as Record<string, boolean>), 'old.flag': true })
    const listed = listFlags(file)
    assert.match(listed, /^payments\.enabled: true$/m)
    assert.match(listed, /^search\.ranking: coverage, the default$/m)
    assert.match(listed, /^imports\.parallel: true for plan large; false for all others$/m)
    assert.match(listed, /^old\.flag: not declared/m)
    assert.equal(unsetFlag(file, 'old.flag'), 'old.flag is gone.')
  })
})
