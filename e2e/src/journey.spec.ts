import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { startSystem, type RunningSystem, type Started } from '@catamaran/stack'
import { until } from '@catamaran/testing'
import { exportJWK, generateKeyPair } from 'jose'
import * as oauth from 'oauth4webapi'
import type { PublicSystem } from './elsewhere.js'
import { journey, signIn, type Journey } from './journey.js'
import { ThirdPartyApp } from './oauth4webapi.js'

// All that is asked here is asked from outside: `npm run test:journeys` runs it against a system that is up already, wherever that is.

let own: Started<RunningSystem> | undefined
let system: PublicSystem
let done: Journey
const steps: string[] = []

const startOwn = async (): Promise<PublicSystem> => {
  own = await startSystem()
  const { demo = assert.fail('no demo') } = own.system
  return { ...own.system, demo }
}

before(async () => {
  const named = process.env['JOURNEYS_SYSTEM']
  system = named === undefined ? await startOwn() : (JSON.parse(named) as PublicSystem)
  done = await journey(system, (step) => steps.push(step))
})
after(() => own?.stop())

const call = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(system.gateway + path, { ...init, signal: AbortSignal.timeout(10_000) })

/** One call that must succeed, and what it was answered. */
const told = async <T>(method: string, path: string, token?: string, body?: object): Promise<T> => {
  const headers = {
    ...(token !== undefined && { authorization: `Bearer ${token}`, 'idempotency-key': randomUUID() }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  }
  const response = await call(path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) })
  const text = await response.text()
  assert.ok(response.ok, `${method} ${path} → ${response.status} ${text}`)
  return (text === '' ? undefined : JSON.parse(text)) as T
}

