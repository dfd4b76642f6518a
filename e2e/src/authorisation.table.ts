import { idOf, type PartnerRole, type Scope, type ServiceName } from '@catamaran/contracts'
import type { Access } from './authorisation.routes.js'
import type { Owned } from './authorisation.world.js'

/** How somebody else's thing is refused: with the same 404 as a thing that is not there. */
export interface Others {
  /** The kind of thing that the route's last parameter names. */
  readonly thing: Owned
  /** The code of the 404. */
  readonly code: string
  /** A body that would be good if the thing were one's own. */
  readonly body?: object
  /** The victim's thing that the parameter before the last one names. */
  readonly within?: Owned
}

/** Who may use one route. */
export interface Row {
  readonly service: ServiceName
  /** What the route declares to the guard. */
  readonly access: Access
  /** Who calls it, by their service token: the gateway for all that is public. */
  readonly callers: readonly ServiceName[]
  /** For pages: whom they show something to, anybody or who is signed in here. */
  readonly page?: 'anybody' | 'session'
  readonly others?: Others
  /** What a read has to be asked with. */
  readonly query?: string
  /** Whether the route itself judges who calls, by something else than a token. */
  readonly judges?: true
  /** The scope that the handler itself asks for, where the guard leaves it to it. */
  readonly asks?: string
}

interface Conditions {
  readonly role?: PartnerRole
  readonly freshS?: number
}

const NOBODYS = '00000000-0000-7000-8000-000000000000'
const FRESH: Conditions = { freshS: 300 }
const VIEWER: Conditions = { role: 'viewer' }
const DEVELOPER: Conditions = { role: 'developer' }
const OWNER: Conditions = { role: 'owner' }
const PASSKEY: Others = { thing: 'passkey', code: 'identity.passkey-not-found' }
const EXPORT: Others = { thing: 'export', code: 'identity.export-not-found' }
const MEMBER: Others = { thing: 'member', code: 'partners.member-not-found' }
const API_KEY: Others = { thing: 'apiKey', code: 'partners.key-not-found' }
const CLIENT: Others = { thing: 'client', code: 'partners.client-not-found' }
const ORDER: Others = { thing: 'order', code: 'orders.not-found' }
const WEBHOOK: Others = { thing: 'webhookEndpoint', code: 'webhooks.endpoint-not-found' }
const DELIVERY: Others = { thing: 'webhookDelivery', within: 'webhookEndpoint', code: 'webhooks.endpoint-not-found' }
const FULFILMENT: Others = { thing: 'fulfilment', code: 'fulfilments.not-found' }
const PRODUCT: Others = { thing: 'product', code: 'catalogue.product-not-found' }
const RETURN: Others = { thing: 'return', code: 'returns.not-found' }
const ANYBODY: Access = { scope: null }
const GATEWAY = ['api-gateway'] as const

const needs =
  (service: ServiceName) =>
  (scope: Scope, conditions: Conditions = {}, others?: Others): Row => ({
    ...{ service, access: { scope, ...conditions }, callers: GATEWAY },
    ...(others && { others }),
  })
const auth = needs('auth-service')
const core = needs('core-service')

const open = (service: ServiceName): Row => ({ service, access: ANYBODY, callers: GATEWAY })
const page = (shownTo: 'anybody' | 'session'): Row => ({ ...open('auth-service'), page: shownTo })
const inner = (service: ServiceName, callers: readonly ServiceName[], access: Access = ANYBODY): Row => ({ service, access, callers })

/** The same to partners and inside, where core-service calls with the partner's token. */
const WEBHOOKS = (path: string, row: (others?: Others) => Row): Record<string, Row> => ({
  [`GET ${path}`]: row(),
  [`POST ${path}`]: row(),
  [`GET ${path}/{id}`]: row(WEBHOOK),
  [`PATCH ${path}/{id}`]: row({ ...WEBHOOK, body: { description: 'Mine now' } }),
  [`DELETE ${path}/{id}`]: row(WEBHOOK),
  [`POST ${path}/{id}/enable`]: row(WEBHOOK),
  [`POST ${path}/{id}/disable`]: row(WEBHOOK),
  [`POST ${path}/{id}/rotate-secret`]: row({ ...WEBHOOK, body: {} }),
  [`POST ${path}/{id}/test`]: row(WEBHOOK),
  [`POST ${path}/{id}/redeliver`]: row({ ...WEBHOOK, body: { from: '2020-01-01T00:00:00Z', to: '2030-01-01T00:00:00Z' } }),
  [`GET ${path}/{id}/deliveries`]: row(WEBHOOK),
  [`GET ${path}/{id}/deliveries/{deliveryId}`]: row(DELIVERY),
})

