import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startSystem, type RunningSystem, type Started } from '@catamaran/stack'
import { exportJWK, generateKeyPair } from 'jose'
import * as oauth from 'oauth4webapi'
import { journey, type Journey } from './journey.js'
import { ThirdPartyApp } from './oauth4webapi.js'

let own: Started<RunningSystem>
let done: Journey
const steps: string[] = []

before(async () => {
  own = await startSystem()
  done = await journey(own.system, (step) => steps.push(step))
})
after(() => own?.stop())

const call = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(own.system.gateway + path, { ...init, signal: AbortSignal.timeout(10_000) })

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
  const stranger = await journey(own.system, () => undefined)
  const strange404 = await call(`/v1/orders/${done.order.id}`, { headers: { authorization: `Bearer ${stranger.accessToken}` } })
  assert.equal(strange404.status, 404)
  assert.equal(((await strange404.json()) as { code: string }).code, 'orders.not-found')
  assert.equal((await call(`/v1/orders/${done.order.id}`)).status, 401)
})

test('the demo partner gets a token by client credentials', async () => {
  const { clientId, clientSecret } = own.system.demo?.partner ?? { clientId: '', clientSecret: '' }
  const response = await fetch(`${own.system.issuer}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64')}`,
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'catalogue orders' }),
    signal: AbortSignal.timeout(10_000),
  })
  assert.equal(response.status, 200, await response.clone().text())
  assert.equal(((await response.json()) as { scope: string }).scope, 'catalogue orders')
})

test('the demo partner reads about itself with its client, and what it may use', async () => {
  const { clientId, clientSecret } = own.system.demo?.partner ?? { clientId: '', clientSecret: '' }
  const signal = AbortSignal.timeout(10_000)
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }
  const granted = await fetch(`${own.system.issuer}/token`, { method: 'POST', body: new URLSearchParams(form), signal })
  const { access_token: token } = (await granted.json()) as { access_token: string }
  const partner = await fetch(`${own.system.gateway}/v1/partner`, { headers: { authorization: `Bearer ${token}` }, signal })
  assert.equal(partner.status, 200, await partner.clone().text())
  const { name, status, plan } = (await partner.json()) as { name: string; status: string; plan: string }
  assert.deepEqual([name, status, plan], ['Demo partner', 'active', 'growth'])
  const plans = (await (await fetch(`${own.system.gateway}/v1/plans`, { signal })).json()) as { items: { id: string }[] }
  assert.ok(plans.items.some(({ id }) => id === plan))
})

test('a person’s app that speaks by oauth4webapi signs in, reads, refreshes and gives its tokens back', async () => {
  const app = await ThirdPartyApp.discover(own.system)
  const tokens = await app.signIn(done.email, done.password, 'openid email offline_access orders:read')
  const { sub = '' } = oauth.getValidatedIdTokenClaims(tokens) ?? {}
  assert.deepEqual(await app.userInfo(tokens.access_token, sub), { sub, email: done.email, email_verified: true })
  await assert.rejects(app.userInfo(tokens.access_token, 'usr_somebody_else'), oauth.OperationProcessingError)
  const url = `${own.system.gateway}/v1/orders/${done.order.id}`
  assert.equal((await app.call(tokens.access_token, 'GET', url)).status, 200)
  const next = await app.refresh(tokens.refresh_token ?? '')
  assert.equal((await app.call(next.access_token, 'GET', url)).status, 200)
  await app.revoke(next.refresh_token ?? '')
  await assert.rejects(app.refresh(next.refresh_token ?? ''), (error: oauth.ResponseBodyError) => error.error === 'invalid_grant')
})

test('a partner makes clients with a secret and with a key, and both get tokens by oauth4webapi that read the partner', async () => {
  const { owner } = own.system.demo?.partner ?? { owner: { email: '', password: '' } }
  const app = await ThirdPartyApp.discover(own.system)
  const { access_token: token } = await app.signIn(owner.email, owner.password, 'openid partner:read partner:write')
  const make = async (more: object): Promise<{ id: string; clientSecret?: string }> => {
    const made = await app.call(token, 'POST', `${own.system.gateway}/v1/partner/clients`, {
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
    assert.equal((await app.call(granted.access_token, 'GET', `${own.system.gateway}/v1/partner`)).status, 200)
  }
  const { privateKey: another } = await generateKeyPair('EdDSA')
  for (const [{ id }, auth] of [
    [byKey, oauth.PrivateKeyJwt(another)],
    [bySecret, oauth.ClientSecretBasic('a guess')],
  ] as const)
    await assert.rejects(app.clientToken({ client_id: id }, auth, 'partner:read'), ({ status }: { status?: number }) => status === 401)
  const removed = await app.call(token, 'DELETE', `${own.system.gateway}/v1/partner/clients/${byKey.id}`)
  assert.equal(removed.status, 204)
})

test('the public documents are what oauth4webapi takes for a provider with PKCE and issuer identification', async () => {
  const { metadata } = await ThirdPartyApp.discover(own.system)
  assert.equal(metadata.authorization_response_iss_parameter_supported, true)
  assert.deepEqual(metadata.code_challenge_methods_supported, ['S256'])
  assert.deepEqual(metadata.response_types_supported, ['code'])
})