/** A token for the demo partner's client. */
const grant = async (scope: string): Promise<{ status: number; body: { access_token: string; scope: string } }> => {
  const { clientId, clientSecret } = system.demo.partner
  const basic = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64')
  const response = await fetch(`${system.issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope }),
    signal: AbortSignal.timeout(10_000),
  })
  return { status: response.status, body: (await response.json()) as { access_token: string; scope: string } }
}
const partnerToken = async (): Promise<string> => (await grant('catalogue orders partner:read')).body.access_token

test('a new buyer registers, signs in, orders from the cart and hears of it', () => {
  assert.deepEqual(steps, [
    'register',
    'confirm the mail',
    'sign in',
    'browse',
    'read a product',
    'put two in the cart',
    'order',
    'hear of it',
    'read the mail about it',
  ])
  assert.equal(done.order.status, 'pending_payment')
})

test("the order is its buyer's, and nobody else's", async () => {
  const own200 = await call(`/v1/orders/${done.order.id}`, { headers: { authorization: `Bearer ${done.accessToken}` } })
  assert.equal(own200.status, 200)
  const stranger = await journey(system, () => undefined)
  const strange404 = await call(`/v1/orders/${done.order.id}`, { headers: { authorization: `Bearer ${stranger.accessToken}` } })
  assert.equal(strange404.status, 404)
  assert.equal(((await strange404.json()) as { code: string }).code, 'orders.not-found')
  assert.equal((await call(`/v1/orders/${done.order.id}`)).status, 401)
})

test('the demo partner gets a token by client credentials', async () => {
  const { status, body } = await grant('catalogue orders')
  assert.deepEqual([status, body.scope], [200, 'catalogue orders'])
})

test('the demo partner reads about itself with its client, and what it may use', async () => {
  const { name, status, plan } = await told<{ name: string; status: string; plan: string }>('GET', '/v1/partner', await partnerToken())
  assert.deepEqual([name, status, plan], ['Demo partner', 'active', 'growth'])
  const plans = await told<{ items: { id: string }[] }>('GET', '/v1/plans')
  assert.ok(plans.items.some(({ id }) => id === plan))
})

test('a person’s app that speaks by oauth4webapi signs in, reads, refreshes and gives its tokens back', async () => {
  const app = await ThirdPartyApp.discover(system)
  const tokens = await app.signIn(done.email, done.password, 'openid email offline_access orders:read')
  const { sub = '' } = oauth.getValidatedIdTokenClaims(tokens) ?? {}
  assert.deepEqual(await app.userInfo(tokens.access_token, sub), { sub, email: done.email, email_verified: true })
  await assert.rejects(app.userInfo(tokens.access_token, 'usr_somebody_else'), oauth.OperationProcessingError)
  const url = `${system.gateway}/v1/orders/${done.order.id}`
  assert.equal((await app.call(tokens.access_token, 'GET', url)).status, 200)
  const next = await app.refresh(tokens.refresh_token ?? '')
  assert.equal((await app.call(next.access_token, 'GET', url)).status, 200)
  await app.revoke(next.refresh_token ?? '')
  await assert.rejects(app.refresh(next.refresh_token ?? ''), (error: oauth.ResponseBodyError) => error.error === 'invalid_grant')
})

test('a partner makes clients with a secret and with a key, and both get tokens by oauth4webapi that read the partner', async () => {
  const { owner } = system.demo.partner
  const app = await ThirdPartyApp.discover(system)
  const { access_token: token } = await app.signIn(owner.email, owner.password, 'openid partner:read partner:write')
  const make = async (more: object): Promise<{ id: string; clientSecret?: string }> => {
    const made = await app.call(token, 'POST', `${system.gateway}/v1/partner/clients`, {
      name: 'ERP',
      scopes: ['partner:read'],
      ...more,
    })
    assert.equal(made.status, 201, await made.clone().text())
    return (await made.json()) as { id: string; clientSecret?: string }
  }
  const { publicKey, privateKey } = await generateKeyPair('EdDSA')
  const byKey = await make({ authMethod: 'private_key_jwt', jwks: { keys: [await exportJWK(publicKey)] } })
  const bySecret = await make({ authMethod: 'client_secret' })
  const ways = [
    [byKey, oauth.PrivateKeyJwt(privateKey)],
    [bySecret, oauth.ClientSecretBasic(bySecret.clientSecret ?? '')],
    [bySecret, oauth.ClientSecretPost(bySecret.clientSecret ?? '')],
  ] as const
  for (const [{ id }, auth] of ways) {
    const granted = await app.clientToken({ client_id: id }, auth, 'partner:read')
    assert.equal((await app.call(granted.access_token, 'GET', `${system.gateway}/v1/partner`)).status, 200)
  }
  const { privateKey: another } = await generateKeyPair('EdDSA')
  for (const [{ id }, auth] of [
    [byKey, oauth.PrivateKeyJwt(another)],
    [bySecret, oauth.ClientSecretBasic('a guess')],
  ] as const)
    await assert.rejects(app.clientToken({ client_id: id }, auth, 'partner:read'), ({ status }: { status?: number }) => status === 401)
  const removed = await app.call(token, 'DELETE', `${system.gateway}/v1/partner/clients/${byKey.id}`)
  assert.equal(removed.status, 204)
})

test('the public documents are what oauth4webapi takes for a provider with PKCE and issuer identification', async () => {
  const { metadata } = await ThirdPartyApp.discover(system)
  assert.equal(metadata.authorization_response_iss_parameter_supported, true)
  assert.deepEqual(metadata.code_challenge_methods_supported, ['S256'])
  assert.deepEqual(metadata.response_types_supported, ['code'])
})

const ADDRESS = { name: 'A Buyer', line1: 'Havenkade 12', city: 'Rotterdam', postalCode: '3011 AA', country: 'NL' }
type Order = Journey['order']

/** An order of one piece that the demo partner has just put on the shelf. */
const placeWithPartner = async (): Promise<Order> => {
  const token = await partnerToken()
  const { items } = await told<{ items: { id: string }[] }>('GET', '/v1/partner/products?status=active&limit=1', token)
  const productId = items[0]?.id ?? assert.fail('the demo partner sells nothing')
  await told('POST', `/v1/partner/products/${productId}/stock/adjust`, token, { by: 1 })
  const lines = [{ productId, quantity: 1 }]
  return told('POST', '/v1/orders', done.accessToken, { lines, deliveryAddress: ADDRESS, paymentMethod: 'card_ok' })
}

/** The events of an order's stream, until it tells of one. */
const watch = async (id: string, last: string): Promise<string[]> => {
  const headers = { authorization: `Bearer ${done.accessToken}`, accept: 'text/event-stream' }
  const response = await fetch(`${system.gateway}/v1/orders/${id}/events`, { headers, signal: AbortSignal.timeout(30_000) })
  assert.equal(response.headers.get('content-type')?.split(';')[0], 'text/event-stream')
  let text = ''
  const events = (): string[] => [...text.matchAll(/^event: (.*)$/gm)].map(([, event = '']) => event)
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk
    if (events().includes(last)) break
  }
  return events()
}

interface Received {
  id: number
  type: string
  isVerified: boolean
  body: string
}
const received = async (after: number): Promise<Received[]> => {
  const response = await fetch(`${system.sandbox.partner.url}/api/received?after=${after}`, { signal: AbortSignal.timeout(10_000) })
  return (await response.json()) as Received[]
}
/** The number of the last webhook that the receiver has got, page by page. */
const lastReceived = async (after = 0): Promise<number> => {
  const last = (await received(after)).at(-1)?.id
  return last === undefined ? after : lastReceived(last)
}

test('an order is watched while it is paid and shipped, its partner hears of it by signed webhooks, and what is sent back is refunded', async () => {
  const before_ = await lastReceived()
  const order = await placeWithPartner()
  const shipped = watch(order.id, 'fulfilment.shipped')
  const token = await partnerToken()
  const part = await until(
    async () => {
      const { items } = await told<{ items: { id: string; orderId: string }[] }>(
        'GET',
        '/v1/partner/fulfilments?status=open&limit=100',
        token,
      )
      return items.find(({ orderId }) => orderId === order.id)
    },
    { deadlineMs: 30_000, message: 'the partner sees its part', everyMs: 100 },
  )
  await told('POST', `/v1/partner/fulfilments/${part.id}/ship`, token, { carrier: 'PostNL' })
  assert.ok((await shipped).includes('fulfilment.shipped'))

  const lines = [{ productId: order.lines[0]?.productId, quantity: 1 }]
  const back = await told<{ id: string }>('POST', `/v1/orders/${order.id}/returns`, done.accessToken, {
    fulfilmentId: part.id,
    lines,
    reason: 'Too large',
  })
  await told('POST', `/v1/partner/returns/${back.id}/accept`, token, {})
  await until(async () => (await told<Order>('GET', `/v1/orders/${order.id}`, done.accessToken)).payment.refunded.amountMinor > 0, {
    deadlineMs: 30_000,
    message: 'the money is paid back',
    everyMs: 100,
  })
  const heard = await until(
    async () => {
      const ours = (await received(before_)).filter(({ body }) => body.includes(order.id))
      return ours.some(({ type }) => type === 'return.accepted') && ours
    },
    { deadlineMs: 30_000, message: 'the partner has heard of all of it', everyMs: 100 },
  )
  assert.ok(heard.every(({ isVerified }) => isVerified))
  assert.ok(heard.some(({ type }) => type === 'fulfilment.shipped'))
})

test('who closes their account is shut out at once, and nobody signs in as them again', async () => {
  const leaver = await journey(system, () => undefined)
  await told('DELETE', '/v1/me', leaver.accessToken)
  await until(async () => (await call('/v1/me', { headers: { authorization: `Bearer ${leaver.accessToken}` } })).status === 401, {
    ...{ message: 'the token ends', everyMs: 50 },
  })
  await assert.rejects(signIn(system, leaver.email, leaver.password), /sign-in ended on/)
})
