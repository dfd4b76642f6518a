import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import * as oidc from 'openid-client'
import { Browser } from './browser.js'
import { authorisation, openSignIn, PASSWORD, register, signIn } from './journey.js'
import { startAuth, type AuthSystem } from './system.js'

describe('against other sites and other browsers', () => {
  let system: AuthSystem
  let email: string
  before(async () => {
    system = await startAuth('other sites')
    email = await register(system)
  })
  after(() => system.close())

  const newBrowser = (): Browser => new Browser(system.publicUrl)
  /** The error that a redirect tells to a client. */
  const errorTold = (answer: Response): string | null =>
    new URL(answer.headers.get('location') ?? '', system.publicUrl).searchParams.get('error')

  it('a sign-in begun in one browser can’t be finished, continued or resumed in another', async () => {
    const attacker = newBrowser()
    const started = await authorisation(system)
    const page = await openSignIn(attacker, started.url)
    const victim = newBrowser()
    await signIn(victim, (await authorisation(system)).url, email)
    const uid = page.split('/').at(-1) ?? ''
    for (const path of [page, `${page}/continue`, `${page}/cancel`, `${page}/code`, `${page}/passkey`]) {
      const answer = await victim.submit(path, { email, password: PASSWORD })
      assert.ok(answer.status >= 400 && answer.status < 500, `${path}: ${answer.status}`)
    }
    for (const browser of [victim, newBrowser()]) {
      const answer = await browser.go(`/oidc/auth/${uid}`)
      assert.equal(answer.headers.get('location')?.includes('code=') ?? false, false)
      assert.ok(answer.status >= 400, `resumed: ${answer.status}`)
    }
    // And the attacker, with their own cookies, has nothing of the victim's.
    const resumed = await attacker.go(`/oidc/auth/${uid}`)
    assert.equal(resumed.headers.get('location')?.includes('code=') ?? false, false)
  })

  it('no form of a sign-in is taken from another site', async () => {
    const browser = newBrowser()
    const page = await openSignIn(browser, (await authorisation(system)).url)
    for (const path of [page, `${page}/continue`, `${page}/cancel`, `${page}/code`, `${page}/passkey`]) {
      for (const origin of ['https://evil.example', 'null', `${system.publicUrl}.evil.example`, system.publicUrl.replace(/:\d+$/, ':1')])
        assert.equal((await browser.submit(path, { email, password: PASSWORD }, origin)).status, 400, `${path} from ${origin}`)
    }
    assert.equal((await browser.submit(page, { email, password: PASSWORD })).status, 303)
  })

  it('signing in gives the session a new name, also where one was signed in before', async () => {
    const browser = newBrowser()
    await signIn(browser, (await authorisation(system)).url, email)
    const first = browser.cookie('cat_session')
    await signIn(browser, (await authorisation(system, { prompt: 'login' })).url, email)
    const second = browser.cookie('cat_session')
    assert.ok(first !== undefined && second !== undefined && first !== second)
    const thief = newBrowser()
    const cookie = `cat_session=${first}; cat_session.sig=${browser.cookie('cat_session.sig')}`
    const answer = await thief.go((await authorisation(system, { prompt: 'none' })).url.href, { headers: { cookie } })
    assert.equal(errorTold(answer), 'login_required')
  })

  it('a sign-out leads to no address but a registered one, and not without the person', async () => {
    const browser = newBrowser()
    const started = await authorisation(system)
    const callback = await signIn(browser, started.url, email)
    const { id_token: hint = '' } = await oidc.authorizationCodeGrant(started.config, callback, started.checks)
    const end = (query: Record<string, string>): Promise<Response> =>
      browser.go(`/oidc/session/end?${new URLSearchParams(query).toString()}`)
    const registered = 'http://127.0.0.1:53682/signed-out'
    for (const address of [
      'https://evil.example/',
      `${registered}/more`,
      `${registered}?x=1`,
      '//evil.example',
      'javascript:alert(1)',
      '/account',
    ]) {
      const answer = await end({ id_token_hint: hint, post_logout_redirect_uri: address })
      assert.deepEqual([answer.status, answer.headers.get('location')], [400, null], address)
    }
    assert.equal((await end({ id_token_hint: `${hint}x`, post_logout_redirect_uri: registered })).status, 400)
    assert.equal((await end({ client_id: 'web-shop', id_token_hint: hint, post_logout_redirect_uri: registered })).status, 400)
    await end({ id_token_hint: hint, post_logout_redirect_uri: registered })
    const forged = await browser.submit('/oidc/session/end/confirm', { xsrf: 'guessed', logout: 'yes' }, 'https://evil.example')
    assert.equal(forged.status, 400)
    const still = await browser.go((await authorisation(system, { prompt: 'none' })).url.href)
    assert.equal(errorTold(still), 'interaction_required', 'signed in still')
  })

  it('no page leads on to where its `return` says, but back to a sign-in', async () => {
    for (const page of ['sign-up', 'check-mail', 'forgot-password', 'reset-sent']) {
      for (const back of [
        'https://evil.example/',
        '//evil.example',
        '/\\evil.example',
        'javascript:alert(1)',
        '../../evil',
        'a/b',
        '"><script>',
      ]) {
        const answer = await newBrowser().go(`/account/${page}?return=${encodeURIComponent(back)}`)
        const text = await answer.text()
        assert.doesNotMatch(text, /evil\.example|javascript:|"><script/, `${page} ${back}`)
        assert.equal(answer.headers.get('location'), null)
      }
    }
    const form = { email: `new.${randomUUID()}@example.com`, password: PASSWORD }
    const made = await newBrowser().submit('/account/sign-up?return=//evil.example', form)
    assert.match(made.headers.get('location') ?? '', /^\/account\/check-mail$/)
  })
})
