import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { until } from './eventually.js'
import { FlagRelay } from './flag-relay.js'

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

describe('the flag relay', () => {
  let dir: string
  let file: string
  let relay: FlagRelay
  let events: { event: string; data: Record<string, unknown> }[]
  let told: string[]
  let base: string

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'catamaran-flags-'))
    file = join(dir, 'flags.json')
    told = []
    events = []
    relay = new FlagRelay(file, (line) => told.push(line))
    const port = await freePort()
    base = `http://127.0.0.1:${port}`
    await relay.start(port, { 'orders.accept': true, factor: 1 })
    void listen(`${base}/all`)
    await until(() => events.length === 1)
  })
  afterEach(async () => {
    await relay.stop()
    rmSync(dir, { recursive: true })
  })

  async function listen(url: string): Promise<void> {
    const { body } = await fetch(url)
    let text = ''
    for await (const chunk of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      text += chunk
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const [, event = '', data = ''] = /^event: (\w+)\ndata: (.*)$/s.exec(text.slice(0, end)) ?? []
        if (event) events.push({ event, data: JSON.parse(data) as Record<string, unknown> })
        text = text.slice(end + 2)
      }
    }
  }
  const write = (flags: unknown) => writeFileSync(file, JSON.stringify({ flags }))

  it('makes the file from the defaults and sends all flags first', () => {
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { flags: { 'orders.accept': true, factor: 1 } })
    const flags = events[0]?.data['data'] as { flags: Record<string, { variations: unknown[] }> }
    assert.equal(events[0]?.event, 'put')
    assert.deepEqual(flags.flags['orders.accept']?.variations, [true])
  })

  it('sends what changed, and only that, with a higher version', async () => {
    write({ 'orders.accept': false, factor: 1 })
    await until(() => events.length === 2, 1000)
    const flag = events[1]?.data['data'] as { variations: unknown[]; version: number }
    assert.deepEqual([events[1]?.event, events[1]?.data['path']], ['patch', '/flags/orders.accept'])
    assert.deepEqual([flag.variations, flag.version], [[false], 2])
  })

  it('sees every rename over the file, as editors and config mounts do it', async () => {
    for (const [round, factor] of [2, 3, 4].entries()) {
      writeFileSync(`${file}.new`, JSON.stringify({ flags: { 'orders.accept': true, factor } }))
      renameSync(`${file}.new`, file)
      await until(() => events.length === round + 2, 1000)
    }
    const flag = events.at(-1)?.data['data'] as { variations: unknown[] }
    assert.deepEqual(flag.variations, [4])
  })

  it('deletes a flag that left the file', async () => {
    write({ 'orders.accept': true })
    await until(() => events.length === 2, 1000)
    assert.deepEqual(events[1], { event: 'delete', data: { path: '/flags/factor', version: 2 } })
  })

  it('keeps the last values when the file is bad, says so, and goes on when it is good again', async () => {
    writeFileSync(file, '{ "flags": ')
    await until(() => told.length === 1, 1000)
    assert.match(told[0] ?? '', /flags\.json: .*The flags stay as they were\./)
    writeFileSync(file, '[]')
    await until(() => told.length === 2, 1000)
    assert.equal(events.length, 1)
    write({ 'orders.accept': false, factor: 1 })
    await until(() => events.length === 2, 1000)
    assert.match(told[2] ?? '', /readable again/)
  })

  it('takes what the SDK tells about itself', async () => {
    const answer = await fetch(`${base}/bulk`, { method: 'POST', body: '[]' })
    assert.equal(answer.status, 202)
  })
})
