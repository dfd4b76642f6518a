import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Webhook } from 'standardwebhooks'
import { apiKey, CatamaranError, clientCredentials, createCatamaran, dataOf, itemsOf, verifyWebhook, type Auth } from '../src/index.js'
import { retryAfterMs } from '../src/errors.js'
import { problem, Stub, type Answer } from './stub.js'

let stub: Stub
before(async () => {
  stub = await Stub.start()
})
after(() => stub.close())

const clientOf = (auth: Auth = apiKey('a-key')) => createCatamaran({ baseUrl: stub.url, auth, backoffMs: 1, maxWaitMs: 1_000 })
const first =
  (answer: Answer): Stub['answer'] =>
  (_, index) =>
    index === 0 ? answer : { status: 200, body: { id: 'x' } }
const makePartner = () => clientOf().POST('/v1/partners', { body: { name: 'Sails' } })
const acceptInvitation = () => clientOf().POST('/v1/partners/invitations/accept', { body: { token: 't' } })
const readPartner = () => clientOf().GET('/v1/partner')
const codeIs = (code: string) => (error: unknown) => error instanceof CatamaranError && error.code === code

describe('a request', () => {
  it('carries the credential and gives the body of its answer', async () => {
    stub.will(() => ({ status: 200, body: { name: 'Sails' } }))
    assert.equal((await dataOf(readPartner())).name, 'Sails')
    assert.equal(stub.received[0]?.headers.authorization, 'Bearer a-key')
  })

  it('that is refused throws a typed error with code, status, request and faults', async () => {
    const answer = problem(400, 'request.invalid')
    stub.will(() => ({ ...answer, status: 400, body: { ...(answer?.body as object), errors: [{ pointer: '/name', detail: 'too long' }] } }))
    await assert.rejects(makePartner(), (error: CatamaranError) => {
      assert.ok(error instanceof CatamaranError)
      assert.deepEqual([error.code, error.status, error.requestId], ['request.invalid', 400, 'req_1'])
      assert.deepEqual(error.errors, [{ pointer: '/name', detail: 'too long' }])
      return true
    })
    assert.equal(stub.received.length, 1)
  })

  it('that a proxy refuses with a page throws the same kind of error', async () => {
    stub.will(() => ({ status: 418, body: '<html>' }))
    await assert.rejects(
      readPartner(),
      (error: CatamaranError) => error instanceof CatamaranError && error.code === 'unknown' && error.status === 418,
    )
  })
})

describe('a retry', () => {
  for (const [what, answer] of [
    ['a lost connection', undefined],
    ['503', problem(503, 'service.unavailable')],
    ['504', problem(504, 'service.timeout')],
  ] as const)
    it(`follows ${what} for a read and for a write with a key, which keeps its key, and for no other write`, async () => {
      stub.will(first(answer))
      await readPartner()
      assert.equal(stub.received.length, 2)
      stub.will(first(answer))
      await makePartner()
      const keys = stub.received.map(({ headers }) => headers['idempotency-key'])
      assert.deepEqual([keys.length, keys[0]], [2, keys[1]])
      assert.match(String(keys[0]), /^[0-9a-f-]{36}$/)
      assert.deepEqual(stub.received[0]?.body, stub.received[1]?.body)
      stub.will(first(answer))
      await assert.rejects(acceptInvitation())
      assert.equal(stub.received.length, 1)
    })

  it('follows 429 for every request, no sooner than Retry-After says', async () => {
    stub.will(first(problem(429, 'request.rate-limited', { 'retry-after': '1' })))
    const since = performance.now()
    await acceptInvitation()
    assert.ok(performance.now() - since >= 995)
    assert.equal(stub.received.length, 2)
  })

  it('does not follow a Retry-After that is too long, nor go on for ever', async () => {
    stub.will(() => problem(503, 'service.unavailable', { 'retry-after': '60' }))
    await assert.rejects(readPartner(), (error: CatamaranError) => error.retryAfterMs === 60_000)
    assert.equal(stub.received.length, 1)
    stub.will(() => problem(503, 'service.unavailable'))
    await assert.rejects(readPartner(), codeIs('service.unavailable'))
    assert.equal(stub.received.length, 4)
  })

  it('follows an answer that the first one with the key still runs, and no other conflict', async () => {
    stub.will(first(problem(409, 'request.idempotency-in-progress')))
    await makePartner()
    assert.equal(stub.received.length, 2)
    stub.will(first(problem(409, 'partners.pending-limit')))
    await assert.rejects(makePartner(), codeIs('partners.pending-limit'))
    assert.equal(stub.received.length, 1)
  })

  it('uses the caller’s own Idempotency-Key', async () => {
    stub.will(() => ({ status: 201, body: {} }))
    await clientOf().POST('/v1/partners', { body: { name: 'Sails' }, params: { header: { 'Idempotency-Key': 'mine' } } })
    assert.equal(stub.received[0]?.headers['idempotency-key'], 'mine')
  })

  it('reads Retry-After in seconds and as a date', () => {
    const now = Date.parse('2026-03-01T12:00:00Z')
    const found = [null, '3', 'Sun, 01 Mar 2026 12:00:05 GMT', 'Sun, 01 Mar 2026 11:00:00 GMT', 'soon'].map((text) =>
      retryAfterMs(text, now),
    )
    assert.deepEqual(found, [undefined, 3_000, 5_000, 0, undefined])
  })
})

