import { randomUUID } from 'node:crypto'
import { AUDIENCE, BUYER_SCOPES } from '@catamaran/contracts'
import type { RunningSystem } from '@catamaran/stack'
import { Browser } from '@catamaran/testing'
import * as oidc from 'openid-client'
import { z } from 'zod'

/** Told of each step as it ends, with how long it took. */
export type Report = (step: string, ms: number, detail: string) => void

const CLIENT_ID = 'catamaran-demo'
const REDIRECT_URI = 'http://127.0.0.1:3999/callback'
const NOTIFICATION_DEADLINE_MS = 15_000

const Product = z.object({
  id: z.string(),
  name: z.string(),
  price: z.object({ amountMinor: z.number(), currency: z.string() }),
  availability: z.string(),
})
const ProductPage = z.object({ items: z.array(Product) })
const Cart = z.object({ version: z.number(), lines: z.array(z.object({ productId: z.string(), quantity: z.number() })) })
const Order = z.object({ id: z.string(), status: z.string(), total: z.object({ amountMinor: z.number(), currency: z.string() }) })
const Notifications = z.object({ items: z.array(z.object({ type: z.string(), orderId: z.string() })) })
const Mails = z.array(z.object({ subject: z.string(), links: z.array(z.string()) }))

export interface Journey {
  email: string
  password: string
  accessToken: string
  idToken: string
  refreshToken: string
  /** Where the person is signed in still. */
  browser: Browser
  order: z.infer<typeof Order>
}

/** A signed-in buyer's calls through the gateway. */
class Buyer {
  constructor(
    private readonly gateway: string,
    private readonly accessToken: string,
  ) {}