/** The gateway's own pages. */
const GATEWAY_ROUTES = [
  '/',
  '/docs',
  '/openapi.json',
  '/problems',
  '/problems/{code}',
  '/assets/style.css',
  '/assets/icon.svg',
  '/robots.txt',
]

const PUBLIC: Readonly<Record<string, Row>> = {
  ...Object.fromEntries(GATEWAY_ROUTES.map((path) => [`GET ${path}`, open('api-gateway')])),

  // Shopping
  'GET /v1/products': open('core-service'),
  'GET /v1/products/{id}': open('core-service'),
  'GET /v1/cart': core('cart:write'),
  'POST /v1/cart/lines': core('cart:write'),
  'PUT /v1/cart/lines/{productId}': core('cart:write'),
  'DELETE /v1/cart/lines/{productId}': core('cart:write'),
  'GET /v1/orders': core('orders:read'),
  'POST /v1/orders': core('orders:write'),
  'GET /v1/orders/{id}': core('orders:read', {}, ORDER),
  'GET /v1/orders/{id}/events': core('orders:read', {}, ORDER),
  'POST /v1/orders/{id}/cancel': core('orders:write', {}, ORDER),
  'POST /v1/orders/{id}/returns': core(
    'orders:write',
    {},
    {
      ...ORDER,
      body: { fulfilmentId: idOf('fulfilment', NOBODYS), lines: [{ productId: idOf('product', NOBODYS), quantity: 1 }] },
    },
  ),
  'POST /v1/payments/callbacks': { ...open('core-service'), judges: true },
  'GET /v1/notifications': core('notifications:read'),
  'GET /v1/notifications/preferences': core('notifications:read'),
  'PUT /v1/notifications/preferences': core('account:write'),

  // Accounts
  'POST /v1/users': open('auth-service'),
  'POST /v1/users/verify-email': open('auth-service'),
  'POST /v1/users/reset-password': open('auth-service'),
  'POST /v1/users/reset-password/confirm': open('auth-service'),
  'POST /v1/users/confirm-email': open('auth-service'),
  'GET /v1/me': auth('account:read'),
  'PATCH /v1/me': auth('account:write'),
  'DELETE /v1/me': auth('account:write', FRESH),
  'PUT /v1/me/password': auth('account:write', FRESH),
  'POST /v1/me/email': auth('account:write', FRESH),
  'GET /v1/me/sessions': auth('account:read'),
  'DELETE /v1/me/sessions': auth('account:write'),
  'DELETE /v1/me/sessions/{sid}': auth('account:write', {}, { thing: 'session', code: 'identity.session-not-found' }),
  'GET /v1/me/passkeys': auth('account:read'),
  'POST /v1/me/passkeys': auth('account:write', FRESH),
  'POST /v1/me/passkeys/options': auth('account:write', FRESH),
  'PATCH /v1/me/passkeys/{id}': auth('account:write', {}, { ...PASSKEY, body: { name: 'Mine now' } }),
  'DELETE /v1/me/passkeys/{id}': auth('account:write', FRESH, PASSKEY),
  'GET /v1/me/totp': auth('account:read'),
  'POST /v1/me/totp': auth('account:write', FRESH),
  'DELETE /v1/me/totp': auth('account:write', FRESH),
  'POST /v1/me/totp/confirm': auth('account:write', FRESH),
  'POST /v1/me/recovery-codes': auth('account:write', FRESH),
  'POST /v1/me/export': auth('account:read', FRESH),
  'GET /v1/me/export/{id}': auth('account:read', {}, EXPORT),
  'GET /v1/me/export/{id}/content': auth('account:read', FRESH, EXPORT),

  // Partners
  'GET /v1/plans': { ...open('auth-service'), callers: ['api-gateway', 'core-service'] },
  'GET /v1/partners': auth('partner:read'),
  'POST /v1/partners': auth('partner:write'),
  'POST /v1/partners/invitations/accept': auth('partner:write'),
  'GET /v1/partner': auth('partner:read', VIEWER),
  'PATCH /v1/partner': auth('partner:write', OWNER),
  'GET /v1/partner/members': auth('partner:read', VIEWER),
  'DELETE /v1/partner/members/me': auth('partner:write', VIEWER),
  'PATCH /v1/partner/members/{userId}': auth('partner:write', OWNER, { ...MEMBER, body: { role: 'viewer' } }),
  'DELETE /v1/partner/members/{userId}': auth('partner:write', OWNER, MEMBER),
  'GET /v1/partner/invitations': auth('partner:read', OWNER),
  'POST /v1/partner/invitations': auth('partner:write', OWNER),
  'DELETE /v1/partner/invitations/{id}': auth('partner:write', OWNER, { thing: 'invitation', code: 'partners.invitation-not-found' }),
  'GET /v1/partner/api-keys': auth('partner:read', VIEWER),
  'POST /v1/partner/api-keys': auth('partner:write', { ...DEVELOPER, ...FRESH }),
  'GET /v1/partner/api-keys/{id}': auth('partner:read', VIEWER, API_KEY),
  'DELETE /v1/partner/api-keys/{id}': auth('partner:write', DEVELOPER, API_KEY),
  'POST /v1/partner/api-keys/{id}/rotate': auth('partner:write', { ...DEVELOPER, ...FRESH }, { ...API_KEY, body: { overlapSeconds: 0 } }),
  'GET /v1/partner/clients': auth('partner:read', VIEWER),
  'POST /v1/partner/clients': auth('partner:write', { ...DEVELOPER, ...FRESH }),
  'GET /v1/partner/clients/{id}': auth('partner:read', VIEWER, CLIENT),
  'DELETE /v1/partner/clients/{id}': auth('partner:write', DEVELOPER, CLIENT),
  'GET /v1/partner/usage': auth('partner:read', VIEWER),

  'GET /v1/partner/products': core('catalogue'),
  'POST /v1/partner/products': core('catalogue'),
  'POST /v1/partner/products/import': core('catalogue'),
  'GET /v1/partner/imports/{id}': core('catalogue', {}, { thing: 'import', code: 'catalogue.import-not-found' }),
  'GET /v1/partner/products/{id}': core('catalogue', {}, PRODUCT),
  'PATCH /v1/partner/products/{id}': core('catalogue', {}, { ...PRODUCT, body: { priceMinor: 1 } }),
  'POST /v1/partner/products/{id}/withdraw': core('catalogue', {}, PRODUCT),
  'POST /v1/partner/products/{id}/relist': core('catalogue', {}, PRODUCT),
  'GET /v1/partner/products/{id}/stock': core('catalogue', {}, PRODUCT),
  'PUT /v1/partner/products/{id}/stock': core('catalogue', {}, { ...PRODUCT, body: { available: 1 } }),
  'POST /v1/partner/products/{id}/stock/adjust': core('catalogue', {}, { ...PRODUCT, body: { by: 1 } }),
  'GET /v1/partner/settings': core('catalogue'),
  'PUT /v1/partner/settings': core('catalogue'),

  'GET /v1/partner/fulfilments': core('orders'),
  'GET /v1/partner/fulfilments/{id}': core('orders', {}, FULFILMENT),
  'POST /v1/partner/fulfilments/{id}/ship': core('orders', {}, { ...FULFILMENT, body: { carrier: 'PostNL' } }),
  'POST /v1/partner/fulfilments/{id}/cancel': core('orders', {}, FULFILMENT),
  'GET /v1/partner/returns': core('orders'),
  'POST /v1/partner/returns/{id}/accept': core('orders', {}, { ...RETURN, body: {} }),
  'POST /v1/partner/returns/{id}/refuse': core('orders', {}, RETURN),

  'GET /v1/partner/sales': { ...core('orders'), query: '?from=2026-01-01&to=2026-01-31' },

  ...WEBHOOKS('/v1/partner/webhooks', (others) => core('webhooks', {}, others)),

  // Operators
  'GET /v1/ops/partners': auth('ops'),
  'GET /v1/ops/partners/{id}': auth('ops'),
  'POST /v1/ops/partners/{id}/approve': auth('ops'),
  'POST /v1/ops/partners/{id}/reject': auth('ops'),
  'POST /v1/ops/partners/{id}/suspend': auth('ops'),
  'PUT /v1/ops/partners/{id}/plan': auth('ops'),
  'GET /v1/ops/flags': core('ops'),
  'GET /v1/ops/payments': core('ops'),
  'POST /v1/ops/payments/{id}/retry': core('ops'),
  'GET /v1/ops/dead-letters': core('ops'),
  'GET /v1/ops/dead-letters/{id}': core('ops'),
  'POST /v1/ops/dead-letters/replay': core('ops'),
  'POST /v1/ops/dead-letters/{id}/replay': core('ops'),
  'GET /v1/ops/audit': core('ops'),
  'GET /v1/ops/outbox': core('ops'),
  'GET /v1/ops/outbox/{service}/unpublishable': core('ops'),
  'POST /v1/ops/outbox/{service}/unpublishable/replay': core('ops'),
  'GET /v1/ops/identity/outbox': auth('ops'),
  'GET /v1/ops/identity/outbox/unpublishable': auth('ops'),
  'POST /v1/ops/identity/outbox/unpublishable/replay': auth('ops'),

  // Pages. What the session's cookie opens, and what a single-use link opens, is told by the page itself.
  'GET /account/assets/{name}': page('anybody'),
  'GET /account/sign-up': page('anybody'),
  'POST /account/sign-up': page('anybody'),
  'GET /account/check-mail': page('anybody'),
  'GET /account/verify-email': page('anybody'),
  'POST /account/verify-email': page('anybody'),
  'GET /account/forgot-password': page('anybody'),
  'POST /account/forgot-password': page('anybody'),
  'GET /account/reset-sent': page('anybody'),
  'GET /account/reset-password': page('anybody'),
  'POST /account/reset-password': page('anybody'),
  'GET /account/confirm-email': page('anybody'),
  'POST /account/confirm-email': page('anybody'),
  'GET /account/sign-in/{uid}': page('session'),
  'POST /account/sign-in/{uid}': page('session'),
  'POST /account/sign-in/{uid}/continue': page('session'),
  'POST /account/sign-in/{uid}/cancel': page('session'),
  'GET /account': page('session'),
  'GET /account/signed-in': page('session'),
  'GET /account/profile': page('session'),
  'POST /account/profile': page('session'),
  'GET /account/password': page('session'),
  'POST /account/password': page('session'),
  'GET /account/email': page('session'),
  'POST /account/email': page('session'),
  'GET /account/passkeys/new': page('session'),
  'POST /account/passkeys': page('session'),
  'GET /account/passkeys/{id}': page('session'),
  'POST /account/passkeys/{id}/rename': page('session'),
  'POST /account/passkeys/{id}/remove': page('session'),
  'GET /account/codes/new': page('session'),
  'POST /account/codes': page('session'),
  'GET /account/codes/confirm': page('session'),
  'POST /account/codes/confirm': page('session'),
  'GET /account/codes/recovery': page('session'),
  'POST /account/codes/recovery': page('session'),
  'GET /account/codes/off': page('session'),
  'POST /account/codes/off': page('session'),
  'POST /account/sessions/end-others': page('session'),
  'POST /account/sessions/{sid}/end': page('session'),
  'POST /account/copy': page('session'),
  'GET /account/copy/{id}': page('session'),
  'GET /account/close': page('session'),
  'POST /account/close': page('session'),
  'GET /account/export': page('anybody'),
  'POST /account/export': page('anybody'),
  'GET /account/invitation': page('session'),
  'POST /account/invitation': page('session'),
  'GET /account/sign-in/{uid}/code': page('session'),
  'POST /account/sign-in/{uid}/code': page('session'),
  'POST /account/sign-in/{uid}/passkey': page('session'),

  // OpenID Connect: its endpoints judge their callers themselves (apps/auth-service/test)
  'ALL /oidc/*': open('auth-service'),
  'GET /oidc/me': { ...open('auth-service'), asks: 'openid' },
  'POST /oidc/me': { ...open('auth-service'), asks: 'openid' },
}

