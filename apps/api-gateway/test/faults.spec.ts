import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { after, afterEach, before, describe, it } from 'node:test'
import { spawnService, TestIssuer, until } from '@catamaran/testing'
import { ask, InnerService, MAIN, startSetting, Wire, type Setting } from './setting.js'

const LIMIT = 64 * 1024

describe('faults', () => {
  let setting: Setting
  let core: InnerService
  let url: string

  before(async () => {
    setting = await startSetting('faults')
    core = setting.core
    ;({ url } = await setting.gateway())
  })
  afterEach(() => core.reset())
  after(() => setting.scope.close())

  describe('of inner services', () => {
    it('answers 504 when the first byte takes too long, and gives the inner request up', async () => {
      const brief = await setting.gateway({ DEADLINE_MS: '60' })
      let isAborted = false
      core.listener = (_, response) => void response.on('close', () => (isAborted = true))
      const startedAt = performance.now()
      const answer = await ask(`${brief.url}/v1/slow`)
      assert.deepEqual([answer.status, answer.json()['code']], [504, 'service.timeout'])
      assert.ok(performance.now() - startedAt >= 59)
      await until(() => isAborted)
    })

    it('has no deadline once the answer has begun', async () => {
      const brief = await setting.gateway({ DEADLINE_MS: '500' })
      core.listener = (_, response) => {
        response.write('a')
        setTimeout(() => response.end('b'), 700)
      }
      assert.equal((await ask(`${brief.url}/v1/slow`)).text, 'ab')
    })

    it('answers 503 with Retry-After when nobody listens, and tries once more in case somebody comes', async () => {
      const late = await InnerService.start()
      const { port } = late
      const gateway = await setting.gateway({ CORE_URL: late.url })
      await late.close()
      const answer = await ask(`${gateway.url}/v1/products`)
      assert.deepEqual([answer.status, answer.json()['code'], answer.headers['retry-after']], [503, 'service.unavailable', '1'])
      assert.match(String(answer.headers['x-request-id']), /^req_/)
      const second = ask(`${gateway.url}/v1/orders`, { method: 'POST', body: '{}' })
      await late.listen(port)
      assert.equal((await second).status, 200)
      assert.equal(late.asked[0]?.body, '{}')
      await late.close()
    })

    it('sends again, on a fresh connection, what met one closed meanwhile and may come twice', async () => {
      // Answers the first request on a connection, once `company` have arrived, and hangs up on the second.
      const seen: string[] = []
      const answers: (() => void)[] = []
      let company = 2
      const hangsUp = createTcpServer((socket: Socket) => {
        let count = 0
        socket
          .on('error', () => undefined)
          .on('data', (data) => {
            seen.push(String(data).split(' ')[0] ?? '')
            if (count++ > 0) return void socket.destroy()
            answers.push(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'))
            if (answers.length >= company) for (const answer of answers.splice(0)) answer()
          })
      })
      await new Promise<void>((resolve) => hangsUp.listen(0, '127.0.0.1', resolve))
      setting.scope.onClose(() => void hangsUp.close())
      const gateway = await setting.gateway({ CORE_URL: `http://127.0.0.1:${(hangsUp.address() as AddressInfo).port}` })
      const call = async (method: string, headers = {}): Promise<string> => {
        seen.length = 0
        const body = method === 'POST' ? { body: '{}' } : {}
        const { status } = await ask(`${gateway.url}/v1/products`, { method, headers, ...body })
        return `${status} ${seen.join()}`
      }
      await Promise.all([call('GET'), call('GET')])
      company = 1
      assert.equal(await call('GET'), '200 GET,GET', 'the other kept connection is as stale')
      assert.equal(await call('POST'), '200 POST', 'the pool has replaced the one that failed')
      assert.equal(await call('POST', { 'idempotency-key': 'k' }), '200 POST,POST')
      assert.equal(await call('POST'), '200 POST')
      assert.equal(await call('POST'), '503 POST')
    })

    it('answers 503 when an inner service speaks no HTTP', async () => {
      core.listener = (_, response) => void response.socket?.end('rubbish\r\n\r\n')
      assert.equal((await ask(`${url}/v1/x`)).status, 503)
    })

    it('answers 503 while it can have no token of its own, and goes on when it can', async () => {
      const issuer = await TestIssuer.start()
      const { port } = new URL(issuer.url)
      await issuer.close()
      const gateway = await setting.gateway({ AUTH_URL: issuer.url })
      const answer = await ask(`${gateway.url}/v1/products`)
      assert.deepEqual([answer.status, answer.json()['code'], answer.headers['retry-after']], [503, 'service.unavailable', '1'])
      assert.equal(core.asked.length, 0)
      const back = createServer((request, response) => {
        request.resume()
        void setting.issuer
          .serviceToken('api-gateway')
          .then((token) => response.end(JSON.stringify({ access_token: token, expires_in: 60 })))
      })
      await new Promise<void>((resolve) => back.listen(Number(port), '127.0.0.1', resolve))
      assert.equal((await ask(`${gateway.url}/v1/products`)).status, 200)
      back.closeAllConnections()
      await new Promise((resolve) => back.close(resolve))
    })

    it('refuses with 503 what is more than it may have in hand', async () => {
      const small = await setting.gateway({ MAX_IN_FLIGHT: '1' })
      let finish: (() => void) | undefined
      core.listener = (_, response) => void (finish = () => response.end('{}'))
      const first = ask(`${small.url}/v1/products`)
      await until(() => finish !== undefined)
      const second = await ask(`${small.url}/v1/products`)
      assert.deepEqual([second.status, second.json()['code']], [503, 'service.overloaded'])
      finish?.()
      assert.equal((await first).status, 200)
      core.reset()
      assert.equal((await ask(`${small.url}/v1/products`)).status, 200)
    })
  })

  describe('of requests', () => {
    const refused = (wire: Wire, status: number, code: string): void => {
      assert.match(wire.received, new RegExp(`^HTTP/1.1 ${status} `))
      assert.match(wire.received, /content-type: application\/problem\+json/)
      assert.match(wire.received, /x-content-type-options: nosniff/)
      const body = JSON.parse(wire.received.slice(wire.received.indexOf('\r\n\r\n') + 4)) as { code: string; requestId: string }
      assert.equal(body.code, code)
      assert.match(body.requestId, /^req_/)
    }

    it('takes bodies up to the limit, and answers 413 to more, whichever way they are framed', async () => {
      const post = (body: string, headers: Record<string, string> = {}) => ask(`${url}/v1/orders`, { method: 'POST', body, headers })
      assert.equal((await post('x'.repeat(LIMIT))).status, 200)
      assert.equal(core.asked[0]?.body.length, LIMIT)
      const told = await post('x'.repeat(LIMIT + 1))
      assert.deepEqual([told.status, told.json()['code']], [413, 'request.too-large'])
      assert.equal(core.asked.length, 1)

      const wire = await Wire.to(url)
      wire.send('POST /v1/orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
      for (let sent = 0; sent <= LIMIT; sent += 8192) wire.send(`2000\r\n${'x'.repeat(8192)}\r\n`)
      await until(() => wire.received.includes('}'))
      refused(wire, 413, 'request.too-large')
      assert.match(wire.received, /connection: close/i)
      for (let more = 0; more < 32; more++) {
        wire.send(`2000\r\n${'x'.repeat(8192)}\r\n`)
        await until(() => wire.socket.writableLength === 0)
      }
      assert.equal(wire.isEnded, false, 'the client is left time to read the answer')
      wire.send('0\r\n\r\n')
      await until(() => wire.isEnded, { message: 'the connection ends' })
      assert.equal(core.asked.length, 1)
    })

    it('keeps no inner connection busy while a slow client sends its body, with a length or in chunks', async () => {
      for (const [framing, first, last] of [
        ['Content-Length: 40000', '"', `${'x'.repeat(39_998)}"`],
        ['Transfer-Encoding: chunked', '1\r\n"\r\n', '1\r\n"\r\n0\r\n\r\n'],
      ] as const) {
        let isAsked = false
        core.listener = (incoming, response) => {
          isAsked = true
          incoming.resume().on('end', () => response.end('{}'))
        }
        const slow = await Wire.to(url)
        slow.send(`POST /v1/orders HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n${framing}\r\n\r\n`)
        await until(() => slow.received.includes('100 Continue'))
        slow.send(first)
        await ask(`${url}/account/sign-in`) // another request, all the way in and out
        assert.equal(isAsked, false, framing)
        slow.send(last)
        await until(() => slow.received.includes('HTTP/1.1 200'))
        slow.close()
      }
    })

    it('lets a client that asks first keep a body to itself that would be refused', async () => {
      const ask100 = 'Expect: 100-continue\r\n\r\n'
      const wire = await Wire.to(url)
      wire.send(`POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: ${LIMIT + 1}\r\n${ask100}`)
      await until(() => wire.received.includes('}'))
      refused(wire, 413, 'request.too-large')

      const badToken = await Wire.to(url)
      badToken.send(`POST /v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Length: 2\r\n${ask100}`)
      await until(() => badToken.received.includes('}'))
      refused(badToken, 401, 'auth.token-invalid')
      assert.match(badToken.received, /connection: close/i)

      const good = await Wire.to(url)
      good.send(`POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n${ask100}`)
      await until(() => good.received === 'HTTP/1.1 100 Continue\r\n\r\n')
      good.send('{}')
      await until(() => good.received.includes('HTTP/1.1 200'))
      assert.equal(core.asked[0]?.body, '{}')
      assert.equal(core.asked[0]?.headers['expect'], undefined)
      for (const each of [wire, badToken, good]) each.close()
    })

    it('refuses what could be read in two ways', async () => {
      const heads = [
        'POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/y HTTP/1.1\r\nHost: x\r\n\r\n',
        'POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n123456',
        'POST /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
        'POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\n12345',
        'GET /v1/x HTTP/1.1\r\nHost: x\r\nX: a\nb\r\n\r\n',
        'GET /v1/x HTTP/1.1\r\n\r\n',
        'rubbish\r\n\r\n',
      ]
      for (const head of heads) {
        const wire = await Wire.to(url)
        wire.send(head)
        await until(() => wire.isEnded, { message: `the connection ends after ${JSON.stringify(head)}` })
        assert.match(wire.received, /^HTTP\/1.1 400 /, head)
        assert.equal(wire.received.match(/HTTP\/1.1/g)?.length, 1, head)
      }
      assert.equal(core.asked.length, 0)
    })

    it('answers problems to what is too large or ill-written', async () => {
      const cases: [string, number, string][] = [
        [`GET /v1/${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431, 'request.headers-too-large'],
        [`GET /v1/x HTTP/1.1\r\nHost: x\r\nCookie: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'request.headers-too-large'],
        ['GET /v1/%zz HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'request.invalid'],
        ['rubbish\r\n\r\n', 400, 'request.invalid'],
      ]
      for (const [head, status, code] of cases) {
        const wire = await Wire.to(url)
        wire.send(head)
        await until(() => wire.received.includes('}'))
        refused(wire, status, code)
        wire.close()
      }
    })

    it('tells of too large a head how large it may be, and takes one that is just smaller', async () => {
      const headOf = (bytes: number): string => {
        const [start, end] = ['GET /v1/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: ', '\r\n\r\n']
        return start + 'x'.repeat(bytes - start.length - end.length) + end
      }
      const answerTo = async (head: string): Promise<string> => {
        const wire = await Wire.to(url)
        wire.send(head)
        await until(() => wire.isEnded)
        return wire.received
      }
      const told = await answerTo(headOf(16_600))
      assert.match(told, /^HTTP\/1.1 431 /)
      assert.match(told, /"detail":"The URL and all headers together must be smaller than 16384 bytes\."/)
      assert.match(await answerTo(headOf(16_300)), /^HTTP\/1.1 200 /)
    })

    it('answers 405 and what is allowed where a page takes no such method', async () => {
      const answer = await ask(`${url}/docs`, { method: 'POST', body: '{}' })
      assert.deepEqual([answer.status, answer.json()['code'], answer.headers['allow']], [405, 'request.method-not-allowed', 'GET, HEAD'])
    })
  })

  describe('told in the log', () => {
    it('has one line for each request: what came of it, its size, and whether the client had gone', async () => {
      const gateway = await spawnService(MAIN, setting.env())
      try {
        core.listener = (incoming, response) => {
          if (incoming.url === '/v1/products') return void response.end('x'.repeat(1234))
          if (incoming.url === '/v1/large') return void response.write('x'.repeat(100))
        }
        const lineOf = (route: string, has: (line: Record<string, unknown>) => boolean = () => true) =>
          until(() =>
            gateway.output.map((line) => JSON.parse(line) as Record<string, unknown>).find((line) => line['route'] === route && has(line)),
          )
        await ask(`${gateway.url}/v1/products`)
        const line = await lineOf('/v1/products')
        assert.deepEqual([line['status'], line['bytes'], line['upstream'], line['aborted']], [200, 1234, 'core-service', undefined])
        for (const path of ['/v1/never', '/v1/large']) {
          const wire = await Wire.to(gateway.url)
          wire.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
          if (path === '/v1/large') await until(() => wire.received.includes('xxx'))
          wire.close()
        }
        const aborted = await lineOf('/v1/*', (each) => each['aborted'] === true && each['bytes'] === 100)
        assert.equal(aborted['status'], 200)
        await ask(`${gateway.url}/nothing`)
        assert.equal((await lineOf('none'))['problem'], 'request.route-not-found')
      } finally {
        assert.equal(await gateway.kill('SIGTERM'), 0)
      }
    })
  })
})
