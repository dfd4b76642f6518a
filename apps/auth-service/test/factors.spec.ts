import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { SettableClock } from '@catamaran/testing'
import { decodeJwt } from 'jose'
import * as oidc from 'openid-client'
import { Authenticator } from './authenticator.js'
import { Browser } from './browser.js'
import { addPasskey, codeOf, newPerson, openPage, optionsOf, switchOn, typePassword, type Person } from './factors.js'
import { authorisation, openSignIn, PASSWORD, register } from './journey.js'
import { startAuth, type AuthSystem } from './system.js'

const MULTI = 'urn:catamaran:acr:multi'
const SINGLE = 'urn:catamaran:acr:single'
const STEP_MS = 30_000

describe('second factors at sign-in', () => {
  const clock = new SettableClock()
  let system: AuthSystem
  before(async () => {
    system = await startAuth('factors', { now: clock.now })
  })
  after(() => system.close())

  const newBrowser = () => new Browser(system.publicUrl)
  /** The code after the last one that was made. */
  const nextCode = (secret: string): string => {
    clock.advance(STEP_MS)
    return codeOf(secret, clock.now())
  }
  const withCodes = async (): Promise<{ person: Person; secret: string; codes: string[] }> => {
    const person = await newPerson(system)
    return { person, ...(await switchOn(person, clock.now())) }
  }
  /** The whole sign-in with password and code. */
  const signInWithCode = async (email: string, secret: string, more: Record<string, string> = {}, browser = newBrowser()) => {
    const { config, url, checks } = await authorisation(system, more)
    const { at } = await typePassword(browser, url, email)
    const { at: callback } = await browser.follow(await browser.submit(at.pathname, { code: nextCode(secret) }))
    return { config, browser, tokens: await oidc.authorizationCodeGrant(config, callback, checks) }
  }
  const errorOf = (at: URL): [string | null, string | null] => [at.searchParams.get('error'), at.searchParams.get('error_description')]
  const scopesOf = ({ access_token: token }: { access_token: string }) => String(decodeJwt(token)['scope']).split(' ')

  describe('that are switched on', () => {
    it('are asked for after the password, and the sign-in is not finished before', async () => {
      const { person, secret } = await withCodes()
      const browser = newBrowser()
      const { config, url, checks } = await authorisation(system)
      const { at, page } = await typePassword(browser, url, person.email)
      assert.match(at.pathname, /^\/account\/sign-in\/[\w-]+\/code$/)
      assert.match(page, /autocomplete="one-time-code"/)

      const uid = at.pathname.split('/')[3] ?? ''
      const skipped = await browser.follow(await browser.go(`/oidc/auth/${uid}`))
      assert.match(await skipped.response.text(), /<h1>Sign in<\/h1>/, 'going on without a code starts anew')

      const { at: again } = await typePassword(browser, url, person.email)
      const wrong = await browser.submit(again.pathname, { code: '000000' })
      assert.equal(wrong.status, 422)
      assert.match(await wrong.text(), /role="alert"|aria-invalid="true"/)
      const { at: callback } = await browser.follow(await browser.submit(again.pathname, { code: nextCode(secret) }))
      const tokens = await oidc.authorizationCodeGrant(config, callback, checks)
      for (const token of [tokens.access_token, tokens.id_token ?? '']) {
        const { acr, amr } = decodeJwt(token)
        assert.deepEqual([acr, amr], [MULTI, ['pwd', 'otp', 'mfa']])
      }
      const refreshed = decodeJwt((await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')).access_token)
      assert.deepEqual([refreshed['acr'], refreshed['amr']], [MULTI, ['pwd', 'otp', 'mfa']])
    })

    it('ask nobody who has not typed the password in this very sign-in', async () => {
      const { person, secret } = await withCodes()
      const first = newBrowser()
      await typePassword(first, (await authorisation(system)).url, person.email)
      const page = await openSignIn(first, (await authorisation(system)).url)
      for (const answer of [await first.go(`${page}/code`), await first.submit(`${page}/code`, { code: nextCode(secret) })])
        assert.deepEqual([answer.status, answer.headers.get('location')], [303, page])
    })

    it('take a recovery code once in place of a code', async () => {
      const { person, codes } = await withCodes()
      const [code = ''] = codes
      for (const expected of [303, 422]) {
        const browser = newBrowser()
        const { at } = await typePassword(browser, (await authorisation(system)).url, person.email)
        assert.equal((await browser.submit(at.pathname, { code })).status, expected)
      }
    })

    it('take a passkey instead, but only one of the same person', async () => {
      const { person } = await withCodes()
      const [own, others] = [new Authenticator(system.publicUrl), new Authenticator(system.publicUrl)]
      await addPasskey(person, own)
      await addPasskey(await newPerson(system), others)
      const browser = newBrowser()
      const { at, page } = await typePassword(browser, (await authorisation(system)).url, person.email)
      const passkey = at.pathname.replace(/code$/, 'passkey')
      const wrong = await browser.submit(passkey, { credential: JSON.stringify(others.get(optionsOf(page))) })
      assert.equal(wrong.status, 422)
      const { page: again } = await openPage(browser, at)
      assert.equal((await browser.submit(passkey, { credential: JSON.stringify(own.get(optionsOf(again))) })).status, 303)
    })

    it('stop after five wrong codes, also with a new sign-in', async () => {
      const { person, secret } = await withCodes()
      const browser = newBrowser()
      const { at } = await typePassword(browser, (await authorisation(system)).url, person.email)
      for (let tries = 0; tries < 5; tries++) assert.equal((await browser.submit(at.pathname, { code: '000000' })).status, 422)
      const again = await typePassword(newBrowser(), (await authorisation(system)).url, person.email)
      assert.match(again.at.pathname, /\/code$/)
      const refused = await browser.submit(at.pathname, { code: nextCode(secret) })
      assert.equal(refused.status, 429)
      assert.ok(Number(refused.headers.get('retry-after')) > 800)
    })
  })

  describe('that a client asks for', () => {
    it('are named in the metadata', async () => {
      const metadata = (await (await fetch(`${system.issuer}/.well-known/openid-configuration`)).json()) as Record<string, unknown>
      assert.deepEqual(metadata['acr_values_supported'], [SINGLE, MULTI])
    })

    it('are all that somebody is asked for who is signed in, and the session looks no younger for it', async () => {
      const person = await newPerson(system)
      const { secret } = await switchOn(person, clock.now())
      const silent = await authorisation(system, { acr_values: MULTI, prompt: 'none' })
      const { at: refused } = await person.browser.follow(await person.browser.go(silent.url.href))
      assert.equal(errorOf(refused)[0], 'login_required')

      clock.advance(60_000)
      const { config, url, checks } = await authorisation(system, { acr_values: MULTI })
      const { at, page } = await openPage(person.browser, url)
      assert.match(at, /\/code$/)
      assert.doesNotMatch(page, /type="password"/)
      const { at: callback } = await person.browser.follow(await person.browser.submit(at, { code: nextCode(secret) }))
      const claims = decodeJwt((await oidc.authorizationCodeGrant(config, callback, checks)).access_token)
      assert.deepEqual([claims['acr'], claims['amr']], [MULTI, ['pwd', 'otp', 'mfa']])
      assert.ok(clock.now() / 1_000 - Number(claims['auth_time']) >= 60)
      assert.match((await openPage(person.browser, url)).page, /Continue to Catamaran demo/, 'not asked for twice')
    })

    it('can’t be had from who has none, signed in or not', async () => {
      const person = await newPerson(system)
      const { url } = await authorisation(system, { acr_values: MULTI })
      const { at: signedIn } = await person.browser.follow(await person.browser.go(url.href))
      const { at: anew } = await typePassword(newBrowser(), url, person.email)
      for (const at of [signedIn, anew])
        assert.deepEqual(errorOf(at), ['unmet_authentication_requirements', 'the person has no second factor'])
    })

    it('are not asked for where one factor would do as well', async () => {
      const email = await register(system)
      const { url } = await authorisation(system, { acr_values: `${MULTI} ${SINGLE}` })
      const { at } = await typePassword(newBrowser(), url, email)
      assert.ok(at.searchParams.get('code'))
    })

    it('come from a passkey where there are no codes', async () => {
      const person = await newPerson(system)
      const authenticator = new Authenticator(system.publicUrl)
      await addPasskey(person, authenticator)
      const { url } = await authorisation(system, { acr_values: MULTI })
      const { at, page } = await openPage(person.browser, url)
      assert.match(page, /This needs your passkey/)
      const credential = JSON.stringify(authenticator.get(optionsOf(page)))
      const { at: callback } = await person.browser.follow(await person.browser.submit(at.replace(/code$/, 'passkey'), { credential }))
      assert.ok(callback.searchParams.get('code'))
    })
  })

  describe('and signing in again', () => {
    for (const more of [{ max_age: '60' }, { prompt: 'login' }] as Record<string, string>[]) {
      it(`for ${Object.keys(more).join()} asks the same person, whatever is typed`, async () => {
        clock.set(Date.now() - 90_000) // sign-ins are judged by the machine's clock
        const [person, other] = [await newPerson(system), await newPerson(system)]
        clock.set(Date.now())
        const authenticator = new Authenticator(system.publicUrl)
        await addPasskey(other, authenticator)
        const { config, url, checks } = await authorisation(system, more)
        const { at, page } = await openPage(person.browser, url)
        assert.match(page, /<h1>Confirm it is you<\/h1>/)
        assert.ok(page.includes(`value="${person.email}"`))
        const credential = JSON.stringify(authenticator.get(optionsOf(page)))
        assert.equal((await person.browser.submit(`${at}/passkey`, { credential })).status, 422)
        const { at: callback } = await person.browser.follow(await person.browser.submit(at, { email: other.email, password: PASSWORD }))
        const tokens = await oidc.authorizationCodeGrant(config, callback, checks)
        const userInfo = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims()?.sub ?? '')
        assert.equal(userInfo.email, person.email)
        assert.ok(clock.now() / 1_000 - Number(decodeJwt(tokens.access_token)['auth_time']) < 30)
      })
    }
  })

  describe('and the scope of operators', () => {
    const scope = { scope: 'openid email account:read ops' }
    const operator = async () => {
      const made = await withCodes()
      await system.database.query('update user_account set is_operator = true where email = $1', [made.person.email])
      return made
    }

    it('go together: it is given for two factors, and ends with the role', async () => {
      const { person, secret } = await operator()
      const { config, tokens } = await signInWithCode(person.email, secret, scope)
      assert.ok(scopesOf(tokens).includes('ops'))
      const second = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')
      assert.ok(scopesOf(second).includes('ops'))
      await system.database.query('update user_account set is_operator = false where email = $1', [person.email])
      const third = await oidc.refreshTokenGrant(config, second.refresh_token ?? '')
      assert.deepEqual(scopesOf(third), ['openid', 'email', 'account:read'])
      const { tokens: anew } = await signInWithCode(person.email, secret, scope)
      assert.ok(!scopesOf(anew).includes('ops'))
    })

    it('is given neither for one factor nor to others with two', async () => {
      const plain = await withCodes()
      assert.ok(!scopesOf((await signInWithCode(plain.person.email, plain.secret, scope)).tokens).includes('ops'))
      const email = await register(system)
      await system.database.query('update user_account set is_operator = true where email = $1', [email])
      const { config, url, checks } = await authorisation(system, scope)
      const { at } = await typePassword(newBrowser(), url, email)
      assert.deepEqual(scopesOf(await oidc.authorizationCodeGrant(config, at, checks)), ['openid', 'email', 'account:read'])
    })

    it('comes with a step up, and not to the tokens from before it', async () => {
      const person = await newPerson(system)
      await system.database.query('update user_account set is_operator = true where email = $1', [person.email])
      const before = await authorisation(system, scope)
      const { at: page } = await openPage(person.browser, before.url)
      const { at: callback } = await person.browser.follow(await person.browser.submit(`${page}/continue`, {}))
      const old = await oidc.authorizationCodeGrant(before.config, callback, before.checks)
      assert.ok(!scopesOf(old).includes('ops'))

      const { secret } = await switchOn(person, clock.now())
      const { config, url, checks } = await authorisation(system, { ...scope, acr_values: MULTI })
      const { at } = await openPage(person.browser, url)
      const { at: stepped } = await person.browser.follow(await person.browser.submit(at, { code: nextCode(secret) }))
      assert.ok(scopesOf(await oidc.authorizationCodeGrant(config, stepped, checks)).includes('ops'))
      assert.ok(!scopesOf(await oidc.refreshTokenGrant(config, old.refresh_token ?? '')).includes('ops'))
    })
  })

  it('let a browser start anew whose account is gone', async () => {
    const person = await newPerson(system)
    await system.database.query('delete from user_account where email = $1', [person.email])
    const { url } = await authorisation(system)
    assert.match((await openPage(person.browser, url)).page, /<h1>Sign in<\/h1>/)
  })
})
