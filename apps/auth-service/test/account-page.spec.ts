import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { SettableClock } from '@catamaran/testing'
import { Authenticator } from './authenticator.js'
import { Browser } from './browser.js'
import { codeOf, newPerson, optionsOf, type Person } from './factors.js'
import { PASSWORD, register } from './journey.js'
import { startAuth, type AuthSystem } from './system.js'

describe('the account page', () => {
  const clock = new SettableClock()
  let system: AuthSystem
  before(async () => {
    system = await startAuth('account page', { now: clock.now })
  })
  after(() => system.close())

  const open = async (browser: Browser, path: string) => {
    const { at, response } = await browser.follow(await browser.go(path))
    return { at: at.pathname, status: response.status, page: await response.text() }
  }
  const signInFrom = async (browser: Browser, path: string, email: string) => {
    const { at, page } = await open(browser, path)
    assert.match(page, /type="password"/)
    const { at: end, response } = await browser.follow(await browser.submit(at, { email, password: PASSWORD }))
    return { at: end.pathname, page: await response.text() }
  }
  /** Somebody whose sign-in is older than what changes ask for; sign-ins are judged by the machine's clock as well. */
  const stale = async (): Promise<Person> => {
    clock.set(Date.now() - 301_000)
    const person = await newPerson(system)
    clock.set(Date.now())
    return person
  }

  it('asks who is nobody to sign in, and leads back to the page that was asked for', async () => {
    const email = await register(system)
    const browser = new Browser(system.publicUrl)
    const { at, page } = await signInFrom(browser, '/account', email)
    assert.equal(at, '/account')
    assert.ok(page.includes(email))
    assert.doesNotMatch(page, /catamaran-account|code=/)
    const { at: asked } = await signInFrom(new Browser(system.publicUrl), '/account/codes/new', email)
    assert.equal(asked, '/account/codes/new')
  })

  it('says that nothing happened when the sign-in is cancelled', async () => {
    const browser = new Browser(system.publicUrl)
    const { at } = await open(browser, '/account')
    const { response } = await browser.follow(await browser.submit(`${at}/cancel`, {}))
    assert.match(await response.text(), /You are not signed in/)
  })

  it('leads nowhere else, whatever the address says', async () => {
    const browser = new Browser(system.publicUrl)
    for (const state of [
      'https://evil.example/',
      '//evil.example',
      '/account/../evil',
      '/account/signed-in',
      '/account/sign-in/x',
      '/other',
      '/account?x',
      '',
    ])
      assert.equal((await browser.go(`/account/signed-in?state=${encodeURIComponent(state)}`)).headers.get('location'), '/account', state)
    const good = await browser.go('/account/signed-in?state=/account/codes/off')
    assert.equal(good.headers.get('location'), '/account/codes/off')
  })

  it('asks for the password once more before a change when the sign-in is older than five minutes', async () => {
    const { browser, email } = await stale()
    assert.match((await open(browser, '/account')).page, /<h1>Your account<\/h1>/)
    const { page, at } = await open(browser, '/account/codes/new')
    assert.match(page, /<h1>Confirm it is you<\/h1>/)
    const { at: back } = await browser.follow(await browser.submit(at, { email, password: PASSWORD }))
    assert.equal(back.pathname, '/account/codes/new')
    assert.match((await open(browser, '/account/codes/new')).page, /<h1>Set up an authenticator app<\/h1>/)
  })

  it('changes nothing for a form of an older sign-in, of nobody, or of another site', async () => {
    const [person, fresh] = [await stale(), await newPerson(system)]
    const forms = [
      '/account/codes',
      '/account/codes/confirm',
      '/account/codes/recovery',
      '/account/codes/off',
      '/account/passkeys',
      '/account/password',
      '/account/email',
    ]
    for (const form of [...forms, '/account/passkeys/psk_01k2m3n4p5q6r7s8t9v0w1x2y3/remove']) {
      for (const browser of [person.browser, new Browser(system.publicUrl)]) {
        const answer = await browser.submit(form, {})
        assert.deepEqual([answer.status, answer.headers.get('location')?.slice(0, 11)], [303, '/oidc/auth?'], form)
      }
      assert.equal((await fresh.browser.submit(form, {}, 'https://evil.example')).status, 400, form)
    }
    assert.equal((await system.database.query('select from totp')).rowCount, 0)
  })

  it('switches codes on and off, and makes recovery codes anew', async () => {
    const { browser, call } = await newPerson(system)
    assert.equal((await browser.submit('/account/codes', {})).headers.get('location'), '/account/codes/confirm')
    const { page } = await open(browser, '/account/codes/confirm')
    assert.match(page, /class="qr"/)
    const secret = (/<code>([A-Z2-7 ]+)<\/code>/.exec(page)?.[1] ?? '').replaceAll(' ', '')
    const wrong = await browser.submit('/account/codes/confirm', { code: '12' })
    assert.equal(wrong.status, 422)
    assert.match(await wrong.text(), /aria-invalid="true"/)
    const shown = await (await browser.submit('/account/codes/confirm', { code: codeOf(secret, clock.now()) })).text()
    const codes = [...shown.matchAll(/<code>([a-z2-7-]{29})<\/code>/g)].map(([, code]) => code)
    assert.equal(codes.length, 10)
    assert.match((await open(browser, '/account')).page, /10 recovery codes are left/)
    assert.equal((await open(browser, '/account/codes/confirm')).at, '/account')
    const renewed = await (await browser.submit('/account/codes/recovery', {})).text()
    assert.ok(codes.every((code) => !renewed.includes(String(code))))
    assert.equal((await browser.submit('/account/codes/off', {})).headers.get('location'), '/account?done=codes-off')
    assert.equal((await call('GET', '/v1/me/totp')).body['status'], 'off')
    assert.equal((await browser.submit('/account/codes/off', {})).status, 409)
  })

  it('changes name and language, and takes the name away again', async () => {
    const { browser, call } = await newPerson(system)
    assert.equal(
      (await browser.submit('/account/profile', { name: ' Ada ', locale: 'de' })).headers.get('location'),
      '/account?done=profile-changed',
    )
    const profile = async () => (({ name, locale }) => [name, locale])((await call('GET', '/v1/me')).body)
    assert.deepEqual(await profile(), ['Ada', 'de'])
    for (const form of [{ name: 'x'.repeat(101), locale: 'en' }, { name: 'Ada', locale: 'xx' }, {}])
      assert.equal((await browser.submit('/account/profile', form as Record<string, string>)).status, 422)
    await browser.submit('/account/profile', { name: '', locale: 'en' })
    assert.deepEqual(await profile(), [null, 'en'])
  })

  it('changes the password for who knows it, and ends the other sessions', async () => {
    const { browser, email } = await newPerson(system)
    const other = new Browser(system.publicUrl)
    await signInFrom(other, '/account', email)
    const change = async (currentPassword: string, newPassword: string) =>
      browser.submit('/account/password', { currentPassword, newPassword })
    const wrong = await change('not the right password', 'nine gulls above the pier')
    assert.equal(wrong.status, 422)
    assert.match(await wrong.text(), /id="currentPassword-error"/)
    for (const poor of ['short', 'passwordpassword']) assert.match(await (await change(PASSWORD, poor)).text(), /id="newPassword-error"/)
    const changed = await change(PASSWORD, 'nine gulls above the pier')
    assert.equal(changed.headers.get('location'), '/account?done=password-changed')
    assert.match((await open(browser, '/account?done=password-changed')).page, /Your password was changed/)
    assert.match((await open(other, '/account')).page, /<h1>Sign in<\/h1>/)
  })

  it('sends mails to both addresses before another one counts', async () => {
    const { browser, email } = await newPerson(system)
    assert.equal((await browser.submit('/account/email', { email: 'nonsense' })).status, 422)
    assert.equal((await browser.submit('/account/email', { email })).status, 422)
    const next = `new.${email}`
    assert.equal((await browser.submit('/account/email', { email: next })).headers.get('location'), '/account?done=email-asked')
    assert.ok(await system.mailbox.next(next))
    assert.ok((await open(browser, '/account')).page.includes(email))
  })

  it('lists sessions and ends one, or all but this one', async () => {
    const { browser, email } = await newPerson(system)
    const others = [new Browser(system.publicUrl), new Browser(system.publicUrl)]
    for (const other of others) await signInFrom(other, '/account', email)
    const endings = async () =>
      [...(await open(browser, '/account')).page.matchAll(/action="(\/account\/sessions\/[\w-]+\/end)"/g)].map(([, path]) => path ?? '')
    const [first = ''] = await endings()
    assert.equal((await endings()).length, 2)
    const stranger = (await newPerson(system)).browser
    assert.equal((await stranger.submit(first, {})).status, 404)
    assert.equal((await browser.submit(first, {}, 'https://evil.example')).status, 400)
    assert.equal((await browser.submit(first, {})).headers.get('location'), '/account?done=session-ended')
    assert.equal((await endings()).length, 1)
    assert.equal((await browser.submit('/account/sessions/end-others', {})).headers.get('location'), '/account?done=sessions-ended')
    assert.deepEqual(await endings(), [])
    for (const other of others) assert.match((await open(other, '/account')).page, /<h1>Sign in<\/h1>/)
  })

  it('adds, renames and removes passkeys, one’s own only', async () => {
    const { browser, call } = await newPerson(system)
    const authenticator = new Authenticator(system.publicUrl)
    const add = async (name: string) => {
      const { page } = await open(browser, '/account/passkeys/new')
      return browser.submit('/account/passkeys', { name, credential: JSON.stringify(authenticator.create(optionsOf(page))) })
    }
    assert.equal((await add('')).status, 422)
    assert.equal((await add('My <phone>')).headers.get('location'), '/account?done=passkey-added')
    assert.equal((await add('Again')).status, 422)
    const [passkey] = (await call('GET', '/v1/me/passkeys')).body['items'] as { id: string }[]
    const path = `/account/passkeys/${passkey?.id ?? ''}`
    assert.match((await open(browser, '/account')).page, /My &lt;phone&gt;/)
    const stranger = (await newPerson(system)).browser
    assert.deepEqual([(await open(stranger, path)).status, (await stranger.submit(`${path}/remove`, {})).status], [404, 404])
    assert.equal((await browser.submit(`${path}/rename`, { name: ' ' })).status, 422)
    assert.equal((await browser.submit(`${path}/rename`, { name: 'Key ring' })).headers.get('location'), '/account?done=passkey-renamed')
    assert.match((await open(browser, path)).page, /<h1>Key ring<\/h1>/)
    assert.equal((await browser.submit(`${path}/remove`, {})).headers.get('location'), '/account?done=passkey-removed')
    assert.deepEqual((await call('GET', '/v1/me/passkeys')).body['items'], [])
  })
})
