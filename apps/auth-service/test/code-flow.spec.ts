import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { AUDIENCE } from '@catamaran/contracts'
import { TokenVerifier } from '@catamaran/platform'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import * as oidc from 'openid-client'
import { Browser } from './browser.js'
import { authorisation, isOAuthError, openSignIn, PASSWORD, register, signIn, tokensFor } from './journey.js'
import { startAuth, type AuthSystem } from './system.js'

describe('the authorization code flow', () => {
  let system: AuthSystem
  let email: string
  before(async () => {
    system = await startAuth('code flow')
    email = await register(system)
  })
  after(() => system.close())

  it('signs somebody in with PKCE, state and nonce, and gives tokens that the services accept', async () => {
    const { config, tokens } = await tokensFor(system, email)
    const claims = await new TokenVerifier({ issuer: system.issuer, jwksUrl: `${system.issuer}/jwks` }).verify(tokens.access_token)
    assert.match(claims.sub, /^usr_/)
    assert.equal(claims.clientId, 'catamaran-demo')
    assert.equal(claims.plan, 'standard')
    assert.ok(claims.sid)
    assert.equal(tokens.expires_in, 300)
    const header = decodeProtectedHeader(tokens.access_token)
    assert.deepEqual([header.alg, header.typ], ['EdDSA', 'at+jwt'])
    const keys = createRemoteJWKSet(new URL(`${system.issuer}/jwks`))
    const { payload } = await jwtVerify(tokens.access_token, keys, { audience: AUDIENCE })
    assert.equal(payload['scope'], 'openid email orders:read orders:write cart:write')
    assert.equal(decodeProtectedHeader(tokens.id_token ?? '').alg, 'RS256')
    assert.equal(tokens.claims()?.sub, claims.sub)
    const userInfo = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub)
    assert.deepEqual({ ...userInfo }, { sub: claims.sub, email, email_verified: true })
  })

  it('names public addresses only in its metadata, and offers S256 and EdDSA', async () => {
    const metadata = (await (await fetch(`${system.issuer}/.well-known/openid-configuration`)).json()) as Record<string, unknown>
    const addresses = Object.entries(metadata).filter(([name]) => /_endpoint$|_uri$/.test(name))
    assert.ok(addresses.length >= 6)
    for (const [name, address] of addresses) assert.ok(String(address).startsWith(`${system.issuer}/`), `${name}: ${String(address)}`)
    assert.deepEqual(metadata['code_challenge_methods_supported'], ['S256'])
    assert.deepEqual(metadata['id_token_signing_alg_values_supported'], ['RS256'])
    assert.deepEqual(metadata['token_endpoint_auth_signing_alg_values_supported'], ['EdDSA', 'Ed25519'])
  })

  it('refuses a code with the wrong PKCE verifier', async () => {
    const { config, url, checks } = await authorisation(system)
    const callback = await signIn(new Browser(system.publicUrl), url, email)
    const wrong = { ...checks, pkceCodeVerifier: oidc.randomPKCECodeVerifier() }
    await assert.rejects(oidc.authorizationCodeGrant(config, callback, wrong), isOAuthError('invalid_grant'))
  })

  it('refuses a code that was used, and ends the family of tokens it gave', async () => {
    const { config, url, checks } = await authorisation(system)
    const callback = await signIn(new Browser(system.publicUrl), url, email)
    const tokens = await oidc.authorizationCodeGrant(config, callback, checks)
    await assert.rejects(oidc.authorizationCodeGrant(config, callback, checks), isOAuthError('invalid_grant'))
    await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token ?? ''), isOAuthError('invalid_grant'))
  })

  it('gives tokens once for a code that is sent twice at the same time', async () => {
    const { config, url, checks } = await authorisation(system)
    const callback = await signIn(new Browser(system.publicUrl), url, email)
    const grants = await Promise.allSettled([1, 2, 3].map(() => oidc.authorizationCodeGrant(config, callback, checks)))
    assert.ok(grants.filter(({ status }) => status === 'fulfilled').length <= 1)
  })

  it('demands PKCE with S256', async () => {
    const { url } = await authorisation(system)
    for (const change of [{ code_challenge: '' }, { code_challenge_method: 'plain' }]) {
      const asked = new URL(url)
      for (const [name, value] of Object.entries(change)) {
        if (value === '') asked.searchParams.delete(name)
        else asked.searchParams.set(name, value)
      }
      const answer = await new Browser(system.publicUrl).go(asked.href)
      assert.equal(new URL(answer.headers.get('location') ?? '').searchParams.get('error'), 'invalid_request')
    }
  })

  it('demands PKCE of a client with a secret too', async () => {
    await system.database.query(
      `insert into oidc_client (id, name, application_type, auth_method, secret_hash, grant_types, redirect_uris, scopes)
        values ('web-shop', 'Web shop', 'web', 'client_secret', 'sha256$' || repeat('A', 43), '{authorization_code}', '{https://shop.example/callback}', '{}')`,
    )
    const { url } = await authorisation(system, { client_id: 'web-shop', redirect_uri: 'https://shop.example/callback' })
    assert.match((await new Browser(system.publicUrl).go(url.href)).headers.get('location') ?? '', /^\/account\/sign-in\//)
    url.searchParams.delete('code_challenge')
    url.searchParams.delete('code_challenge_method')
    const refused = await new Browser(system.publicUrl).go(url.href)
    assert.equal(new URL(refused.headers.get('location') ?? '').searchParams.get('error'), 'invalid_request')
  })

  it('sends nobody to an address that is not registered, and takes any port on the loopback', async () => {
    for (const [address, isGood] of [
      ['http://127.0.0.1:1/callback', true],
      ['http://127.0.0.1/callback', true],
      ['http://127.0.0.1:1/callback/more', false],
      ['http://127.0.0.1.evil.example/callback', false],
      ['https://127.0.0.1/callback', false],
      ['http://localhost:1/callback', false],
    ] as const) {
      const { url } = await authorisation(system, { redirect_uri: address })
      const answer = await new Browser(system.publicUrl).go(url.href)
      assert.equal(answer.status, isGood ? 303 : 400, address)
      if (!isGood) assert.match(await answer.text(), /<h1>This sign-in can’t go on<\/h1>/)
    }
  })

  it('asks somebody who is signed in to let a native client go on, and takes no for an answer', async () => {
    const browser = new Browser(system.publicUrl)
    await signIn(browser, (await authorisation(system)).url, email)
    const silent = await browser.go((await authorisation(system, { prompt: 'none' })).url.href)
    assert.equal(new URL(silent.headers.get('location') ?? '').searchParams.get('error'), 'interaction_required')

    const second = await authorisation(system)
    const { response, at } = await browser.follow(await browser.go(second.url.href))
    const page = await response.text()
    assert.match(page, /Continue to Catamaran demo\?/)
    assert.ok(page.includes(email))
    const { at: callback } = await browser.follow(await browser.submit(`${at.pathname}/continue`, {}))
    assert.ok((await oidc.authorizationCodeGrant(second.config, callback, second.checks)).access_token)

    const third = await openSignIn(browser, (await authorisation(system)).url)
    const { at: refused } = await browser.follow(await browser.submit(`${third}/cancel`, {}))
    assert.equal(refused.searchParams.get('error'), 'access_denied')
  })

  it('leaves nothing to who planted a session cookie before the sign-in', async () => {
    const attacker = new Browser(system.publicUrl)
    await attacker.go('/oidc/session/end')
    const planted = attacker.cookie('cat_session')
    assert.ok(planted, 'a session without a person')
    const victim = new Browser(system.publicUrl)
    victim.plant(attacker)
    await signIn(victim, (await authorisation(system)).url, email)
    assert.notEqual(victim.cookie('cat_session'), planted)
    const { response } = await attacker.follow(await attacker.go((await authorisation(system)).url.href))
    assert.match(await response.text(), /<h1>Sign in<\/h1>/)
  })

  it('takes the form of a sign-in from its own page only, and only with its cookie', async () => {
    const browser = new Browser(system.publicUrl)
    const page = await openSignIn(browser, (await authorisation(system)).url)
    const form = { email, password: PASSWORD }
    assert.equal((await browser.submit(page, form, 'https://evil.example')).status, 400)
    assert.equal((await browser.submit(page, form, 'null')).status, 400)
    const stranger = await new Browser(system.publicUrl).submit(page, form)
    assert.equal(stranger.status, 400)
    assert.match(await stranger.text(), /This sign-in has expired/)
    assert.equal((await browser.submit(page, form)).status, 303)
  })

  it('keeps the pages under a policy that lets nothing in but their own style, and a script of our own where passkeys need it', async () => {
    const browser = new Browser(system.publicUrl)
    const signInPage = await browser.follow(await browser.go((await authorisation(system)).url.href))
    const policy = signInPage.response.headers.get('content-security-policy') ?? ''
    assert.match(
      policy,
      /default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self' http:\/\/127\.0\.0\.1:53682;/,
    )
    assert.doesNotMatch(policy, /unsafe/)
    assert.equal(signInPage.response.headers.get('cache-control'), 'no-store')
    const page = await signInPage.response.text()
    assert.doesNotMatch(page, /<script(?! src)|style=|onclick/)
    const loaded = [...page.matchAll(/(?:href|src)="(\/account\/assets\/[^"]+)"/g)].map(([, path]) => fetch(system.publicUrl + path))
    assert.deepEqual(
      (await Promise.all(loaded)).map(({ status, headers }) => [status, headers.get('content-type')]),
      [
        [200, 'image/svg+xml; charset=utf-8'],
        [200, 'text/css; charset=utf-8'],
        [200, 'text/javascript; charset=utf-8'],
      ],
    )
    const plain = await browser.go('/account/sign-up')
    assert.doesNotMatch(plain.headers.get('content-security-policy') ?? '', /script-src|unsafe/)
    assert.doesNotMatch(await plain.text(), /<script/)
  })

  it('signs out: the session and its refresh tokens end, after the person has agreed', async () => {
    const browser = new Browser(system.publicUrl)
    const { config, tokens } = await tokensFor(system, email, browser)
    const url = oidc.buildEndSessionUrl(config, {
      post_logout_redirect_uri: 'http://127.0.0.1:53682/signed-out',
      id_token_hint: tokens.id_token ?? '',
    })
    const page = await (await browser.go(url.href)).text()
    assert.match(page, /<h1>Sign out\?<\/h1>/)
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page)?.[1] ?? ''
    const action = /action="([^"]+)"/.exec(page)?.[1] ?? ''
    const answer = await browser.submit(action, { xsrf, logout: 'yes' })
    assert.equal(answer.headers.get('location'), 'http://127.0.0.1:53682/signed-out')
    await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token ?? ''), isOAuthError('invalid_grant'))
  })

  it('asks for a new sign-in once the account of a session is gone', async () => {
    const gone = await register(system)
    const { config, tokens } = await tokensFor(system, gone)
    await system.database.query('delete from user_account where email = $1', [gone])
    await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token ?? ''), isOAuthError('invalid_grant'))
    const userInfo = await fetch(`${system.issuer}/me`, { headers: { authorization: `Bearer ${tokens.access_token}` } })
    assert.equal(userInfo.status, 401)
  })
})
