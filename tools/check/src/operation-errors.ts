import type { ErrorCode } from '@catamaran/contracts'

/** What of an operation decides which errors it shares with others. */
export interface Facts {
  readonly operationId?: string
  readonly parameters?: readonly { name: string }[]
  readonly requestBody?: unknown
  readonly security?: readonly Record<string, readonly string[]>[]
  readonly 'x-partner-role'?: string
  readonly 'x-max-age'?: number
}

const PASSWORD = ['identity.password-refused', 'service.overloaded'] as const
const WRONG_STATUS = ['partners.not-found', 'partners.wrong-status'] as const
const PART = ['fulfilments.not-found', 'fulfilments.wrong-status'] as const
const RETURN = ['returns.not-found', 'returns.wrong-status'] as const
const PRODUCT = ['catalogue.product-not-found'] as const
const ENDPOINT = ['webhooks.endpoint-not-found'] as const

/** What each operation refuses for reasons of its own; an empty list says that there are none. A new operation takes its place here. */
export const OWN_ERRORS: Readonly<Record<string, readonly ErrorCode[]>> = {
  'Carts.read': [],
  'Carts.add': ['catalogue.product-not-found', 'cart.line-limit'],
  'Carts.set': ['catalogue.product-not-found', 'cart.line-limit'],
  'Carts.remove': [],
  'Catalogue.list': [],
  'Catalogue.read': ['catalogue.product-not-found'],
  'Products.list': [],
  'Products.read': PRODUCT,
  'Products.create': ['catalogue.sku-taken', 'partners.not-active'],
  'Products.change': [...PRODUCT, 'catalogue.sku-taken', 'partners.not-active'],
  'Products.withdraw': [...PRODUCT, 'partners.not-active'],
  'Products.relist': [...PRODUCT, 'partners.not-active'],
  'Stock.read': PRODUCT,
  'Stock.set': [...PRODUCT, 'catalogue.stock-out-of-range', 'partners.not-active'],
  'Stock.adjust': [...PRODUCT, 'catalogue.stock-out-of-range', 'partners.not-active'],
  'Stock.readSettings': ['partners.not-active'],
  'Stock.changeSettings': ['partners.not-active'],
  'Imports.import': ['catalogue.import-gap', 'partners.not-active'],
  'Imports.read': ['catalogue.import-not-found'],
  'Orders.list': [],
  'Orders.read': ['orders.not-found'],
  'Orders.events': ['orders.not-found'],
  'Orders.cancel': ['orders.not-found', 'orders.not-cancellable'],
  'Orders.requestReturn': ['orders.not-found', 'fulfilments.not-found', 'returns.not-possible'],
  'Orders.place': [
    ...([
      'orders.product-not-found',
      'orders.out-of-stock',
      'orders.total-changed',
      'orders.mixed-currencies',
      'orders.cart-empty',
    ] as const),
    ...([
      'orders.cart-changed',
      'orders.cart-already-ordered',
      'orders.too-many-unpaid',
      'orders.return-url-refused',
      'orders.payment-method-refused',
      'identity.account-closed',
      'payments.switched-off',
    ] as const),
    'request.idempotency-key-missing',
  ],
  'Fulfilments.list': [],
  'Fulfilments.read': ['fulfilments.not-found'],
  'Fulfilments.ship': PART,
  'Fulfilments.cancel': PART,
  'Fulfilments.listReturns': [],
  'Fulfilments.accept': RETURN,
  'Fulfilments.refuse': RETURN,
  'Payments.callback': ['payments.signature-invalid', 'request.too-large'],
  'Notifications.list': [],
  'Notifications.preferences': [],
  'Notifications.setPreferences': [],
  'Sales.list': [],
  'Webhooks.list': [],
  'Webhooks.create': ['webhooks.url-refused', 'webhooks.endpoint-limit', 'request.idempotency-key-missing'],
  'Webhooks.read': ENDPOINT,
  'Webhooks.change': [...ENDPOINT, 'webhooks.url-refused'],
  'Webhooks.delete': ENDPOINT,
  'Webhooks.enable': ENDPOINT,
  'Webhooks.disable': ENDPOINT,
  'Webhooks.rotate': [...ENDPOINT, 'webhooks.secret-limit'],
  'Deliveries.list': ENDPOINT,
  'Deliveries.read': [...ENDPOINT, 'webhooks.delivery-not-found'],
  'Deliveries.redeliver': [...ENDPOINT, 'webhooks.delivery-not-found', 'webhooks.endpoint-disabled', 'webhooks.range-too-large'],
  'Deliveries.test': [...ENDPOINT, 'webhooks.endpoint-disabled'],
  'Flags.list': [],
  'StuckPayments.list': [],
  'StuckPayments.retry': ['payments.operation-not-found', 'payments.operation-not-stuck'],
  'DeadLetters.list': [],
  'DeadLetters.read': ['ops.dead-letter-not-found'],
  'DeadLetters.replay': ['ops.dead-letter-not-found'],
  'DeadLetters.replayAll': [],
  'Audit.list': [],
  'Outbox.states': [],
  'Outbox.list': [],
  'Outbox.replay': [],
  'IdentityOutbox.state': [],
  'IdentityOutbox.list': [],
  'IdentityOutbox.replay': [],
  'Me.profile': ['identity.account-closed'],
  'Me.change': ['identity.account-closed'],
  'Me.changeEmail': ['identity.account-closed'],
  'Me.changePassword': [...PASSWORD, 'identity.password-wrong', 'identity.account-closed'],
  'Erasure.close': ['identity.sole-owner'],
  'Exports.request': ['identity.account-closed'],
  'Exports.read': ['identity.export-not-found'],
  'Exports.readContent': ['identity.export-not-found', 'identity.export-pending'],
  'Passkeys.list': [],
  'Passkeys.options': [],
  'Passkeys.add': ['identity.passkey-invalid', 'identity.passkey-limit'],
  'Passkeys.rename': ['identity.passkey-not-found'],
  'Passkeys.remove': ['identity.passkey-not-found'],
  'Totp.state': [],
  'Totp.start': ['identity.totp-on'],
  'Totp.confirm': ['identity.totp-on', 'identity.totp-off', 'identity.code-invalid'],
  'Totp.switchOff': ['identity.totp-off'],
  'Totp.renew': ['identity.totp-off'],
  'Sessions.list': [],
  'Sessions.end': ['identity.session-not-found'],
  'Sessions.endOthers': [],
  'Users.register': PASSWORD,
  'Users.verifyEmail': ['identity.link-invalid'],
  'Recovery.ask': [],
  'Recovery.reset': [...PASSWORD, 'identity.link-invalid'],
  'Recovery.confirmEmail': ['identity.link-invalid', 'identity.email-taken'],
  'Plans.list': [],
  'Partners.list': [],
  'Partners.create': ['partners.pending-limit'],
  'Partners.read': [],
  'Partners.change': [],
  'Members.list': [],
  'Members.change': ['partners.member-not-found', 'identity.sole-owner'],
  'Members.remove': ['partners.member-not-found', 'identity.sole-owner'],
  'Members.leave': ['identity.sole-owner'],
  'Invitations.list': [],
  'Invitations.invite': ['partners.not-active', 'partners.already-member', 'partners.invitation-limit', 'partners.invitation-not-found'],
  'Invitations.withdraw': ['partners.invitation-not-found'],
  'Invitations.accept': ['partners.invitation-not-found', 'partners.not-found'],
  'ApiKeys.list': [],
  'ApiKeys.read': ['partners.key-not-found'],
  'ApiKeys.create': ['partners.key-limit', 'partners.not-active'],
  'ApiKeys.rotate': ['partners.key-not-found', 'partners.key-rotated', 'partners.key-limit', 'partners.not-active'],
  'ApiKeys.revoke': ['partners.key-not-found'],
  'PartnerClients.list': [],
  'PartnerClients.read': ['partners.client-not-found'],
  'PartnerClients.create': ['partners.client-limit', 'partners.not-active'],
  'PartnerClients.revoke': ['partners.client-not-found'],
  'Usage.list': [],
  'Approvals.list': [],
  'Approvals.read': ['partners.not-found'],
  'Approvals.approve': WRONG_STATUS,
  'Approvals.reject': WRONG_STATUS,
  'Approvals.suspend': WRONG_STATUS,
  'Approvals.changePlan': ['partners.not-found', 'partners.plan-not-found'],
}

