import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { newId } from '@catamaran/contracts'
import { ADDRESS, freshKey, Harness, orderOf } from './harness.js'

let harness: Harness
let url: string

before(async () => {
  harness = await Harness.create('input')
  url = (await harness.start()).url
})
after(() => harness.close())

const fixtures = async () => {
  const product = await harness.product(5)
  const buyer = await harness.buyer(url)
  return { product, buyer, line: { productId: product, quantity: 1 } }
}

test('every problem is a whole problem document', async () => {
  const { buyer } = await fixtures()
  const { status, headers, body } = await buyer.call('GET', `/v1/orders/${newId('order')}`)
  assert.equal(status, 404)
  assert.match(headers.get('content-type') ?? '', /^application\/problem\+json/)
  assert.deepEqual(Object.keys(body).sort(), ['code', 'detail', 'requestId', 'status', 'title', 'type'])
  assert.equal(body.requestId, headers.get('x-request-id'))
})

test('bad bodies are told apart: not JSON, not an object, unknown field, wrong type, too large, wrong media type, none', async () => {
  const { buyer, line } = await fixtures()
  const post = (body: unknown, headers = {}) => buyer.call('POST', '/v1/cart/lines', body, headers)
  const expect = async (answer: ReturnType<typeof post>, status: number, code: string, pointers?: string[]) => {
    const { body, status: got } = await answer
    assert.deepEqual([got, body.code, body.errors?.map(({ pointer }: { pointer: string }) => pointer)], [status, code, pointers])
  }
  await expect(post('{"productId":'), 400, 'request.malformed-json')
  await expect(post('[1]'), 400, 'request.invalid', [''])
  await expect(post('"text"'), 400, 'request.invalid', [''])
  await expect(post({ ...line, colour: 'red' }), 400, 'request.invalid', ['/colour'])
  await expect(post({ ...line, quantity: '1' }), 400, 'request.invalid', ['/quantity'])
  await expect(post({ ...line, quantity: 1.5 }), 400, 'request.invalid', ['/quantity'])
  await expect(post({ ...line, productId: newId('order') }), 400, 'request.invalid', ['/productId'])
  await expect(post('{"__proto__":{"quantity":1}}'), 400, 'request.malformed-json')
  await expect(post({ ...line, note: 'x'.repeat(70_000) }), 413, 'request.too-large')
  await expect(post('productId=1', { 'content-type': 'application/x-www-form-urlencoded' }), 415, 'request.unsupported-media-type')
  await expect(post('hello', { 'content-type': 'text/plain' }), 415, 'request.unsupported-media-type')
  await expect(buyer.call('POST', '/v1/cart/lines'), 400, 'request.invalid', [''])
})

test('an order says what is wrong with it', async () => {
  const { buyer, product } = await fixtures()
  const expect = async (body: unknown, pointers: string[], headers: Record<string, string> = freshKey()) => {
    const answer = await buyer.call('POST', '/v1/orders', body, headers)
    assert.deepEqual(
      [answer.status, answer.body.errors?.map(({ pointer }: { pointer: string }) => pointer)],
      [400, pointers],
      JSON.stringify(answer.body),
    )
  }
  const order = orderOf([product, 1])
  await expect({ ...order, lines: [] }, ['/lines'])
  await expect({ ...order, lines: [{ productId: product, quantity: 1000 }] }, ['/lines/0/quantity'])
  await expect({ ...order, priceMinor: 1 }, ['/priceMinor'])
  await expect({ deliveryAddress: ADDRESS, paymentMethod: 'card_ok' }, [''])
  await expect({ ...order, cart: { version: 1 } }, [''])
  await expect({ ...order, deliveryAddress: { ...ADDRESS, country: 'nl' } }, ['/deliveryAddress/country'])
  assert.equal((await buyer.call('POST', '/v1/orders', order)).body.code, 'request.idempotency-key-missing')
  assert.equal((await buyer.call('POST', '/v1/orders', order, { 'idempotency-key': 'x'.repeat(300) })).body.code, 'request.invalid')
})

