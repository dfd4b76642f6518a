import assert from 'node:assert/strict'
import { randomUUID, type JsonWebKey } from 'node:crypto'
import { importJWK, SignJWT } from 'jose'
import * as oidc from 'openid-client'
import { Browser } from './browser.js'
import type { Surroundings } from './system.js'

export const PASSWORD = 'seven sails over quiet water'
export const REDIRECT = 'http://127.0.0.1:53682/callback'
export const SCOPE = 'openid email orders:read orders:write cart:write'

let people = 0
export const newEmail = (): string => `sailor${++people}.${Date.now()}@example.com`

export const discover = (system: Surroundings): Promise<oidc.Configuration> =>
  oidc.discovery(new URL(system.issuer), 'catamaran-demo', undefined, oidc.None(), { execute: [oidc.allowInsecureRequests] })

export const postJson = (address: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(address, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) })

export const tokenOf = (text: string): string => /token=([\w-]+)/.exec(text)?.[1] ?? ''

/** Registers and confirms somebody; gives the email. */
export const register = async (system: Surroundings, email = newEmail()): Promise<string> => {
  assert.equal((await postJson(`${system.publicUrl}/v1/users`, { email, password: PASSWORD })).status, 202)
  const token = tokenOf((await system.mailbox.nextLike(email, /verify-email\?token/)).text)
  assert.equal((await postJson(`${system.publicUrl}/v1/users/verify-email`, { token })).status, 204)
  return email
}

export interface Authorisation {
  readonly config: oidc.Configuration
  readonly url: URL
  readonly checks: { pkceCodeVerifier: string; expectedState: string; expectedNonce: string; idTokenExpected: true }
}

export const authorisation = async (system: Surroundings, more: Record<string, string> = {}): Promise<Authorisation> => {
  const config = await discover(system)
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
  const [expectedState, expectedNonce] = [oidc.randomState(), oidc.randomNonce()]
  const url = oidc.buildAuthorizationUrl(config, {
    ...{ redirect_uri: REDIRECT, scope: SCOPE, state: expectedState, nonce: expectedNonce },
    ...{ code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256' },
    ...more,
  })
  return { config, url, checks: { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true } }
}

/** Opens the sign-in page of an authorisation; gives its address. */
export const openSignIn = async (browser: Browser, url: URL): Promise<string> => {
  const { at, response } = await browser.follow(await browser.go(url.href))
  assert.equal(response.status, 200, await response.text())
  return at.pathname
}

/** Signs in by the pages; gives the address that the client is called back with. */
export const signIn = async (browser: Browser, url: URL, email: string, password = PASSWORD): Promise<URL> => {
  const page = await openSignIn(browser, url)
  const { at } = await browser.follow(await browser.submit(page, { email, password }))
  assert.equal(at.origin, new URL(REDIRECT).origin)
  return at
}

/** The whole code flow for a registered person. */
export const tokensFor = async (system: Surroundings, email: string, browser = new Browser(system.publicUrl)) => {
  const { config, url, checks } = await authorisation(system)
  return { config, tokens: await oidc.authorizationCodeGrant(config, await signIn(browser, url, email), checks) }
}

/** Whether an error of openid-client is this error of OAuth. */
export const isOAuthError =
  (code: string) =>
  (error: unknown): boolean =>
    (error as { error?: string }).error === code

/** The form fields by which a service shows who it is (private_key_jwt). */
export const assertionOf = async (service: string, jwk: JsonWebKey, audience: string, alg = 'EdDSA'): Promise<Record<string, string>> => ({
  client_id: service,
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: await new SignJWT()
    .setProtectedHeader({ alg })
    .setIssuer(service)
    .setSubject(service)
    .setAudience(audience)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime('30s')
    .sign(await importJWK(jwk, alg)),
})
