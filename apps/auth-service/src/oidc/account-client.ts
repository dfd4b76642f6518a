import type { ClientMetadata } from 'oidc-provider'

/** The account page as a client of our own sign-in: it wants the browser's session and no token, so its codes are never redeemed. */
export const ACCOUNT_CLIENT = 'catamaran-account'

export const SIGNED_IN_PATH = '/account/signed-in'

/** In code, since its address is the issuer's own. */
export const accountClient = (issuer: string): ClientMetadata => ({
  client_id: ACCOUNT_CLIENT,
  client_name: 'your account',
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code'],
  response_types: ['code'],
  redirect_uris: [new URL(SIGNED_IN_PATH, issuer).href],
})
