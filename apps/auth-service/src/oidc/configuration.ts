import { ACR, AUDIENCE, OPERATOR_SCOPES, SERVICES, USER_SCOPES } from '@catamaran/contracts'
import {
  errors,
  type AccessToken,
  type Client,
  type ClientCredentials,
  type Configuration,
  type Grant,
  type KoaContextWithOIDC,
} from 'oidc-provider'
import * as pages from '../pages/oidc.pages.js'
import { accountClient } from './account-client.js'
import { CLIENT_PARTNER, CLIENT_SCOPES, partnerOf, scopesOf } from './clients.repository.js'
import { policy } from './interaction-policy.js'
import { speakForPartner } from './partner-tokens.js'

const MINUTE_S = 60
const ACCESS_TOKEN_S = 5 * MINUTE_S

/** What OpenID Connect itself knows; they stand in an access token beside our own, for the userinfo endpoint. */
const IDENTITY_SCOPES = ['openid', 'email']

type IsOperator = (accountId: string) => Promise<boolean>

const isOperatorScope = (scope: string): boolean => (OPERATOR_SCOPES as readonly string[]).includes(scope)

/** What a person can let a client have at most: of the client's own scopes those that concern people. */
const userScopesOf = (client: Client): string[] => [
  ...IDENTITY_SCOPES,
  ...scopesOf(client).filter((scope) => (USER_SCOPES as readonly string[]).includes(scope)),
]

/**
 * What of it a token may carry now: operators' scopes only for an operator who showed two factors. Asked anew for each token, so that neither
 * an old grant nor a refresh token carries what is no longer due.
 */
const dueScopesOf = async ({ oidc }: KoaContextWithOIDC, client: Client, isOperator: IsOperator): Promise<string[]> => {
  const scopes = userScopesOf(client)
  if (!scopes.some(isOperatorScope)) return scopes
  const source = oidc.entities.RefreshToken ?? oidc.entities.AuthorizationCode ?? (oidc.session as typeof oidc.session | undefined)
  const isDue = source?.acr === ACR.multi && source.accountId !== undefined && (await isOperator(source.accountId))
  return isDue ? scopes : scopes.filter((scope) => !isOperatorScope(scope))
}

/** The grant of this session and client, made where there is none: first-party clients get what they may have. */
const loadGrant = async ({ oidc }: KoaContextWithOIDC): Promise<Grant | undefined> => {
  const { client, session, provider } = oidc
  if (client === undefined || session?.accountId === undefined) return undefined
  const grantId = session.grantIdFor(client.clientId)
  const found = grantId === undefined ? undefined : await provider.Grant.find(grantId)
  const wanted = userScopesOf(client).join(' ')
  if (found?.accountId === session.accountId && found.getResourceScope(AUDIENCE) === wanted) return found
  const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId })
  grant.addOIDCScope(IDENTITY_SCOPES.join(' '))
  grant.addResourceScope(AUDIENCE, wanted)
  await grant.save()
  return grant
}

/** The one resource server there is, with the scopes that this client may have there. */
const resourceServer = async (ctx: KoaContextWithOIDC, resource: string, client: Client, isOperator: IsOperator) => {
  const { oidc } = ctx
  if (resource !== AUDIENCE) throw new errors.InvalidTarget(`the only resource is ${AUDIENCE}`)
  const isOwnGrant = oidc.params?.['grant_type'] === 'client_credentials'
  const allowed = isOwnGrant ? scopesOf(client) : await dueScopesOf(ctx, client, isOperator)
  if (isOwnGrant && oidc.params !== undefined) {
    const asked = typeof oidc.params['scope'] === 'string' ? oidc.params['scope'].split(' ') : allowed
    const excess = asked.filter((scope) => !allowed.includes(scope))
    if (excess.length > 0) throw new errors.InvalidScope('the client may not have this scope', excess.join(' '))
    oidc.params['scope'] = asked.join(' ')
  }
  return {
    scope: allowed.join(' '),
    audience: AUDIENCE,
    accessTokenFormat: 'jwt' as const,
    accessTokenTTL: ACCESS_TOKEN_S,
    jwt: { sign: { alg: 'EdDSA' as const } },
  }
}

