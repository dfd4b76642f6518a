import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { generateKeyPairSync } from 'node:crypto'
import { newId } from '@catamaran/contracts'
import { ask, InnerService, startSetting, Wire, type Setting } from './setting.js'
import { until } from '@catamaran/testing'

describe('forwarding', () => {
  let setting: Setting
  let core: InnerService
  let auth: InnerService
  let url: string
  let buyer: string

  before(async () => {
    setting = await startSetting('forwarding')
    core = setting.core
    ;({ url } = await setting.gateway())
    buyer = await setting.issuer.token({ scopes: ['orders:read'] })
  })
  afterEach(() => core.reset())
  after(() => setting.scope.close())

  it('sends each path where the call table says, the most specific pattern first', async () => {
    auth = await InnerService.start()
    auth.answer = ({ url: path }, response) => {
      if (path === '/oidc/token')
        return void setting.issuer.serviceToken('api-gateway').then((token) => response.end(JSON.stringify({ access_token: token })))
      response.end('"auth"')
    }
    core.answer = (_, response) => void response.end('"core"')
    const gateway = await setting.gateway({ AUTH_URL: auth.url })
    const to = async (path: string): Promise<unknown> => (await ask(gateway.url + path)).json<string>()
    for (const path of [
      '/oidc/jwks',
      '/oidc/auth?x=1',
      '/account/sign-in',
      '/v1/users',
      '/v1/users/verify-email',
      '/v1/me',
      '/v1/me/sessions',
    ])
      assert.equal(await to(path), 'auth', path)
    for (const path of ['/v1/products', '/v1/usersx', '/v1/mexico', '/v1/orders/ord_1/events']) assert.equal(await to(path), 'core', path)
    await auth.close()
  })

  it('passes method, path, query and body on as they are', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      await ask(`${url}/v1/cart/lines/a%2Fb?q=%C3%A9&q=2`, {
        method,
        headers: { 'content-type': 'application/json' },
        body: '{"quantity":1}',
      })
      const asked = core.asked.at(-1)
      assert.deepEqual([asked?.method, asked?.url, asked?.body], [method, '/v1/cart/lines/a%2Fb?q=%C3%A9&q=2', '{"quantity":1}'])
      assert.equal(asked?.headers['content-length'], '14')
      assert.equal(asked?.headers['content-type'], 'application/json')
    }
  })

  it('takes the absolute form of a request target for the path in it', async () => {
    const wire = await Wire.to(url)
    wire.send('GET http://somewhere.example/v1/products?limit=1 HTTP/1.1\r\nHost: somewhere.example\r\n\r\n')
    await until(() => wire.received.includes('\r\n\r\n'))
    assert.equal(core.asked[0]?.url, '/v1/products?limit=1')
    wire.close()
  })

  it('tells the inside who calls, and takes no word of it from the caller', async () => {
    await ask(`${url}/v1/orders`, {
      headers: {
        authorization: `Bearer ${buyer}`,
        'x-service-token': 'forged',
        'x-request-id': 'forged-request-id',
        'x-forwarded-for': '6.6.6.6',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
        'x-real-ip': '6.6.6.6',
        'x-internal-role': 'admin',
        forwarded: 'for=6.6.6.6',
        via: '1.1 evil',
        baggage: 'role=admin',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        cookie: 'session=1',
        'accept-language': 'nl',
      },
    })
    const headers = core.asked[0]?.headers ?? {}
    assert.notEqual(headers['x-service-token'], 'forged')
    assert.match(String(headers['x-request-id']), /^req_/)
    assert.equal(headers['x-forwarded-for'], '127.0.0.1')
    assert.equal(headers['x-forwarded-host'], new URL(url).host)
    assert.equal(headers['x-forwarded-proto'], 'http')
    for (const name of ['x-real-ip', 'x-internal-role', 'forwarded', 'via', 'baggage']) assert.equal(headers[name], undefined, name)
    assert.equal(headers['authorization'], `Bearer ${buyer}`)
    // The caller's trace, a span of ours in it, and our own word on whether it is sampled.
    assert.match(String(headers['traceparent']), /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-00$/)
    assert.equal(headers['cookie'], 'session=1')
    assert.equal(headers['accept-language'], 'nl')
    assert.equal(headers['host'], new URL(core.url).host)
  })

  it('drops what belongs to the connection, and what its Connection header lists', async () => {
    const wire = await Wire.to(url)
    wire.send(
      'GET /v1/x HTTP/1.1\r\nHost: x\r\nConnection: Keep-Alive, Accept-Charset\r\nAccept-Charset: utf-8\r\nTE: trailers\r\n' +
        'Upgrade: h2c\r\nHTTP2-Settings: AAMA\r\nProxy-Authorization: Basic eDp5\r\nAccept: */*\r\n\r\n',
    )
    await until(() => wire.received.includes('\r\n\r\n'))
    const headers = core.asked[0]?.headers ?? {}
    for (const name of ['accept-charset', 'te', 'upgrade', 'http2-settings', 'proxy-authorization'])
      assert.equal(headers[name], undefined, name)
    assert.equal(headers['accept'], '*/*')
    wire.close()
  })

  it('believes as many proxies as it is told to, and no more', async () => {
    const behindOne = await setting.gateway({ TRUSTED_HOPS: '1' })
    await ask(`${behindOne.url}/v1/orders`, { headers: { 'x-forwarded-for': '6.6.6.6, 203.0.113.7', 'x-forwarded-proto': 'https' } })
    assert.equal(core.asked[0]?.headers['x-forwarded-for'], '203.0.113.7')
    assert.equal(core.asked[0]?.headers['x-forwarded-proto'], 'https')
  })

  it('passes answers on with what callers need, and without what is nobody’s business', async () => {
    core.answer = (_, response) =>
      void response
        .writeHead(201, {
          location: '/v1/orders/1',
          etag: '"7"',
          'cache-control': 'no-cache',
          'retry-after': '3',
          'content-range': 'bytes 0-1/2',
          'content-type': 'application/json',
          'content-length': 4,
          'set-cookie': ['a=1; HttpOnly', 'b=2'],
          server: 'inner/1.0',
          'x-powered-by': 'inner',
          'x-request-id': 'inner',
          'x-inner-hint': 'kept',
          connection: 'keep-alive, x-hop',
          'x-hop': 'dropped',
        })
        .end('"ok"')
    const { status, headers, text } = await ask(`${url}/v1/orders`)
    assert.deepEqual([status, text], [201, '"ok"'])
    assert.equal(headers['location'], '/v1/orders/1')
    assert.equal(headers['etag'], '"7"')
    assert.equal(headers['cache-control'], 'no-cache')
    assert.equal(headers['retry-after'], '3')
    assert.equal(headers['content-range'], 'bytes 0-1/2')
    assert.deepEqual(headers['set-cookie'], ['a=1; HttpOnly', 'b=2'])
    assert.match(String(headers['x-request-id']), /^req_/)
    assert.equal(headers['x-inner-hint'], 'kept')
    for (const name of ['server', 'x-powered-by', 'x-hop']) assert.equal(headers[name], undefined, name)
  })

  it('passes header bytes on that are no ASCII', async () => {
    core.listener = (_, response) =>
      response.socket?.end('HTTP/1.1 302 Found\r\nLocation: /caf\xe9\r\nContent-Length: 0\r\nConnection: close\r\n\r\n', 'latin1')
    const wire = await Wire.to(url)
    wire.send('GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n')
    await until(() => wire.received.includes('\r\n\r\n'))
    assert.match(wire.received, /location: \/caf\xe9\r\n/)
    wire.close()
  })

  it('says the same about safety on every answer, but leaves a page its own policy', async () => {
    const own = "default-src 'self'"
    core.answer = (_, response) => void response.setHeader('content-security-policy', own).end('<p>')
    const page = await ask(`${url}/v1/page`)
    assert.equal(page.headers['content-security-policy'], own)
    core.reset()
    for (const path of ['/v1/products', '/nothing', '/', '/v1/%zz', '/docs']) {
      const { headers } = await ask(url + path)
      assert.equal(headers['x-content-type-options'], 'nosniff', path)
      assert.match(String(headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/, path)
      assert.equal(headers['referrer-policy'], 'no-referrer', path)
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin', path)
      assert.equal(headers['strict-transport-security'], undefined, path)
    }
    const tls = await setting.gateway({ ISSUER_URL: 'https://shop.example/oidc' })
    for (const path of ['/v1/products', '/nothing'])
      assert.match(String((await ask(tls.url + path)).headers['strict-transport-security']), /^max-age=\d{8}/, path)
  })

  it('answers HEAD, 204 and 304 without a body, and passes If-None-Match and OPTIONS on', async () => {
    core.answer = ({ method, headers }, response) => {
      if (method === 'OPTIONS') return void response.writeHead(204, { allow: 'GET' }).end()
      if (headers['if-none-match'] === '"1"') return void response.writeHead(304, { etag: '"1"' }).end()
      response.writeHead(200, { 'content-length': 5, etag: '"1"' }).end(method === 'HEAD' ? undefined : 'hello')
    }
    const head = await ask(`${url}/v1/x`, { method: 'HEAD' })
    assert.deepEqual([head.status, head.headers['content-length'], head.text], [200, '5', ''])
    const unchanged = await ask(`${url}/v1/x`, { headers: { 'if-none-match': '"1"' } })
    assert.deepEqual([unchanged.status, unchanged.headers['etag'], unchanged.text], [304, '"1"', ''])
    const options = await ask(`${url}/v1/x`, { method: 'OPTIONS' })
    assert.deepEqual([options.status, options.headers['allow'], options.text], [204, 'GET', ''])
  })

  it('refuses a token that is not good, before anything goes in', async () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const [header = '', payload = ''] = buyer.split('.')
    const unsigned = `${Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt' })).toString('base64url')}.${payload}.`
    const cases: [string, string, string][] = [
      ['expired', await setting.issuer.token({ expiresInS: -10 }), 'auth.token-expired'],
      ['for another audience', await setting.issuer.token({ audience: 'urn:somebody:else' }), 'auth.token-invalid'],
      ['of another issuer', await setting.issuer.token({ issuer: 'https://evil.example' }), 'auth.token-invalid'],
      ['of an algorithm for ID tokens', await setting.issuer.token({ alg: 'RS256' }), 'auth.token-invalid'],
      ['of a key nobody published', await setting.issuer.token({ key: privateKey as never }), 'auth.token-invalid'],
      ['without a signature', unsigned, 'auth.token-invalid'],
      [
        'with a changed payload',
        `${header}.${Buffer.from('{"sub":"x"}').toString('base64url')}.${buyer.split('.')[2]}`,
        'auth.token-invalid',
      ],
      ['that is none', 'rubbish', 'auth.token-invalid'],
    ]
    for (const [what, token, code] of cases) {
      const answer = await ask(`${url}/v1/products`, { headers: { authorization: `Bearer ${token}` } })
      assert.deepEqual([answer.status, answer.json()['code']], [401, code], what)
      assert.match(String(answer.headers['www-authenticate']), /^Bearer error="invalid_token"/, what)
      assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8', what)
    }
    assert.equal((await ask(`${url}/v1/products`, { headers: { authorization: 'Basic eDp5' } })).status, 401)
    assert.equal(core.asked.length, 0)
  })

  it('lets anonymous callers through: the inner service decides what they may', async () => {
    core.answer = (_, response) =>
      void response.writeHead(401, { 'content-type': 'application/problem+json' }).end('{"code":"auth.token-missing"}')
    const answer = await ask(`${url}/v1/orders/${newId('order')}`)
    assert.deepEqual([answer.status, answer.json()['code']], [401, 'auth.token-missing'])
    assert.equal(core.asked.length, 1)
  })

  it('answers 404 with a problem where the call table has nothing', async () => {
    for (const path of ['/v2/products', '/internal/notifications', '/livez', '/metrics']) {
      const answer = await ask(url + path)
      assert.deepEqual([answer.status, answer.json()['code']], [404, 'request.route-not-found'], path)
    }
    assert.equal(core.asked.length, 0)
  })
})