  async call<T extends z.ZodType>(
    method: string,
    path: string,
    answer: T,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<z.infer<T>> {
    const response = await fetch(this.gateway + path, {
      method,
      headers: {
        authorization: `Bearer ${this.accessToken}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
    return answer.parse(JSON.parse(text)) as z.infer<T>
  }
}

const confirmMail = async (system: RunningSystem, email: string): Promise<string> => {
  const response = await fetch(`${system.sandbox.mail.url}/api/messages?to=${encodeURIComponent(email)}&waitMs=10000`, {
    signal: AbortSignal.timeout(15_000),
  })
  const [mail] = Mails.parse(await response.json())
  const link = mail?.links.find((url) => url.includes('verify'))
  if (mail === undefined || link === undefined) throw new Error(`no mail with a link came to ${email}`)
  const browser = new Browser()
  const page = await browser.submit(await browser.open(link))
  if (page.status !== 200) throw new Error(`the confirmation page answered ${page.status}`)
  return mail.subject
}

/** Signs in by the pages, with `openid-client`; gives the tokens and the browser, which has the session. */
export const signIn = async (
  system: RunningSystem,
  email: string,
  password: string,
): Promise<{ tokens: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers; browser: Browser }> => {
  const client = await oidc.discovery(new URL(system.issuer), CLIENT_ID, undefined, oidc.None(), { execute: [oidc.allowInsecureRequests] })
  const [pkceCodeVerifier, expectedState, expectedNonce] = [oidc.randomPKCECodeVerifier(), oidc.randomState(), oidc.randomNonce()]
  const start = oidc.buildAuthorizationUrl(client, {
    redirect_uri: REDIRECT_URI,
    scope: ['openid', 'offline_access', ...BUYER_SCOPES].join(' '),
    resource: AUDIENCE,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
  })
  const browser = new Browser()
  const page = await browser.open(start.href, { stopAt: REDIRECT_URI })
  const end = await browser.submit(page, { email, password }, REDIRECT_URI)
  if (!end.url.startsWith(REDIRECT_URI)) throw new Error(`sign-in ended on ${end.url} (${end.status}): ${end.html.slice(0, 500)}`)
  const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true }
  return { tokens: await oidc.authorizationCodeGrant(client, new URL(end.url), checks), browser }
}

const waitForNotification = async (buyer: Buyer, orderId: string): Promise<string> => {
  const deadline = Date.now() + NOTIFICATION_DEADLINE_MS
  while (Date.now() < deadline) {
    const { items } = await buyer.call('GET', '/v1/notifications', Notifications)
    const found = items.find((item) => item.orderId === orderId)
    if (found !== undefined) return found.type
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`no notification of ${orderId} came within ${NOTIFICATION_DEADLINE_MS} ms`)
}

type Step = <T>(name: string, work: () => Promise<T>, detail: (result: T) => string) => Promise<T>

const stepsTo =
  (report: Report): Step =>
  async (name, work, detail) => {
    const startedAt = performance.now()
    const result = await work()
    report(name, performance.now() - startedAt, detail(result))
    return result
  }

/** A new buyer's whole way through a running system: register, confirm the mail, sign in, browse, fill a cart, order, hear of it. */
export const journey = async (system: RunningSystem, report: Report): Promise<Journey> => {
  const step = stepsTo(report)
  const email = `buyer-${randomUUID().slice(0, 8)}@catamaran.local`
  const password = `a long enough passphrase ${randomUUID()}`

  await step(
    'register',
    () => register(system, email, password),
    () => email,
  )
  await step(
    'confirm the mail',
    () => confirmMail(system, email),
    (subject) => `“${subject}”`,
  )
  const { tokens, browser } = await step(
    'sign in',
    () => signIn(system, email, password),
    ({ tokens: granted }) => `access token for ${granted.expires_in} s, ${granted.claims()?.sub}`,
  )
  const order = await shop(new Buyer(system.gateway, tokens.access_token), step)
  const { access_token: accessToken, id_token: idToken = '', refresh_token: refreshToken = '' } = tokens
  return { ...{ email, password, order, browser }, ...{ accessToken, idToken, refreshToken } }
}

const shop = async (buyer: Buyer, step: Step): Promise<Journey['order']> => {
  const { items } = await step(
    'browse',
    () => buyer.call('GET', '/v1/products?q=tea&limit=5', ProductPage),
    ({ items }) => `${items.length} products for “tea”`,
  )
  const product = items.find(({ availability }) => availability === 'in_stock')
  if (product === undefined) throw new Error('nothing is in stock')
  await step(
    'read a product',
    () => buyer.call('GET', `/v1/products/${product.id}`, Product),
    ({ name, price }) => `${name}, ${price.amountMinor / 100} ${price.currency}`,
  )
  const cart = await step(
    'put two in the cart',
    () => buyer.call('POST', '/v1/cart/lines', Cart, { productId: product.id, quantity: 2 }, { 'idempotency-key': randomUUID() }),
    ({ version, lines }) => `version ${version}, ${lines[0]?.quantity} pieces`,
  )
  const deliveryAddress = { name: 'Demo Buyer', line1: 'Havenkade 12', city: 'Rotterdam', postalCode: '3011 AA', country: 'NL' }
  const order = await step(
    'order',
    () =>
      buyer.call(
        'POST',
        '/v1/orders',
        Order,
        { cart: { version: cart.version }, deliveryAddress, paymentMethod: 'card_ok' },
        { 'idempotency-key': randomUUID() },
      ),
    ({ id, status, total }) => `${id}, ${status}, ${total.amountMinor / 100} ${total.currency}`,
  )
  await step(
    'hear of it',
    () => waitForNotification(buyer, order.id),
    (type) => `notification ${type}, through PostgreSQL, Kafka and DynamoDB`,
  )
  return order
}

const register = async (system: RunningSystem, email: string, password: string): Promise<void> => {
  const response = await fetch(`${system.gateway}/v1/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password }),
    signal: AbortSignal.timeout(10_000),
  })
  if (response.status !== 202) throw new Error(`POST /v1/users answered ${response.status}: ${await response.text()}`)
}