/** `sid` names the session, for revocations; `plan` the limits; the others how and when a person signed in (RFC 9068, section 2.2.1). */
const claimsOf = ({ oidc }: KoaContextWithOIDC, token: AccessToken | ClientCredentials): Record<string, unknown> | undefined => {
  if ((SERVICES as readonly string[]).includes(token.clientId ?? '')) return undefined
  if (!('sessionUid' in token)) return { plan: partnerOf(oidc.client)?.plan ?? 'standard' }
  const { acr, amr, authTime } = oidc.entities.RefreshToken ?? oidc.entities.AuthorizationCode ?? {}
  return { sid: token.sessionUid, plan: 'standard', acr, amr, auth_time: authTime }
}

/** Where there is TLS browsers hold the names to it (RFC 6265bis, section 4.1.3); interactions have a path of their own, so they can't be `__Host-`. */
const cookieNames = (isSecure: boolean) => {
  const [host, secure] = isSecure ? ['__Host-', '__Secure-'] : ['', '']
  return { session: `${host}cat_session`, interaction: `${secure}cat_interaction`, resume: `${secure}cat_resume` }
}

const features = (isOperator: IsOperator): Configuration['features'] => ({
  devInteractions: { enabled: false },
  dPoP: { enabled: false },
  pushedAuthorizationRequests: { enabled: false },
  userinfo: { enabled: false }, // ours takes the one access token there is: userinfo.controller.ts
  clientCredentials: { enabled: true },
  revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
  rpInitiatedLogout: { enabled: true, logoutSource: pages.renderSignOut, postLogoutSuccessSource: pages.renderSignedOut },
  resourceIndicators: {
    enabled: true,
    defaultResource: () => AUDIENCE,
    useGrantedResource: () => true,
    getResourceServerInfo: (ctx, resource, client) => resourceServer(ctx, resource, client, isOperator),
  },
})

/** What auth-service offers of OpenID Connect, as far as it needs nobody else. */
export const configuration = (
  issuer: string,
  cookieKeys: readonly string[],
  rememberedS: number,
  isOperator: IsOperator,
): Configuration => ({
  cookies: {
    keys: [...cookieKeys],
    names: cookieNames(issuer.startsWith('https:')),
    long: { httpOnly: true, sameSite: 'lax', signed: true },
    short: { httpOnly: true, sameSite: 'lax', signed: true },
  },
  clients: [accountClient(issuer)],
  extraClientMetadata: { properties: [CLIENT_SCOPES, CLIENT_PARTNER] },
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
  enabledJWA: { clientAuthSigningAlgValues: ['EdDSA', 'Ed25519'], idTokenSigningAlgValues: ['RS256'] },
  acrValues: [ACR.single, ACR.multi],
  responseTypes: ['code'],
  scopes: IDENTITY_SCOPES,
  claims: { openid: ['sub', 'auth_time', 'acr', 'amr'], email: ['email', 'email_verified'] },
  pkce: { required: () => true },
  allowOmittingSingleRegisteredRedirectUri: false,
  rotateRefreshToken: true,
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  expiresWithSession: () => true,
  ttl: {
    AccessToken: ACCESS_TOKEN_S,
    ClientCredentials: ACCESS_TOKEN_S,
    AuthorizationCode: MINUTE_S,
    IdToken: 60 * MINUTE_S,
    Interaction: 60 * MINUTE_S,
    RefreshToken: rememberedS,
    Session: rememberedS,
    Grant: 2 * rememberedS, // outlives the last refresh token that was given under it
  },
  interactions: { url: (_ctx, { uid }) => `/account/sign-in/${uid}`, policy: policy() },
  loadExistingGrant: loadGrant,
  extraTokenClaims: (ctx, token) => claimsOf(ctx, token),
  formats: { customizers: { jwt: speakForPartner } },
  renderError: pages.renderError,
  discovery: { userinfo_endpoint: `${issuer}/me` },
  features: features(isOperator),
})
