import assert from 'node:assert/strict'
import { Secret, TOTP } from 'otpauth'
import * as oidc from 'openid-client'
import { Authenticator, type Ceremony } from './authenticator.js'
import { Browser } from './browser.js'
import { authorisation, openSignIn, PASSWORD, register, signIn } from './journey.js'
import type { Surroundings } from './system.js'

export const ACCOUNT_SCOPE = 'openid email account:read account:write'

/** What an API call answered. */
export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
  readonly challenge: string | null
}

/** Somebody who is signed in and calls the API. */
export interface Person {
  readonly email: string
  readonly browser: Browser
  readonly call: (method: string, path: string, body?: unknown) => Promise<Answer>
}

export const callerOf =
  (system: Surroundings, token: string) =>
  async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(system.publicUrl + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
      challenge: response.headers.get('www-authenticate'),
    }
  }

/** Registers somebody and signs them in with the password. */
export const newPerson = async (system: Surroundings): Promise<Person> => {
  const email = await register(system)
  const browser = new Browser(system.publicUrl)
  const { config, url, checks } = await authorisation(system, { scope: ACCOUNT_SCOPE })
  const tokens = await oidc.authorizationCodeGrant(config, await signIn(browser, url, email), checks)
  return { email, browser, call: callerOf(system, tokens.access_token) }
}

/** The code that an app shows at a time. */
export const codeOf = (secret: unknown, atMs: number): string =>
  new TOTP({ secret: Secret.fromBase32(String(secret)) }).generate({ timestamp: atMs })

/** Switches codes on; gives the secret and the recovery codes. */
export const switchOn = async ({ call }: Person, atMs: number): Promise<{ secret: string; codes: string[] }> => {
  const { body } = await call('POST', '/v1/me/totp')
  const confirmed = await call('POST', '/v1/me/totp/confirm', { code: codeOf(body['secret'], atMs) })
  assert.equal(confirmed.status, 200, JSON.stringify(confirmed.body))
  return { secret: String(body['secret']), codes: confirmed.body['codes'] as string[] }
}

/** Adds a passkey by the API. */
export const addPasskey = async ({ call }: Person, authenticator: Authenticator, name = 'My phone'): Promise<Answer> => {
  const { body } = await call('POST', '/v1/me/passkeys/options')
  return call('POST', '/v1/me/passkeys', { name, credential: authenticator.create(body as unknown as Ceremony) })
}

/** What the passkey form of a page asks the browser with. */
export const optionsOf = (page: string): Ceremony => {
  const [, text = ''] = /data-options="([^"]+)"/.exec(page) ?? []
  return JSON.parse(text.replaceAll('&quot;', '"').replaceAll('&amp;', '&')) as Ceremony
}

/** Opens a sign-in, and gives its address and page. */
export const openPage = async (browser: Browser, url: URL): Promise<{ at: string; page: string }> => {
  const { at, response } = await browser.follow(await browser.go(url.href))
  return { at: at.pathname, page: await response.text() }
}

/** Types the password; gives the page that follows. */
export const typePassword = async (browser: Browser, url: URL, email: string): Promise<{ at: URL; page: string }> => {
  const { at, response } = await browser.follow(await browser.submit(await openSignIn(browser, url), { email, password: PASSWORD }))
  return { at, page: await response.text() }
}
