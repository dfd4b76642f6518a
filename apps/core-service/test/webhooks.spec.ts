import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { newId } from '@catamaran/contracts'
import { freshKey, Harness } from './harness.js'

interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: unknown
}

const ENDPOINT = {
  ...{ id: newId('webhookEndpoint'), url: 'https://shop.example/hooks', description: '', events: ['*'], status: 'enabled' },
  ...{ disabledReason: null, failingSince: null, oldSecretsEndAt: null },
  ...{ createdAt: '2026-01-01T00:00:00.000Z', updatedAt: '2026-01-01T00:00:00.000Z' },
}
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

// aux-service's side has its own tests (apps/aux-service/test/webhooks.spec.ts): here it is what answers, to see what core asks of it.
describe('the partner’s routes of webhooks', () => {
  let harness: Harness
  let url: string
  const asked: Asked[] = []
  let answer: { status: number; body?: unknown } = { status: 200 }
  const aux = createServer((request, response) => {
    void text(request).then((body) => {
      asked.push({
        ...{ method: request.method ?? '', path: request.url ?? '', headers: request.headers },
        body: body === '' ? undefined : JSON.parse(body),
      })
      response
        .writeHead(answer.status, { 'content-type': 'application/json' })
        .end(answer.body === undefined ? '' : JSON.stringify(answer.body))
    })
  })

  before(async () => {
    await new Promise<void>((resolve) => aux.listen(0, '127.0.0.1', resolve))
    harness = await Harness.create('core_webhooks', { AUX_URL: `http://127.0.0.1:${(aux.address() as AddressInfo).port}` })
    url = (await harness.start()).url
  })
  after(async () => {
    await harness.close()
    aux.close()
    aux.closeAllConnections()
  })

  const partner = async ({ plan = 'growth', scopes = ['webhooks'], sub = newId('partner') as string } = {}) => {
    const token = await harness.issuer.token({ sub, scopes, plan })
    return {
      token,
      call: (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
        harness.call(url, method, `/v1/partner/webhooks${path}`, body, { authorization: `Bearer ${token}`, ...headers }),
    }
  }

  it('hand a new endpoint on with the limit of the plan, the Idempotency-Key and the caller’s own token', async () => {
    for (const [plan, limit] of [
      ['starter', 3],
      ['growth', 10],
      ['unheard-of', 0],
    ] as const) {
      const { token, call } = await partner({ plan })
      answer = { status: 201, body: { endpoint: { ...ENDPOINT, secret: SECRET }, isReplay: false } }
      const made = await call('POST', '', { url: ENDPOINT.url, events: ['*'] }, { 'idempotency-key': 'a-key-of-theirs' })
      assert.deepEqual([made.status, made.body.secret, made.headers.get('cache-control')], [201, SECRET, 'no-store'])
      assert.equal(made.headers.get('idempotency-replayed'), null)
      const last = asked.at(-1)
      assert.deepEqual([last?.method, last?.path, last?.headers.authorization], ['POST', '/internal/webhooks', `Bearer ${token}`])
      assert.deepEqual(last?.body, {
        endpoint: { url: ENDPOINT.url, description: '', events: ['*'] },
        ...{ maxEndpoints: limit, idempotencyKey: 'a-key-of-theirs' },
      })
    }
  })

  it('tell a replay, which is without the secret', async () => {
    const { call } = await partner()
    answer = { status: 201, body: { endpoint: ENDPOINT, isReplay: true } }
    const replayed = await call('POST', '', { url: ENDPOINT.url, events: ['*'] }, freshKey())
    assert.deepEqual([replayed.headers.get('idempotency-replayed'), 'secret' in replayed.body], ['true', false])
  })

  it('are for a partner’s own credentials with the scope, and a creating call needs its key', async () => {
    const before = asked.length
    assert.equal((await (await partner({ scopes: ['orders'] })).call('GET', '')).body.code, 'auth.scope-missing')
    assert.equal((await (await partner({ sub: newId('user') })).call('GET', '')).body.code, 'auth.scope-missing')
    const keyless = await (await partner()).call('POST', '', { url: ENDPOINT.url, events: ['*'] })
    assert.equal(keyless.body.code, 'request.idempotency-key-missing')
    assert.equal((await (await partner()).call('POST', '', { url: ENDPOINT.url, events: ['*'], secret: SECRET }, freshKey())).status, 400)
    assert.equal(asked.length, before)
  })

  it('pass on what aux-service says of an endpoint that is not the caller’s', async () => {
    const { call } = await partner()
    const problem = { type: '/problems/x', title: 'x', status: 404, detail: 'x', code: 'webhooks.endpoint-not-found', requestId: 'req' }
    answer = { status: 404, body: problem }
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/enable'],
      ['POST', '/test'],
      ['GET', '/deliveries'],
    ] as const) {
      const refused = await call(method, `/${ENDPOINT.id}${path}`)
      assert.deepEqual([refused.status, refused.body.code], [404, 'webhooks.endpoint-not-found'])
      assert.deepEqual([asked.at(-1)?.method, asked.at(-1)?.path.split('?')[0]], [method, `/internal/webhooks/${ENDPOINT.id}${path}`])
    }
  })

  it('pass on changes, filters and what is to be sent again', async () => {
    const { call } = await partner()
    answer = { status: 200, body: ENDPOINT }
    assert.equal((await call('PATCH', `/${ENDPOINT.id}`, { description: 'Shop' })).status, 200)
    assert.deepEqual(asked.at(-1)?.body, { description: 'Shop' })
    answer = { status: 200, body: { ...ENDPOINT, secret: SECRET } }
    assert.equal((await call('POST', `/${ENDPOINT.id}/rotate-secret`, {})).body.secret, SECRET)
    assert.deepEqual(asked.at(-1)?.body, { overlapSeconds: 86_400 })
    answer = { status: 200, body: { items: [], nextCursor: null } }
    assert.equal((await call('GET', `/${ENDPOINT.id}/deliveries?status=dead&limit=5`)).status, 200)
    assert.deepEqual(Object.fromEntries(new URLSearchParams(asked.at(-1)?.path.split('?')[1])), { limit: '5', status: 'dead' })
    answer = { status: 202, body: { queued: 3 } }
    const range = { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' }
    assert.deepEqual((await call('POST', `/${ENDPOINT.id}/redeliver`, range)).body, { queued: 3 })
    assert.deepEqual(asked.at(-1)?.body, { ...range, status: 'dead' })
  })
})