describe('client credentials', () => {
  const granting =
    (expiresS: number, other: (index: number) => Answer = () => ({ status: 200, body: {} })): Stub['answer'] =>
    ({ url }, index) =>
      url === '/oidc/token' ? { status: 200, body: { access_token: `token-${index}`, expires_in: expiresS } } : other(index)
  const auth = () => clientCredentials({ baseUrl: stub.url, clientId: 'cli:1', clientSecret: 'a secret', scope: 'orders' })
  const tokens = () => stub.received.filter(({ url }) => url === '/oidc/token')

  it('get one token for requests at once, and use it until shortly before it ends', async () => {
    stub.will(granting(300))
    const client = clientOf(auth())
    await Promise.all([client.GET('/v1/partner'), client.GET('/v1/partner')])
    await client.GET('/v1/partner')
    assert.equal(tokens().length, 1)
    assert.equal(Buffer.from(String(tokens()[0]?.headers.authorization).slice(6), 'base64').toString(), 'cli%3A1:a%20secret')
    assert.equal(tokens()[0]?.body, 'grant_type=client_credentials&scope=orders')
    stub.will(granting(20))
    const short = clientOf(auth())
    await short.GET('/v1/partner')
    await short.GET('/v1/partner')
    assert.equal(tokens().length, 2)
  })

  it('get another token once when one was refused', async () => {
    stub.will(granting(300, (index) => (index === 1 ? problem(401, 'auth.token-revoked') : { status: 200, body: { name: 'Sails' } })))
    assert.equal((await dataOf(clientOf(auth()).GET('/v1/partner'))).name, 'Sails')
    assert.equal(tokens().length, 2)
    stub.will(granting(300, () => problem(401, 'auth.token-revoked')))
    await assert.rejects(clientOf(auth()).GET('/v1/partner'), codeIs('auth.token-revoked'))
    assert.equal(tokens().length, 2)
  })
})

describe('a list', () => {
  it('is read page after page, and no further than it is asked for', async () => {
    const pages: Record<string, object> = {
      '/v1/orders': { items: [{ id: '1' }, { id: '2' }], nextCursor: 'next' },
      '/v1/orders?cursor=next': { items: [{ id: '3' }], nextCursor: null },
    }
    stub.will(({ url }) => ({ status: 200, body: pages[url] }))
    const client = clientOf()
    const orders = () =>
      itemsOf((cursor) => dataOf(client.GET('/v1/orders', { params: { query: cursor === undefined ? {} : { cursor } } })))
    const ids: string[] = []
    for await (const { id } of orders()) ids.push(id)
    assert.deepEqual([ids, stub.received.length], [['1', '2', '3'], 2])
    for await (const { id } of orders()) if (id === '1') break
    assert.equal(stub.received.length, 3)
  })
})

describe('a webhook', () => {
  const [old, fresh] = ['whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xk', 'whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3']
  const body = JSON.stringify({ type: 'order.placed', timestamp: '2026-03-01T12:00:00Z', data: { orderId: 'ord_1' } })
  const headersOf = (secret: string, at = new Date()) => ({
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': new Webhook(secret).sign('evt_1', at, body),
  })

  it('is taken with one of the secrets, and refused when changed, late or signed by another', () => {
    assert.equal(verifyWebhook([old, fresh], headersOf(fresh), body).type, 'order.placed')
    assert.throws(() => verifyWebhook(old, headersOf(fresh), body))
    assert.throws(() => verifyWebhook(fresh, headersOf(fresh), `${body} `))
    assert.throws(() => verifyWebhook(fresh, headersOf(fresh, new Date(Date.now() - 600_000)), body))
    assert.throws(() => verifyWebhook([], headersOf(fresh), body), /No secret/)
  })
})

it('the example of the README runs', async () => {
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(readFileSync(new URL('../../README.md', import.meta.url), 'utf8')) ?? []
  const file = fileURLToPath(new URL('example.mjs', import.meta.url))
  writeFileSync(file, code)
  stub.will(({ url }) => {
    if (url === '/v1/partner') return { status: 200, body: { name: 'Sails', status: 'active' } }
    if (url.startsWith('/v1/orders')) return problem(404, 'orders.not-found')
    return { status: 200, body: { items: [{ id: 'ful_1', status: 'open' }], nextCursor: null } }
  })
  const env = { CATAMARAN_URL: stub.url, CATAMARAN_KEY: 'a-key' }
  const { stdout } = await promisify(execFile)(process.execPath, [file], { env, timeout: 20_000 }).finally(() => rmSync(file))
  assert.deepEqual(stdout.split('\n'), ['Sails is active', 'ful_1 open', 'orders.not-found', ''])
})
