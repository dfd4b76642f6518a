/** The audience of every access token (RFC 8707 resource indicator and RFC 9068 `aud`). */
export const AUDIENCE = 'urn:catamaran:api'

/** What a buyer's access token may carry. */
export const BUYER_SCOPES = ['orders:read', 'orders:write', 'cart:write', 'notifications:read', 'account:write'] as const

/** What a partner's access token may carry. */
export const PARTNER_SCOPES = ['catalogue', 'orders', 'webhooks'] as const

export type Scope = (typeof BUYER_SCOPES)[number] | (typeof PARTNER_SCOPES)[number]
