import { AUDIENCE } from '@catamaran/contracts'
import type { RunningSystem } from '@catamaran/stack'
import { Browser, recordSecret } from '@catamaran/testing'
import * as oauth from 'oauth4webapi'

const REDIRECT_URI = 'http://127.0.0.1:3999/callback'
/** The system of a test is on loopback, without TLS. */
const LOCAL = { [oauth.allowInsecureRequests]: true } as const

/** A person's app that knows OAuth and OpenID Connect by `oauth4webapi` alone, which checks each answer by the letter of its RFC. */
export class ThirdPartyApp {
  readonly client: oauth.Client = { client_id: 'catamaran-demo' }
  private readonly auth = oauth.None()

  private constructor(private readonly server: oauth.AuthorizationServer) {}

  /** By discovery. @throws OperationProcessingError when the metadata isn't what OpenID Connect Discovery demands */
  static async discover({ issuer }: Pick<RunningSystem, 'issuer'>): Promise<ThirdPartyApp> {
    const url = new URL(issuer)
    return new ThirdPartyApp(await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, LOCAL)))
  }

  get metadata(): oauth.AuthorizationServer {
    return this.server
  }

  /** The whole code flow, the ID token's signature included. `iss` of the answer (RFC 9207), `state` and `nonce` are checked on the way. */
  async signIn(email: string, password: string, scope: string): Promise<oauth.TokenEndpointResponse> {
    const [verifier, state, nonce] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState(), oauth.generateRandomNonce()]
    const start = new URL(this.server.authorization_endpoint ?? '')
    start.search = new URLSearchParams({
      ...{ client_id: this.client.client_id, redirect_uri: REDIRECT_URI, response_type: 'code', scope, state, nonce, resource: AUDIENCE },
      ...{ code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' },
    }).toString()
    const browser = new Browser()
    const page = await browser.open(start.href, { stopAt: REDIRECT_URI })
    const end = await browser.submit(page, { email, password }, REDIRECT_URI)
    const callback = oauth.validateAuthResponse(this.server, this.client, new URL(end.url), state)
    const args = [this.server, this.client, this.auth, callback, REDIRECT_URI, verifier, LOCAL] as const
    const answer = await oauth.authorizationCodeGrantRequest(...args)
    const checks = { expectedNonce: nonce, requireIdToken: true }
    const tokens = await oauth.processAuthorizationCodeResponse(this.server, this.client, answer, checks)
    await oauth.validateApplicationLevelSignature(this.server, answer, LOCAL)
    return tokens
  }

  async userInfo(accessToken: string, subject: string): Promise<oauth.UserInfoResponse> {
    const answer = await oauth.userInfoRequest(this.server, this.client, accessToken, LOCAL)
    return oauth.processUserInfoResponse(this.server, this.client, subject, answer)
  }

  async refresh(refreshToken: string): Promise<oauth.TokenEndpointResponse> {
    const answer = await oauth.refreshTokenGrantRequest(this.server, this.client, this.auth, refreshToken, LOCAL)
    return oauth.processRefreshTokenResponse(this.server, this.client, answer)
  }

  async revoke(token: string): Promise<void> {
    await oauth.processRevocationResponse(await oauth.revocationRequest(this.server, this.client, this.auth, token, LOCAL))
  }

  /** A call of the API with an access token. @throws WWWAuthenticateChallengeError for a 401 with a challenge */
  call(accessToken: string, method: string, url: string, body?: object): Promise<Response> {
    const headers = new Headers(body && { 'content-type': 'application/json' })
    return oauth.protectedResourceRequest(accessToken, method, new URL(url), headers, body && JSON.stringify(body), LOCAL)
  }

  /** A token by client credentials, of a client with a secret or with a key of its own. */
  async clientToken(client: oauth.Client, auth: oauth.ClientAuth, scope: string): Promise<oauth.TokenEndpointResponse> {
    const answer = await oauth.clientCredentialsGrantRequest(this.server, client, auth, new URLSearchParams({ scope }), LOCAL)
    const tokens = await oauth.processClientCredentialsResponse(this.server, client, answer)
    recordSecret('access token', tokens.access_token)
    return tokens
  }
}
