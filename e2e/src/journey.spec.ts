import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startSystem, type RunningSystem, type Started } from '@catamaran/stack'
import { journey, type Journey } from './journey.js'

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
