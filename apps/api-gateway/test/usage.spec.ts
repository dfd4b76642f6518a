import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { newId, UsageReport } from '@catamaran/contracts'
import { OutageProxy, until } from '@catamaran/testing'
import { ask, startSetting, type Setting } from './setting.js'

type Entry = UsageReport['entries'][number]

describe('usage', () => {
  let setting: Setting
  const today = (): string => new Date().toISOString().slice(0, 10)

  /** What arrived about a client, a report that came twice counted once. */
  const entriesOf = (clientId: string): Entry[] => {
    const reports = new Map(setting.auth.reports.map((report) => [report.reportId, UsageReport.parse(report)]))
    return [...reports.values()].flatMap(({ entries }) => entries).filter((entry) => entry.clientId === clientId)
  }
  const requestsOf = (clientId: string): number => entriesOf(clientId).reduce((sum, { requests }) => sum + requests, 0)
  const send = (url: string, path: string, credential: string, method = 'GET') =>
    ask(url + path, { method, headers: { authorization: `Bearer ${credential}` } })

  before(async () => {
    setting = await startSetting('usage')
  })
  afterEach(() => {
    setting.core.reset()
    setting.auth.reportStatus = undefined
  })
  after(() => setting.scope.close())

  it('is told by credential, day and route, with the errors among it', async () => {
    const { url } = await setting.gateway({ USAGE_REPORT_MS: '50' })
    const partnerId = newId('partner')
    const { text, clientId } = setting.auth.newKey({ partnerId })
    setting.core.answer = ({ url: asked }, response) => void response.writeHead(asked.includes('missing') ? 404 : 200).end('{}')
    for (const path of ['/v1/products?limit=2', '/v1/products/one', '/v1/products/two?x', '/v1/products/missing', '/v1/nowhere/at/all'])
      await send(url, path, text)
    await send(url, '/v1/products/one', text, 'HEAD')
    await until(() => requestsOf(clientId) === 6)
    const byRoute = new Map<string, [number, number]>()
    for (const { route, requests, errors, day, lastAt, partnerId: whose } of entriesOf(clientId)) {
      const [before = 0, errorsBefore = 0] = byRoute.get(route) ?? []
      byRoute.set(route, [before + requests, errorsBefore + errors])
      assert.deepEqual([whose, day, lastAt.slice(0, 10)], [partnerId, today(), today()])
    }
    assert.deepEqual(Object.fromEntries(byRoute), { 'GET /v1/products': [1, 0], 'GET /v1/products/{id}': [4, 1], other: [1, 0] })
  })

  it('of an OAuth client counts as its own, and of people and anonymous callers is not counted', async () => {
    const { url } = await setting.gateway({ USAGE_REPORT_MS: '50' })
    await send(url, '/v1/products', await setting.issuer.token({ sub: newId('user'), clientId: 'a-person' }))
    await ask(`${url}/v1/products`)
    await send(url, '/v1/products', await setting.issuer.token({ sub: newId('partner'), clientId: 'a-machine' }))
    await until(() => requestsOf('a-machine') === 1)
    assert.equal(requestsOf('a-person'), 0)
    assert.ok(setting.auth.reports.every(({ entries }) => entries.every(({ partnerId }) => partnerId.startsWith('ptr_'))))
  })

  it('is told under the same id until auth-service has it, and kept while it is away', async () => {
    const away = await OutageProxy.before(setting.auth.url)
    setting.scope.onClose(() => away.close())
    const { url } = await setting.gateway({ USAGE_REPORT_MS: '50', AUTH_URL: away.url })
    const { text, clientId } = setting.auth.newKey()
    setting.auth.reportStatus = 503 // it has it all the same, and only the answer says otherwise
    await send(url, '/v1/products', text)
    const arrivals = (): string[] =>
      setting.auth.reports.filter(({ entries }) => entries.some((entry) => entry.clientId === clientId)).map(({ reportId }) => reportId)
    await until(() => arrivals().length >= 3)
    assert.equal(new Set(arrivals()).size, 1)
    away.cut()
    for (let at = 0; at < 3; at++) assert.equal((await send(url, '/v1/products', text)).status, 200)
    setting.auth.reportStatus = undefined
    away.restore()
    await until(() => requestsOf(clientId) === 4)
    assert.equal(new Set(arrivals()).size, 2)
  })

  it('that auth-service refuses does not hold up what follows', async () => {
    const { url } = await setting.gateway({ USAGE_REPORT_MS: '50' })
    const [first, second] = [setting.auth.newKey(), setting.auth.newKey()]
    setting.auth.reportStatus = 400
    await send(url, '/v1/products', first.text)
    await until(() => requestsOf(first.clientId) === 1)
    setting.auth.reportStatus = undefined
    await send(url, '/v1/products', second.text)
    await until(() => requestsOf(second.clientId) === 1)
  })

  it('is told at shutdown, in reports that auth-service takes', async () => {
    const { url, service } = await setting.gateway({ USAGE_REPORT_MS: '600000' })
    const partnerId = newId('partner')
    const tokens = await Promise.all(
      Array.from({ length: 1_100 }, (_, at) => setting.issuer.token({ sub: partnerId, clientId: `many-${at}-${'x'.repeat(80)}` })),
    )
    const before = setting.auth.reports.length
    for (let at = 0; at < tokens.length; at += 50) {
      await Promise.all(tokens.slice(at, at + 50).map((token) => send(url, '/v1/products', token)))
    }
    assert.equal(setting.auth.reports.length, before)
    await service.close()
    const reports = setting.auth.reports.slice(before)
    assert.ok(reports.length > 1)
    assert.equal(new Set(reports.flatMap(({ entries }) => entries.map(({ clientId }) => clientId))).size, 1_100)
  })
})
