/** The services, as they are named in tokens, URLs, charts and logs. */
export const SERVICES = ['api-gateway', 'auth-service', 'core-service', 'aux-service'] as const
export type ServiceName = (typeof SERVICES)[number]

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'

export interface CallRule {
  /** The calling service, or `*` for each of them. */
  readonly from: ServiceName | '*'
  readonly to: ServiceName
  readonly purpose: string
  readonly methods: readonly HttpMethod[]
  /** Exact paths, or prefixes that end in `*`. */
  readonly paths: readonly string[]
  /** Whether the gateway passes the outside's requests on by this rule; the others it makes itself. Default false. */
  readonly isForwarded?: boolean
  /** False only where a service fetches what it needs to make its first token. */
  readonly serviceToken: boolean
}

const ALL_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

/**
 * Who calls whom, and for what: the one source of the services' guards and of the mesh's policies. What isn't in it is refused.
 * The caller's own access token travels in `Authorization`, the calling service's in `X-Service-Token`.
 */
export const CALLS: readonly CallRule[] = [
  {
    from: '*',
    to: 'auth-service',
    purpose: 'public keys and service tokens',
    methods: ['GET', 'POST'],
    paths: ['/oidc/jwks', '/oidc/token'],
    serviceToken: false,
  },
  {
    from: 'api-gateway',
    to: 'auth-service',
    purpose: 'sign-in, accounts, partners and their keys',
    methods: ALL_METHODS,
    paths: [
      ...['/oidc/*', '/account', '/account/*', '/v1/users', '/v1/users/*', '/v1/me', '/v1/me/*'],
      ...['/v1/plans', '/v1/partners', '/v1/partners/*', '/v1/partner', '/v1/partner/members', '/v1/partner/members/*'],
      ...['/v1/partner/invitations', '/v1/partner/invitations/*', '/v1/partner/api-keys', '/v1/partner/api-keys/*'],
      ...['/v1/partner/clients', '/v1/partner/clients/*', '/v1/partner/usage', '/v1/ops/partners', '/v1/ops/partners/*'],
      ...['/v1/ops/identity/outbox', '/v1/ops/identity/outbox/*'],
    ],
    isForwarded: true,
    serviceToken: true,
  },
  {
    from: 'api-gateway',
    to: 'auth-service',
    purpose: 'revocations, plans, the exchange of API keys, reports of usage',
    methods: ['GET', 'POST'],
    paths: ['/internal/gateway/state', '/internal/gateway/api-keys', '/internal/gateway/usage'],
    serviceToken: true,
  },
  {
    from: 'api-gateway',
    to: 'core-service',
    purpose: 'everything else under /v1',
    methods: ALL_METHODS,
    paths: ['/v1/*', '/v1/partner/products/import'],
    isForwarded: true,
    serviceToken: true,
  },
  {
    from: 'auth-service',
    to: 'core-service',
    purpose: "one person's data, for an export",
    methods: ['GET'],
    paths: ['/internal/people/*'],
    serviceToken: true,
  },
  {
    from: 'core-service',
    to: 'aux-service',
    purpose: "a buyer's notifications, one person's data for an export",
    methods: ['GET'],
    paths: ['/internal/notifications', '/internal/people/*'],
    serviceToken: true,
  },
  {
    from: 'core-service',
    to: 'aux-service',
    purpose: "a partner's webhook endpoints and deliveries",
    methods: ['GET', 'POST', 'PATCH', 'DELETE'],
    paths: ['/internal/webhooks', '/internal/webhooks/*'],
    serviceToken: true,
  },
  {
    from: 'aux-service',
    to: 'core-service',
    purpose: 'orders as they are now, for mails',
    methods: ['GET'],
    paths: ['/internal/orders'],
    serviceToken: true,
  },
  {
    from: 'core-service',
    to: 'aux-service',
    purpose: 'whether a buyer wants mails',
    methods: ['GET', 'PUT'],
    paths: ['/internal/notifications/preferences'],
    serviceToken: true,
  },
  {
    from: 'core-service',
    to: 'aux-service',
    purpose: 'dead letters and the outbox, for operators',
    methods: ['GET', 'POST'],
    paths: ['/internal/ops/*'],
    serviceToken: true,
  },
  {
    from: 'core-service',
    to: 'aux-service',
    purpose: "a partner's sales",
    methods: ['GET'],
    paths: ['/internal/sales'],
    serviceToken: true,
  },
  {
    from: 'core-service',
    to: 'auth-service',
    purpose: 'what plans allow',
    methods: ['GET'],
    paths: ['/v1/plans'],
    serviceToken: true,
  },
]

const pathMatches = (pattern: string, path: string): boolean =>
  pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path

/** Whether a rule is about this method and path (the path without its query). */
export const matchesCall = (rule: CallRule, method: string, path: string): boolean =>
  rule.methods.includes(method as HttpMethod) && rule.paths.some((pattern) => pathMatches(pattern, path))

/** The scope a service token needs to call a service; a service gets the scopes of its own rows. */
export const callScope = (to: ServiceName): string => `call:${to}`
export const callScopesOf = (from: ServiceName): string[] => [
  ...new Set(CALLS.filter((rule) => rule.serviceToken && rule.from === from).map((rule) => callScope(rule.to))),
]
