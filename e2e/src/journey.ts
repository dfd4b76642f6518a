import { randomUUID } from 'node:crypto'
import { AUDIENCE, BUYER_SCOPES } from '@catamaran/contracts'
import { createCatamaran, dataOf, type Catamaran, type components } from '@catamaran/sdk'
import type { RunningSystem } from '@catamaran/stack'
import { Browser } from '@catamaran/testing'
import * as oidc from 'openid-client'
import { z } from 'zod'

/** What of a system the journey goes through. */
export interface Reachable extends Pick<RunningSystem, 'gateway' | 'issuer'> {
  readonly sandbox: { readonly mail: { readonly url: string } }
}

/** Told of each step as it ends, with how long it took. */
export type Report = (step: string, ms: number, detail: string) => void

const CLIENT_ID = 'catamaran-demo'
const REDIRECT_URI = 'http://127.0.0.1:3999/callback'
const NOTIFICATION_DEADLINE_MS = 15_000

const Mails = z.array(z.object({ id: z.string(), subject: z.string(), links: z.array(z.string()) }))

export interface Journey {
  email: string
  password: string
  accessToken: string
  idToken: string
  refreshToken: string
  /** Where the person is signed in still. */
  browser: Browser
  order: components['schemas']['Order']
}

type Mail = z.infer<typeof Mails>[number]

/** Waits for the first mail to an address, behind another one when that is given. */
const nextMail = async ({ sandbox }: Reachable, to: string, after?: Mail): Promise<Mail | undefined> => {
  const query = new URLSearchParams({ to, waitMs: '10000', ...(after && { after: after.id }) })
  const response = await fetch(`${sandbox.mail.url}/api/messages?${query}`, { signal: AbortSignal.timeout(15_000) }).catch(
    (error: unknown) => {
      throw new Error(`The mailbox ${sandbox.mail.url} doesn’t answer; --mail says where it is.`, { cause: error })
    },
  )
  return Mails.parse(await response.json())[0]
}

/** Waits for the mail that says that an order was placed. */
const orderMail = async (system: Reachable, email: string): Promise<string> => {
  for (let mail = await nextMail(system, email); mail !== undefined; mail = await nextMail(system, email, mail))
    if (/your order/i.test(mail.subject)) return mail.subject
  throw new Error(`no mail about an order came to ${email}`)
}

const confirmMail = async (system: Reachable, email: string): Promise<string> => {
  const mail = await nextMail(system, email)
  const link = mail?.links.find((url) => url.includes('verify'))
  if (mail === undefined || link === undefined) throw new Error(`no mail with a link came to ${email}`)
  const browser = new Browser()
  const page = await browser.submit(await browser.open(link))
  if (page.status !== 200) throw new Error(`the confirmation page answered ${page.status}`)
  return mail.subject
}

/** Signs in by the pages, with `openid-client`; gives the tokens and the browser, which has the session. */
export const signIn = async (
  system: Reachable,
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

const waitForNotification = async (buyer: Catamaran, orderId: string): Promise<string> => {
  const deadline = Date.now() + NOTIFICATION_DEADLINE_MS
  while (Date.now() < deadline) {
    const { items } = await dataOf(buyer.GET('/v1/notifications'))
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
export const journey = async (system: Reachable, report: Report): Promise<Journey> => {
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
  const order = await shop(createCatamaran({ baseUrl: system.gateway, auth: { token: () => tokens.access_token } }), email, step)
  await step(
    'read the mail about it',
    () => orderMail(system, email),
    (subject) => `“${subject}”, in the sandbox mailbox: ${system.sandbox.mail.url}`,
  )
  const { access_token: accessToken, id_token: idToken = '', refresh_token: refreshToken = '' } = tokens
  return { ...{ email, password, order, browser }, ...{ accessToken, idToken, refreshToken } }
}

/** Finds products, and looks at the first. */
const browse = async (visitor: Catamaran, step: Step, q?: string): Promise<components['schemas']['Product']> => {
  const query = { ...(q !== undefined && { q }), availability: 'in_stock', facets: 'seller', limit: 5 } as const
  const { items } = await step(
    'browse',
    () => dataOf(visitor.GET('/v1/products', { params: { query } })),
    ({ items, facets }) => `${items.length} products for “${q ?? ''}”, and ${facets?.seller?.values.length ?? 0} sellers to choose from`,
  )
  const [product] = items
  if (product === undefined) throw new Error('nothing is in stock')
  return step(
    'read a product',
    () => dataOf(visitor.GET('/v1/products/{id}', { params: { path: { id: product.id } } })),
    ({ name, price }) => `${name}, ${price.amountMinor / 100} ${price.currency}`,
  )
}

/** What anybody may do in a system that is in earnest: find where to sign in, and browse. Nothing stays of it. */
export const visit = async (system: Reachable, report: Report): Promise<void> => {
  const step = stepsTo(report)
  await step(
    'find the issuer',
    () => oidc.discovery(new URL(system.issuer), CLIENT_ID, undefined, oidc.None(), { execute: [oidc.allowInsecureRequests] }),
    (client) => client.serverMetadata().issuer,
  )
  await browse(createCatamaran({ baseUrl: system.gateway }), step)
}

const shop = async (buyer: Catamaran, email: string, step: Step): Promise<Journey['order']> => {
  const product = await browse(buyer, step, 'tea')
  const cart = await step(
    'put two in the cart',
    () => dataOf(buyer.POST('/v1/cart/lines', { body: { productId: product.id, quantity: 2 } })),
    ({ version, lines }) => `version ${version}, ${lines[0]?.quantity} pieces`,
  )
  const deliveryAddress = { name: 'Demo Buyer', line1: 'Havenkade 12', city: 'Rotterdam', postalCode: '3011 AA', country: 'NL', email }
  const order = await step(
    'order',
    () =>
      dataOf(
        buyer.POST('/v1/orders', {
          params: { header: { 'Idempotency-Key': randomUUID() } },
          body: { cart: { version: cart.version }, deliveryAddress, paymentMethod: 'card_ok' },
        }),
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

const register = async (system: Reachable, email: string, password: string): Promise<void> => {
  await createCatamaran({ baseUrl: system.gateway }).POST('/v1/users', { body: { email, password } })
}
