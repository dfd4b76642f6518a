import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { after, afterEach, before, describe, it } from 'node:test'
import { until } from '@catamaran/testing'
import { Agent, request } from 'undici'
import { ask, startSetting, Wire, type InnerService, type Setting } from './setting.js'

const MIB = 1024 * 1024
const IMPORT = '/v1/partner/products/import'

describe('streaming', () => {
  let setting: Setting
  let core: InnerService
  let url: string

  before(async () => {
    setting = await startSetting('streaming')
    core = setting.core
    ;({ url } = await setting.gateway({ MAX_BODY_BYTES: String(64 * MIB), MAX_STREAMS_PER_CALLER: '2', RATE_LIMIT_ANONYMOUS: '1000/1000' }))
  })
  afterEach(() => core.reset())
  after(() => setting.scope.close())

  it('streams a large answer while it is made, with its bytes in order', async () => {
    let rest: () => void = () => undefined
    core.listener = (_, response) => {
      response.writeHead(200, { 'content-length': 3 * MIB })
      response.write(Buffer.alloc(MIB, 'a'))
      rest = () => response.end(Buffer.alloc(2 * MIB, 'b'))
    }
    const { body } = await request(`${url}/v1/export`)
    let text = ''
    for await (const chunk of body) {
      text += String(chunk)
      if (text.length === MIB) rest()
    }
    assert.ok(text === 'a'.repeat(MIB) + 'b'.repeat(2 * MIB))
  })

  it('holds a large answer back while the client does not read', async () => {
    let written = 0
    core.listener = (_, response) => {
      const pour = (): void => {
        while (written < 256 * MIB) {
          written += MIB
          if (!response.write(Buffer.alloc(MIB))) return void response.once('drain', pour)
        }
        response.end()
      }
      pour()
    }
    const wire = await Wire.to(url)
    wire.socket.pause()
    wire.send('GET /v1/export HTTP/1.1\r\nHost: x\r\n\r\n')
    // What lies between fills up, and then nothing moves any more.
    let seen = -1
    await until(() => seen === (seen = written) && written > 0, { everyMs: 300, message: 'the inner service is held back' })
    assert.ok(written < 64 * MIB, `${written} bytes were taken in for a client that reads nothing`)
    wire.close()
    await until(() => core.asked.length === 0)
  })

  it('streams a request body up while it is sent, in chunks or with a length', async () => {
    for (const headers of [{ 'transfer-encoding': 'chunked' }, { 'content-length': String(2 * MIB) }] as Record<string, string>[]) {
      let received = 0
      let lengthSeen: string | undefined
      core.listener = (incoming, response) => {
        lengthSeen = incoming.headers['content-length']
        incoming.on('data', (chunk: Buffer) => (received += chunk.length)).on('end', () => response.end(`${received}`))
      }
      const outgoing = httpRequest(`${url}/v1/import`, { method: 'POST', headers })
      outgoing.write(Buffer.alloc(MIB))
      await until(() => received === MIB, { message: 'the first part is inside before the second is sent' })
      outgoing.end(Buffer.alloc(MIB))
      const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
      answer.setEncoding('utf8')
      assert.equal((await answer.toArray()).join(''), String(2 * MIB))
      assert.equal(lengthSeen, headers['content-length'])
    }
  })

  it('holds a request body back while the inner service does not read', async () => {
    let incoming: IncomingMessage | undefined
    core.listener = (request) => void (incoming = request.pause())
    const outgoing = httpRequest(`${url}/v1/import`, { method: 'POST', headers: { 'content-length': String(64 * MIB) } })
    outgoing.on('error', () => undefined)
    for (let part = 0; part < 64; part++) outgoing.write(Buffer.alloc(MIB))
    await until(() => incoming !== undefined)
    const waiting = (): number => outgoing.socket?.writableLength ?? 0
    let seen = -1
    await until(() => seen === (seen = waiting()), { everyMs: 300, message: 'nothing moves any more' })
    assert.ok(waiting() > 32 * MIB, `only ${waiting()} bytes wait with the client`)
    incoming?.destroy()
    outgoing.destroy()
  })

  it('passes an early answer on while the body is still coming, and then closes', async () => {
    core.listener = (_, response) => void response.writeHead(403, { 'content-length': 2 }).end('no')
    const wire = await Wire.to(url)
    wire.send(`POST /v1/import HTTP/1.1\r\nHost: x\r\nContent-Length: ${MIB}\r\n\r\n${'x'.repeat(20_000)}`)
    await until(() => wire.received.endsWith('\r\n\r\nno'))
    assert.match(wire.received, /^HTTP\/1\.1 403 /)
    assert.match(wire.received, /connection: close/i)
    await until(() => wire.isEnded, { message: 'the connection ends' })
  })

  it('aborts the inner request when the client goes, before the answer or in its middle', async () => {
    for (const begin of [false, true]) {
      let isAborted = false
      let hasArrived = false
      core.listener = (_, response) => {
        hasArrived = true
        if (begin) response.write('first')
        response.on('close', () => (isAborted = true))
      }
      const wire = await Wire.to(url)
      wire.send('GET /v1/slow HTTP/1.1\r\nHost: x\r\n\r\n')
      await until(() => hasArrived && (!begin || wire.received.includes('first')))
      wire.close()
      await until(() => isAborted, { message: 'the inner request is aborted', deadlineMs: 1_000 })
    }
  })

  it('answers 503 when a small answer breaks off, and cuts a large one off where it broke', async () => {
    core.listener = (_, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('half')
      setImmediate(() => response.destroy())
    }
    const answer = await ask(`${url}/v1/x`, { method: 'POST', body: '{}' })
    assert.deepEqual([answer.status, answer.json()['code'], answer.headers['retry-after']], [503, 'service.unavailable', '1'])
    core.listener = (_, response) => {
      response.write('half')
      setImmediate(() => response.destroy())
    }
    await assert.rejects(ask(`${url}/v1/x`))
  })

  it('drops trailers, and passes over informational answers', async () => {
    core.listener = (_, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      response.writeHead(200, { trailer: 'x-checksum' })
      response.write('body')
      response.addTrailers({ 'x-checksum': '1' })
      response.end()
    }
    const answer = await request(`${url}/v1/x`)
    assert.equal(answer.statusCode, 200)
    assert.equal(answer.headers['trailer'], undefined)
    assert.equal(await answer.body.text(), 'body')
    assert.deepEqual(answer.trailers, {})
  })

  describe('of events', () => {
    const events = { headers: { accept: 'text/event-stream' } }
    const open = new Set<ServerResponse>()
    const agent = new Agent()
    before(() => {
      core.listener = undefined
    })
    after(() => agent.close())
    const streamEvents = (): void => {
      core.listener = (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
        open.add(response.on('close', () => open.delete(response)))
      }
    }

    it('passes each event on at once, and has no deadline', async () => {
      streamEvents()
      const brief = await setting.gateway({ DEADLINE_MS: '50' })
      const { statusCode, body } = await request(`${brief.url}/v1/orders/1/events`, { ...events, dispatcher: agent })
      assert.equal(statusCode, 200)
      const parts = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>
      for (const text of ['data: 1\n\n', 'data: 2\n\n']) {
        for (const response of open) response.write(text)
        assert.equal(String((await parts.next()).value), text)
        await new Promise((resolve) => setTimeout(resolve, 60)) // longer than the deadline of other requests
      }
      body.destroy()
      await until(() => open.size === 0, { message: 'the inner stream ends with the client' })
    })

    it('lets a caller hold only so many open', async () => {
      streamEvents()
      const held = await Promise.all([1, 2].map(() => request(`${url}/v1/orders/1/events`, { ...events, dispatcher: agent })))
      const third = await ask(`${url}/v1/orders/1/events`, events)
      assert.deepEqual([third.status, third.json()['code']], [429, 'request.rate-limited'])
      for (const { body } of held) body.on('error', () => undefined).destroy()
      await until(async () => {
        const { statusCode, body } = await request(`${url}/v1/orders/1/events`, { ...events, dispatcher: agent })
        body.on('error', () => undefined).destroy()
        return statusCode === 200
      })
    })

    it('ends streams when it shuts down, and finishes the requests in hand', async () => {
      streamEvents()
      const leaving = await setting.gateway()
      const stream = await request(`${leaving.url}/v1/orders/1/events`, { ...events, dispatcher: agent })
      let finish: (() => void) | undefined
      core.listener = (_, response) => void (finish = () => response.end('done'))
      const slow = ask(`${leaving.url}/v1/slow`)
      await until(() => finish !== undefined)
      const closed = leaving.service.close()
      assert.equal(await stream.body.text(), '')
      finish?.()
      assert.deepEqual([(await slow).status, (await slow).text], [200, 'done'])
      await closed
    })
  })

  it('passes an import on while both sides talk, larger than other bodies, on connections that other requests don’t need', async () => {
    let gone = 0
    const { url: narrow } = await setting.gateway({ RATE_LIMIT_ANONYMOUS: '1000/1000' })
    core.listener = (incoming, response) => {
      if (incoming.url !== IMPORT) return void response.end('read')
      response.writeHead(200, { 'content-type': 'application/x-ndjson' })
      response.on('close', () => gone++).flushHeaders()
      incoming.on('data', (chunk: Buffer) => response.write(`${chunk.length} `)).on('end', () => response.end())
    }
    const open = async () => {
      const outgoing = httpRequest(narrow + IMPORT, { method: 'POST', headers: { 'content-type': 'application/x-ndjson' } })
      outgoing.write('first')
      outgoing.on('error', () => undefined)
      const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
      return { outgoing, answer }
    }
    const imports = await Promise.all(Array.from({ length: 16 }, open))
    const full = await request(narrow + IMPORT, { method: 'POST', body: 'x' })
    assert.equal(full.statusCode, 503)
    await full.body.dump()
    assert.equal(await (await request(`${narrow}/v1/export`)).body.text(), 'read')
    const [first] = imports as [(typeof imports)[number]]
    await once(first.answer, 'data')
    for (let round = 0; round < 3; round++) {
      first.outgoing.write(Buffer.alloc(60 * 1024))
      const [told] = (await once(first.answer, 'data')) as [Buffer]
      assert.match(String(told), /^\d+ /)
    }
    for (const { outgoing } of imports) outgoing.destroy()
    await until(() => gone === 16, { message: 'the inner service hears that they are gone' })
  })
})
