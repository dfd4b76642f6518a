import assert from 'node:assert/strict'
import { TokenVerifier } from '@catamaran/platform'
import * as oidc from 'openid-client'
import { Browser } from './browser.js'
import { authorisation, isOAuthError, PASSWORD, register, SCOPE, signIn } from './journey.js'
import type { AuthSystem } from './system.js'

/** What an answer says, and its body. */
export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
  readonly headers: Headers
}

/** Somebody who has signed in, in a browser of their own, with the scopes of an account page. */
export class Person {
  private constructor(
    private readonly system: AuthSystem,
    readonly email: string,
    readonly browser: Browser,
    private readonly config: oidc.Configuration,
    private tokens: { access_token: string; refresh_token?: string | undefined },
  ) {}

  static async signIn(system: AuthSystem, email: string, browser = new Browser(system.publicUrl), password = PASSWORD): Promise<Person> {
    const { config, url, checks } = await authorisation(system, { scope: `${SCOPE} account:read account:write` })
    const tokens = await oidc.authorizationCodeGrant(config, await signIn(browser, url, email, password), checks)
    return new Person(system, email, browser, config, tokens)
  }

  static async register(system: AuthSystem): Promise<Person> {
    return Person.signIn(system, await register(system))
  }

  get accessToken(): string {
    return this.tokens.access_token
  }

  async claims() {
    return new TokenVerifier({ issuer: this.system.issuer, jwksUrl: `${this.system.issuer}/jwks` }).verify(this.accessToken)
  }

  async sid(): Promise<string> {
    return (await this.claims()).sid ?? ''
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const answer = await fetch(`${this.system.publicUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.accessToken}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>), headers: answer.headers }
  }

  /** Gets new tokens for the refresh token. */
  async refresh(): Promise<void> {
    this.tokens = await oidc.refreshTokenGrant(this.config, this.tokens.refresh_token ?? '')
  }

  async isSignedOut(): Promise<void> {
    await assert.rejects(this.refresh(), isOAuthError('invalid_grant'))
  }

  /** The sessions that a gateway is told of as ended. */
  async isRevoked(): Promise<boolean> {
    const { rows } = await this.system.database.query('select from revocation where kind = $1 and subject = $2 and expires_at > now()', [
      'session',
      await this.sid(),
    ])
    return rows.length > 0
  }
}
