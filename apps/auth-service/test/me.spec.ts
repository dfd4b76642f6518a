import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { SettableClock } from '@catamaran/testing'
import { Browser } from './browser.js'
import { authorisation, isOAuthError, openSignIn, PASSWORD, register } from './journey.js'
import { Person } from './person.js'
import { startAuth, type AuthSystem } from './system.js'

const NEW_PASSWORD = 'lanterns along the outer pier'

describe('my account', () => {
  const clock = new SettableClock()
  let system: AuthSystem
  before(async () => {
    system = await startAuth('me', { now: clock.now })
  })
  after(() => system.close())

  const signInStatus = async (email: string, password: string): Promise<number> => {
    const browser = new Browser(system.publicUrl)
    return (await browser.submit(await openSignIn(browser, (await authorisation(system)).url), { email, password })).status
  }
  const change = (person: Person, currentPassword: string, newPassword: string) =>
    person.call('PUT', '/v1/me/password', { currentPassword, newPassword })

  it('shows who I am, with second factors and role', async () => {
    const person = await Person.register(system)
    const { sub } = await person.claims()
    const { status, body } = await person.call('GET', '/v1/me')
    const { createdAt, ...rest } = body
    assert.deepEqual(
      [status, rest],
      [200, { id: sub, email: person.email, name: null, locale: 'en', isOperator: false, secondFactors: { totp: false, passkeys: 0 } }],
    )
    assert.match(String(createdAt), /^\d{4}-\d\d-\d\dT/)
    await system.database.query(
      `with me as (update user_account set is_operator = true where email = $1 returning id)
        insert into totp (user_id, sealed_secret, confirmed_at) select id, 'x', now() from me`,
      [person.email],
    )
    const later = (await person.call('GET', '/v1/me')).body
    assert.deepEqual([later['isOperator'], later['secondFactors']], [true, { totp: true, passkeys: 0 }])
  })

  it('changes name and language, each alone, and takes the name away', async () => {
    const person = await Person.register(system)
    const other = await Person.register(system)
    const nameAndLocale = async (body: object) => {
      const answer = await person.call('PATCH', '/v1/me', body)
      return [answer.status, answer.body['name'], answer.body['locale']]
    }
    assert.deepEqual(await nameAndLocale({ name: '  Ada Lovelace ' }), [200, 'Ada Lovelace', 'en'])
    assert.deepEqual(await nameAndLocale({ locale: 'de' }), [200, 'Ada Lovelace', 'de'])
    assert.deepEqual(await nameAndLocale({ name: null }), [200, null, 'de'])
    assert.deepEqual(await nameAndLocale({}), [200, null, 'de'])
    assert.equal((await other.call('GET', '/v1/me')).body['locale'], 'en')
    for (const body of [
      { name: '' },
      { name: 'a\nb' },
      { name: 'x'.repeat(101) },
      { locale: 'xx' },
      { isOperator: true },
      { email: 'a@b.example' },
    ]) {
      const { status, body: problem } = await person.call('PATCH', '/v1/me', body)
      assert.deepEqual([status, problem['code']], [400, 'request.invalid'], JSON.stringify(body))
    }
  })

  it('takes a new password for the old one: other sessions and their tokens end, this one goes on, a mail tells of it', async () => {
    const email = await register(system)
    const [here, there] = [await Person.signIn(system, email), await Person.signIn(system, email)]
    assert.equal((await change(here, PASSWORD, NEW_PASSWORD)).status, 204)
    assert.ok(await there.isRevoked())
    await there.isSignedOut()
    assert.equal(await here.isRevoked(), false)
    await here.refresh()
    assert.deepEqual([await signInStatus(email, PASSWORD), await signInStatus(email, NEW_PASSWORD)], [422, 303])
    await system.mailbox.nextLike(email, /The password of your Catamaran account was changed on \d+ \w+ \d{4}, \d\d:\d\d UTC/)
  })

  it('refuses a wrong old password, a poor new one and an old sign-in, and changes nothing', async () => {
    const person = await Person.register(system)
    const refusal = async (current: string, next: string) => {
      const { status, body } = await change(person, current, next)
      return [status, body['code']]
    }
    assert.deepEqual(await refusal('not the right password', NEW_PASSWORD), [422, 'identity.password-wrong'])
    assert.deepEqual(await refusal(PASSWORD, 'password12345678'), [422, 'identity.password-refused'])
    assert.deepEqual(await refusal(PASSWORD, person.email), [422, 'identity.password-refused'])
    assert.deepEqual(await refusal(PASSWORD, 'too short'), [400, 'request.invalid'])
    clock.advance(-301_000)
    const { status, body } = await change(await Person.signIn(system, person.email), PASSWORD, NEW_PASSWORD)
    assert.deepEqual([status, body['code']], [401, 'auth.step-up-needed'])
    clock.advance(301_000)
    assert.equal(await signInStatus(person.email, PASSWORD), 303)
  })

  it('lets nobody with a token guess the password', async () => {
    const person = await Person.register(system)
    for (let tries = 0; tries < 10; tries++) assert.equal((await change(person, `wrong guess number ${tries}`, NEW_PASSWORD)).status, 422)
    const { status, headers, body } = await change(person, PASSWORD, NEW_PASSWORD)
    assert.deepEqual([status, body['code']], [429, 'request.rate-limited'])
    assert.ok(Number(headers.get('retry-after')) > 800)
  })

  it('is gone with the account, whatever the token says', async () => {
    const person = await Person.register(system)
    await system.database.query('update user_account set closed_at = now() where email = $1', [person.email])
    for (const [method, path, body] of [
      ['GET', '/v1/me'],
      ['PATCH', '/v1/me', { name: 'Ada' }],
      ['PUT', '/v1/me/password', { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }],
    ] as const) {
      assert.deepEqual([path, (await person.call(method, path, body)).status], [path, 401])
    }
    await assert.rejects(person.refresh(), isOAuthError('invalid_grant'))
  })
})