const INTERNAL: readonly (readonly [string, Row])[] = [
  ['GET /internal/gateway/state', inner('auth-service', GATEWAY)],
  ['POST /internal/gateway/api-keys', inner('auth-service', GATEWAY)],
  ['POST /internal/gateway/usage', inner('auth-service', GATEWAY)],
  ['GET /internal/people/{id}', inner('core-service', ['auth-service'])],
  ['GET /internal/people/{id}', inner('aux-service', ['core-service'])],
  ...Object.entries(
    WEBHOOKS('/internal/webhooks', (others) => ({
      ...inner('aux-service', ['core-service'], { scope: 'webhooks' }),
      ...(others && { others }),
    })),
  ),
  ...[
    ...['GET /internal/ops/dead-letters', 'GET /internal/ops/dead-letters/{id}', 'POST /internal/ops/dead-letters/replay'],
    ...['POST /internal/ops/dead-letters/{id}/replay', 'GET /internal/ops/outbox', 'GET /internal/ops/outbox/unpublishable'],
    ...['POST /internal/ops/outbox/unpublishable/replay', 'GET /internal/ops/audit'],
  ].map((name) => [name, inner('aux-service', ['core-service'], { scope: 'ops' })] as const),
  ['GET /internal/sales', inner('aux-service', ['core-service'], { scope: 'orders' })],
  ['GET /internal/orders', inner('core-service', ['aux-service'])],
  ['GET /internal/notifications/preferences', inner('aux-service', ['core-service'], { scope: 'notifications:read' })],
  ['PUT /internal/notifications/preferences', inner('aux-service', ['core-service'], { scope: 'account:write' })],
  ['GET /internal/notifications', inner('aux-service', ['core-service'], { scope: 'notifications:read' })],
]

/**
 * Every route of the system and who may use it: a second opinion, written by hand. The test fails for a route without a row, a row without a
 * route, and a route that is open to anybody whom its row doesn't name.
 */
export const ROUTES: readonly (readonly [string, Row])[] = [...Object.entries(PUBLIC), ...INTERNAL]
