import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { AdminServer } from './health.js'
import { LogLevel } from './log-level.js'
import { createLogger, type Logger } from './logging.js'

describe('the admin port', () => {
  let folder: string
  let logger: Logger
  let admin: AdminServer
  let url: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'admin-'))
    logger = createLogger('core-service', 'info', join(folder, 'log'))
    admin = new AdminServer((format) => Promise.resolve(format), new LogLevel(logger))
    url = await admin.listen('127.0.0.1', 0)
  })
  after(async () => {
    await admin.close()
    await rm(folder, { recursive: true })
  })

  it('tells metrics in the format that the scraper asks for', async () => {
    const prometheus = 'application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
    for (const [accept, format, type] of [
      [prometheus, 'openmetrics', 'application/openmetrics-text; version=1.0.0; charset=utf-8'],
      ['*/*', 'text', 'text/plain; version=0.0.4; charset=utf-8'],
    ] as const) {
      const response = await fetch(`${url}/metrics`, { headers: { accept } })
      assert.deepEqual([await response.text(), response.headers.get('content-type')], [format, type])
    }
  })

  it('changes the log level for a while, and refuses what is none', async () => {
    const change = (body: string) => fetch(`${url}/log-level`, { method: 'PUT', body })
    const wrong = [
      '',
      'rubbish',
      '{"level":"loud"}',
      '{"level":"debug","forS":0}',
      '{"level":"silent"}',
      `{"level":"${'x'.repeat(2_000)}"}`,
    ]
    for (const body of wrong) assert.equal((await change(body)).status, 400, body)
    assert.deepEqual(await (await fetch(`${url}/log-level`)).json(), { level: 'info', normal: 'info', until: null })
    logger.debug('not told')
    const changed = (await (await change('{"level":"debug","forS":60}')).json()) as { level: string; until: string }
    assert.equal(changed.level, 'debug')
    assert.ok(Math.abs(Date.parse(changed.until) - Date.now() - 60_000) < 30_000)
    logger.debug('told')
    await new Promise<void>((resolve) => logger.flush(resolve))
    const told = readFileSync(join(folder, 'log'), 'utf8')
    assert.match(told, /"logLevel":"debug".*log level changed/)
    assert.match(told, /"level":"debug".*"msg":"told"/)
    assert.doesNotMatch(told, /not told/)
  })

  it('goes back to the level it was started with when the time is over', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
    const level = new LogLevel(logger)
    const normal = logger.level
    level.change({ level: 'trace', forS: 60 })
    level.change({ level: 'error', forS: 120 })
    context.mock.timers.tick(119_000)
    assert.equal(logger.level, 'error')
    context.mock.timers.tick(1_000)
    assert.deepEqual(level.state(), { level: normal, normal, until: null })
  })
})
