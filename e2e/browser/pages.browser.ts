import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { look } from './look.js'
import { system } from './setting.js'
import { PASSWORD, VirtualAuthenticator, Visitor } from './visitor.js'
import { codeOf } from './codes.js'

/** An app that asks for a sign-in; nobody listens at its address. */
const appRequest = (more: Record<string, string> = {}): string => {
  const query = new URLSearchParams({
    ...{ client_id: 'catamaran-demo', response_type: 'code', scope: 'openid', redirect_uri: 'http://127.0.0.1:3999/callback' },
    ...{ code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' },
    ...more,
  })
  return `/oidc/auth?${query.toString()}`
}

/** Each page in light and dark, at phone and desktop width: see look.ts for what it is judged by. */
describe('every page', () => {
  let visitor: Visitor
  let device: VirtualAuthenticator
  let secret = ''
  before(async () => {
    visitor = await Visitor.arrive()
    device = await VirtualAuthenticator.plugIn(visitor)
  })
  after(() => visitor.leave())

  it('on the way to an account is sound', async () => {
    await visitor.open('/account')
    await visitor.sees('Sign in')
    await look(visitor, 'sign-in')
    await visitor.fill('Email', 'nobody@example.com')
    await visitor.fill('Password', 'not the right password')
    await visitor.press('Sign in')
    await look(visitor, 'sign-in-refused')
    await visitor.press('Forgotten your password?', 'link')
    await look(visitor, 'forgot-password')
    await visitor.open('/account/reset-password?token=a-token')
    await look(visitor, 'reset-password')
    await visitor.open('/account')
    await visitor.press('Create an account', 'link')
    await look(visitor, 'sign-up')
    await visitor.fill('Email', visitor.email)
    await visitor.fill('Password', 'too short')
    await visitor.press('Create account')
    await look(visitor, 'sign-up-refused')
    await visitor.fill('Password', PASSWORD)
    await visitor.press('Create account')
    await look(visitor, 'check-mail')
    const link = await visitor.mailedLink('verify-email')
    await visitor.page.goto(link)
    await look(visitor, 'verify-email')
    await visitor.press('Confirm')
    await look(visitor, 'verified')
    await visitor.page.goto(link)
    await visitor.press('Confirm')
    await look(visitor, 'link-invalid')
  })

  it('of an account is sound', async () => {
    await visitor.typePassword()
    await look(visitor, 'account-empty')
    for (const [link, name] of [
      ['Change name or language', 'profile'],
      ['Change email address', 'email'],
      ['Change password', 'password'],
    ] as const) {
      await visitor.press(link, 'link')
      await look(visitor, name)
      await visitor.press('Back to your account', 'link')
    }
    await visitor.press('Add a passkey', 'link')
    await look(visitor, 'passkey-new')
    await visitor.fill('Name', 'My phone')
    await visitor.press('Go on')
    await visitor.press('Set up an authenticator app', 'link')
    await look(visitor, 'codes-new')
    await visitor.press('Go on')
    await look(visitor, 'codes-secret')
    secret = (await visitor.page.locator('.secret').innerText()).replace(/\s/g, '')
    await visitor.fill('Code', '000000')
    await visitor.press('Switch codes on')
    await look(visitor, 'codes-secret-refused')
    await visitor.fill('Code', codeOf(secret))
    await visitor.press('Switch codes on')
    await look(visitor, 'recovery-codes')
    await visitor.press('I have kept them', 'link')
    await look(visitor, 'account-full')
    await visitor.press('Change My phone', 'link')
    await look(visitor, 'passkey')
    await visitor.press('Back to your account', 'link')
    await visitor.press('Make new recovery codes', 'link')
    await look(visitor, 'recovery-codes-new')
    await visitor.press('Back to your account', 'link')
    await visitor.press('Switch codes off', 'link')
    await look(visitor, 'codes-off')
  })

  it('of signing out and in again is sound', async () => {
    await visitor.open(appRequest())
    await visitor.sees('Continue to Catamaran demo?')
    await look(visitor, 'continue')
    await device.setPresent(false)
    await visitor.open(appRequest({ prompt: 'login' }))
    await visitor.sees('Confirm it is you')
    await look(visitor, 'sign-in-again')
    await visitor.open('/oidc/session/end')
    await look(visitor, 'sign-out')
    await visitor.press('Sign out')
    await look(visitor, 'signed-out')
    await visitor.typePassword()
    await look(visitor, 'code')
    await visitor.fill('Code', '000000')
    await visitor.press('Continue')
    await look(visitor, 'code-refused')
    await visitor.press('Cancel')
    await look(visitor, 'not-signed-in')
  })

  it('about an error is sound', async () => {
    await visitor.open(appRequest({ redirect_uri: 'https://evil.example/' }))
    await look(visitor, 'error-request')
    await visitor.open('/account/sign-in/nothing-here')
    await look(visitor, 'error-expired')
    const answer = await fetch(`${system.gateway}/account/passkeys/nonsense`, { headers: { accept: 'text/html' } })
    assert.equal(answer.status, 400)
  })
})
