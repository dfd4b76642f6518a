import { AUDIENCE } from '@catamaran/contracts'
import {
  errors,
  interactionPolicy,
  type AccessToken,
  type Client,
  type ClientCredentials,
  type Configuration,
  type Grant,
  type KoaContextWithOIDC,
} from 'oidc-provider'
import * as pages from '../pages/oidc.pages.js'
import { CLIENT_SCOPES, scopesOf } from './clients.repository.js'
import { BUYER_SCOPES, SERVICES } from '@catamaran/contracts'

const MINUTE_S = 60
const ACCESS_TOKEN_S = 5 * MINUTE_S
const REMEMBERED_S = 30 * 24 * 60 * MINUTE_S

/** What OpenID Connect itself knows; they stand in an access token beside our own, for the userinfo endpoint. */
const IDENTITY_SCOPES = ['openid', 'email']

/** What a person can let a client have: of the client's own scopes those that concern buyers. */
const userScopesOf = (client: Client): string[] => [
  ...IDENTITY_SCOPES,
  ...scopesOf(client).filter((scope) => (BUYER_SCOPES as readonly string[]).includes(scope)),
]

/**
 * All clients of the code flow are our own, so nobody is asked which scopes to grant. But any program on a computer can pose as a native client
 * (RFC 8252 section 8.6), so a session alone does not sign one in: the person presses a button, unless the password was typed just now.
 */
const policy = (): interactionPolicy.DefaultPolicy => {
  const prompts = interactionPolicy.base()
  const { checks: loginChecks } = prompts.get('login') as interactionPolicy.Prompt
  loginChecks.add(
    new interactionPolicy.Check(
      'account_closed',
      'the account of the session is closed',
      'login_required',
      ({ oidc }) => oidc.session?.accountId !== undefined && oidc.entities.Account === undefined,
    ),
  )
  const { checks } = prompts.get('consent') as interactionPolicy.Prompt
  checks.remove('native_client_prompt')
  checks.add(
    new interactionPolicy.Check(
      'native_client_prompt',
      'native clients need the person to agree',
      'interaction_required',
      ({ oidc }) => oidc.client?.applicationType === 'native' && oidc.result?.login === undefined && oidc.result?.consent === undefined,
    ),
  )
  return prompts
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
const resourceServer = ({ oidc }: KoaContextWithOIDC, resource: string, client: Client) => {
  if (resource !== AUDIENCE) throw new errors.InvalidTarget(`the only resource is ${AUDIENCE}`)
  const isOwnGrant = oidc.params?.['grant_type'] === 'client_credentials'
  const allowed = isOwnGrant ? scopesOf(client) : userScopesOf(client)
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
  if (!('sessionUid' in token)) return { plan: 'standard' }
  const { acr, amr, authTime } = oidc.entities.RefreshToken ?? oidc.entities.AuthorizationCode ?? {}
  return { sid: token.sessionUid, plan: 'standard', acr, amr, auth_time: authTime }
}

/** What auth-service offers of OpenID Connect, as far as it needs nobody else. */
export const configuration = (issuer: string, cookieKeys: readonly string[]): Configuration => ({
  cookies: {
    keys: [...cookieKeys],
    names: { session: 'cat_session', interaction: 'cat_interaction', resume: 'cat_resume' },
    long: { httpOnly: true, sameSite: 'lax', signed: true },
    short: { httpOnly: true, sameSite: 'lax', signed: true },
  },
  extraClientMetadata: { properties: [CLIENT_SCOPES] },
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
  enabledJWA: { clientAuthSigningAlgValues: ['EdDSA', 'Ed25519'], idTokenSigningAlgValues: ['RS256'] },
  responseTypes: ['code'],
  scopes: IDENTITY_SCOPES,
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
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
    RefreshToken: REMEMBERED_S,
    Session: REMEMBERED_S,
    Grant: 2 * REMEMBERED_S, // outlives the last refresh token that was given under it
  },
  interactions: { url: (_ctx, { uid }) => `/account/sign-in/${uid}`, policy: policy() },
  loadExistingGrant: loadGrant,
  extraTokenClaims: (ctx, token) => claimsOf(ctx, token),
  renderError: pages.renderError,
  discovery: { userinfo_endpoint: `${issuer}/me` },
  features: {
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
      getResourceServerInfo: resourceServer,
    },
  },
})
