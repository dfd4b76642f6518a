/** The audience of every access token (RFC 8707 resource indicator and RFC 9068 `aud`). */
export const AUDIENCE = 'urn:catamaran:api'

/** What a buyer's access token may carry. */
export const BUYER_SCOPES = ['orders:read', 'orders:write', 'cart:write', 'notifications:read', 'account:read', 'account:write'] as const

/** What a person's token may carry besides: for the partners they are a member of, and for operators with a second factor. */
export const MEMBER_SCOPES = ['partner:read', 'partner:write'] as const
export const OPERATOR_SCOPES = ['ops'] as const

/** What a person can let a client have at most. */
export const USER_SCOPES = [...BUYER_SCOPES, ...MEMBER_SCOPES, ...OPERATOR_SCOPES] as const

/** What a partner's own access token may carry: an API key's or an OAuth client's. Keys can read about the partner but never make keys. */
export const PARTNER_SCOPES = ['catalogue', 'orders', 'webhooks', 'partner:read'] as const

export type Scope = (typeof USER_SCOPES)[number] | (typeof PARTNER_SCOPES)[number]

/** What a member of a partner may do, each role all that the ones before may: read; keys and clients; members and the partner itself. */
export const PARTNER_ROLES = ['viewer', 'developer', 'owner'] as const
export type PartnerRole = (typeof PARTNER_ROLES)[number]

/**
 * How surely a person was recognised, as the `acr` of their tokens: by one factor, or by two (a passkey with user verification counts as two,
 * NIST SP 800-63B-4 section 3.1.7).
 */
export const ACR = { single: 'urn:catamaran:acr:single', multi: 'urn:catamaran:acr:multi' } as const
export type Acr = (typeof ACR)[keyof typeof ACR]