const ANYWHERE = ['request.rate-limited', 'internal', 'service.overloaded', 'service.unavailable', 'service.timeout'] as const
const TOKEN = ['auth.token-missing', 'auth.token-invalid', 'auth.token-expired', 'auth.token-revoked', 'auth.scope-missing'] as const
const KEY = ['auth.api-key-malformed', 'auth.api-key-invalid', 'auth.address-not-allowed'] as const
const BODY = ['request.invalid', 'request.malformed-json', 'request.too-large', 'request.unsupported-media-type'] as const

/** Every code that an operation can answer with: its own, and what follows from its credentials, parameters and body. */
export const errorsOf = (operation: Facts): ErrorCode[] => {
  const { operationId = '', parameters = [], requestBody, security = [] } = operation
  const takes = (name: string) => parameters.some((parameter) => parameter.name === name)
  const scopes = security.flatMap((scheme) => scheme['oauth2'] ?? [])
  const codes: (ErrorCode | false)[] = [
    ...(OWN_ERRORS[operationId] ?? []),
    ...ANYWHERE,
    ...(scopes.length > 0 ? TOKEN : []),
    ...(security.some((scheme) => 'apiKey' in scheme) ? KEY : []),
    ...(requestBody === undefined ? [] : BODY),
    parameters.length > 0 && 'request.invalid',
    takes('cursor') && 'request.invalid-cursor',
    ...(takes('Idempotency-Key') ? (['request.idempotency-key-reused', 'request.idempotency-in-progress'] as const) : []),
    ...(takes('If-Match') ? (['request.precondition-required', 'request.precondition-failed'] as const) : []),
    (operation['x-max-age'] !== undefined || scopes.includes('ops')) && 'auth.step-up-needed',
    ...(operation['x-partner-role'] === undefined ? [] : (['auth.role-missing', 'partners.not-found', 'partners.ambiguous'] as const)),
  ]
  return [...new Set(codes.filter((code) => code !== false))]
}