test('bad addresses and queries are told apart', async () => {
  const { buyer } = await fixtures()
  const code = async (path: string): Promise<[number, string]> => {
    const { status, body } = await buyer.call('GET', path)
    return [status, body.code]
  }
  assert.deepEqual(await code('/v1/nothing'), [404, 'request.route-not-found'])
  assert.deepEqual(await code('/v1/products/rubbish'), [400, 'request.invalid'])
  assert.deepEqual(await code(`/v1/products/${newId('product')}`), [404, 'catalogue.product-not-found'])
  assert.deepEqual(await code('/v1/products/prd_7zzzzzzzzzzzzzzzzzzzzzzzzz'), [404, 'catalogue.product-not-found'])
  for (const cursor of ['abc', 'W10', Buffer.from('["x",1]').toString('base64url')]) {
    assert.deepEqual(await code(`/v1/products?cursor=${cursor}`), [400, 'request.invalid-cursor'])
    assert.deepEqual(await code(`/v1/orders?cursor=${cursor}`), [400, 'request.invalid-cursor'])
  }
  for (const time of ['0000-01-01T00:00:00.000Z', `2026-01-01T00:00:00.${'1'.repeat(200)}Z`]) {
    const cursor = Buffer.from(JSON.stringify([time, newId('product')])).toString('base64url')
    assert.deepEqual(await code(`/v1/products?cursor=${cursor}`), [400, 'request.invalid-cursor'])
  }
  assert.deepEqual(await code('/v1/products?q=tea%00pot'), [400, 'request.invalid'])
  for (const query of ['limit=0', 'limit=101', 'limit=x', 'colour=red', 'category=Not+One', 'q='])
    assert.deepEqual(await code(`/v1/products?${query}`), [400, 'request.invalid'])
})

test('tokens are checked: none, rubbish, expired, another audience, wrong key, missing scope', async () => {
  const { issuer } = harness
  const call = async (token: string | undefined): Promise<[number, string]> => {
    const { status, body } = await harness.call(url, 'GET', '/v1/orders', undefined, token === undefined ? {} : { authorization: token })
    return [status, body.code]
  }
  const bearer = async (options: Parameters<typeof issuer.token>[0]) =>
    `Bearer ${await issuer.token({ sub: newId('user'), scopes: ['orders:read'], ...options })}`
  assert.deepEqual(await call(undefined), [401, 'auth.token-missing'])
  assert.deepEqual(await call('Bearer rubbish'), [401, 'auth.token-invalid'])
  assert.deepEqual(await call('Basic dXNlcjpwYXNz'), [401, 'auth.token-invalid'])
  assert.deepEqual(await call(await bearer({ expiresInS: -1 })), [401, 'auth.token-expired'])
  assert.deepEqual(await call(await bearer({ audience: 'urn:another:api' })), [401, 'auth.token-invalid'])
  assert.deepEqual(await call(await bearer({ scopes: ['orders:write'] })), [403, 'auth.scope-missing'])
  assert.equal((await call(await bearer({})))[0], 200)
})

test('only a service that the call table names gets in', async () => {
  const { issuer } = harness
  const call = async (token: string): Promise<[number, string]> => {
    const { status, body } = await harness.call(url, 'GET', '/v1/products', undefined, { 'x-service-token': token })
    return [status, body.code]
  }
  assert.deepEqual(await call(await issuer.serviceToken('aux-service')), [403, 'auth.caller-not-allowed'])
  assert.deepEqual(await call(await issuer.token({ sub: 'api-gateway', clientId: 'api-gateway', scopes: [] })), [
    403,
    'auth.caller-not-allowed',
  ])
  assert.deepEqual(await call('rubbish'), [401, 'auth.token-invalid'])
  const response = await fetch(`${url}/v1/products`)
  assert.equal(response.status, 403)
})
