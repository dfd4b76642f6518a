import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { SettableClock } from '@catamaran/testing'
import { Browser } from './browser.js'
import { authorisation, newEmail, openSignIn, PASSWORD, postJson, register, tokenOf } from './journey.js'
import { Person, type Answer } from './person.js'
import { startAuth, type AuthSystem } from './system.js'

const APPROVE = /asked to change the email address/
const CONFIRM = /wants to use this address/
const TAKEN = /It has an account of its own/

describe('a change of email address', () => {
  const clock = new SettableClock()
  let system: AuthSystem
  before(async () => {
    system = await startAuth('email', { now: clock.now })
  })
  after(() => system.close())

  const ask = (person: Person, email: string): Promise<Answer> => person.call('POST', '/v1/me/email', { email })
  const confirm = async (token: string): Promise<[number, unknown]> => {
    const answer = await postJson(`${system.publicUrl}/v1/users/confirm-email`, { token })
    const body = (await answer.json()) as { status: unknown; code?: string }
    return [answer.status, body.code ?? body.status]
  }
  const tokenTo = async (email: string, pattern: RegExp, count = 1): Promise<string> =>
    tokenOf((await system.mailbox.nextLike(email, pattern, count)).text)
  const emailOf = async (person: Person): Promise<unknown> => (await person.call('GET', '/v1/me')).body['email']
  const signInStatus = async (email: string): Promise<number> => {
    const browser = new Browser(system.publicUrl)
    return (await browser.submit(await openSignIn(browser, (await authorisation(system)).url), { email, password: PASSWORD })).status
  }
  /** Asks for a change; gives the tokens of both links. */
  const begin = async (person: Person, next: string): Promise<[string, string]> => {
    assert.equal((await ask(person, next)).status, 202)
    return Promise.all([tokenTo(person.email, APPROVE), tokenTo(next, CONFIRM)])
  }

  it('counts once both addresses have confirmed, in any order, and the old one is told', async () => {
    for (const isOldFirst of [true, false]) {
      const [person, next] = [await Person.register(system), newEmail()]
      const tokens = await begin(person, next)
      const [first, second] = isOldFirst ? tokens : tokens.toReversed()
      assert.deepEqual(await confirm(first ?? ''), [200, 'waiting'])
      assert.equal(await emailOf(person), person.email)
      assert.equal(await signInStatus(next), 422)
      assert.deepEqual(await confirm(second ?? ''), [200, 'changed'])
      assert.equal(await emailOf(person), next)
      assert.deepEqual([await signInStatus(next), await signInStatus(person.email)], [303, 422])
      const { text } = await system.mailbox.nextLike(person.email, /was changed to/)
      assert.ok(text.includes(next))
      for (const token of tokens) assert.deepEqual(await confirm(token), [400, 'identity.link-invalid'])
    }
  })

  it('counts once when both confirm at the same time', async () => {
    const [person, next] = [await Person.register(system), newEmail()]
    const answers = await Promise.all((await begin(person, next)).map(confirm))
    assert.deepEqual(
      answers.toSorted((a, b) => (String(a[1]) < String(b[1]) ? -1 : 1)),
      [
        [200, 'changed'],
        [200, 'waiting'],
      ],
    )
    assert.equal(await emailOf(person), next)
  })

  it('tells nobody whether the new address has an account, except its owner', async () => {
    const [person, taken] = [await Person.register(system), await register(system)]
    const [first, second] = [await ask(person, taken), await ask(person, newEmail())]
    assert.deepEqual([first.status, first.body], [second.status, second.body])
    assert.equal(first.status, 202)
    assert.equal(tokenOf((await system.mailbox.nextLike(taken, TAKEN)).text), '')
    const { rows } = await system.database.query(
      `select mail_action.data ->> 'email' = $2 as is_taken, count(*)::int as mails, count(distinct mail_action.id)::int as actions
        from mail_action join mail on action_id = mail_action.id join user_account on user_account.id = user_id
        where user_account.email = $1 group by 1 order by 1`,
      [person.email, taken],
    )
    assert.deepEqual(
      rows,
      [false, true].map((isTaken) => ({ is_taken: isTaken, mails: 2, actions: 2 })),
      'the same rows, so the same time',
    )
    const other = await Person.register(system)
    await ask(other, taken)
    assert.deepEqual(await confirm(await tokenTo(other.email, APPROVE)), [200, 'waiting'])
    assert.equal(await emailOf(other), other.email)
  })

  it('does not happen when the new address gets an account meanwhile: only who opens its link is told', async () => {
    for (const isOldLast of [true, false]) {
      const [person, next] = [await Person.register(system), newEmail()]
      const [approve, confirmNew] = await begin(person, next)
      assert.deepEqual(await confirm(isOldLast ? confirmNew : approve), [200, 'waiting'])
      await register(system, next)
      assert.deepEqual(await confirm(isOldLast ? approve : confirmNew), isOldLast ? [200, 'waiting'] : [409, 'identity.email-taken'])
      await system.mailbox.nextLike(next, TAKEN)
      assert.equal(await emailOf(person), person.email)
    }
  })

  it('takes an address once, when two accounts confirm it at the same time', async () => {
    const [one, two, next] = [await Person.register(system), await Person.register(system), newEmail()]
    const lasts: string[] = []
    for (const [index, person] of [one, two].entries()) {
      assert.equal((await ask(person, next)).status, 202)
      assert.deepEqual(await confirm(await tokenTo(person.email, APPROVE)), [200, 'waiting'])
      lasts.push(await tokenTo(next, CONFIRM, index + 1))
    }
    const statuses = (await Promise.all(lasts.map(confirm))).map(([status]) => status)
    assert.deepEqual(
      statuses.toSorted((a, b) => a - b),
      [200, 409],
    )
  })

  it('ends a day later, with a newer one, and with a new password; a link to the old address resets nothing any more', async () => {
    const person = await Person.register(system)
    const [first, second] = [newEmail(), newEmail()]
    const [approve] = await begin(person, first)
    assert.equal((await ask(person, second)).status, 202)
    const newer = await tokenTo(person.email, APPROVE, 2)
    assert.deepEqual(await confirm(approve), [400, 'identity.link-invalid'])
    clock.advance(24 * 3_600_000 + 1)
    assert.deepEqual(await confirm(newer), [400, 'identity.link-invalid'])
    clock.advance(-24 * 3_600_000 - 1)
    const body = { currentPassword: PASSWORD, newPassword: 'lanterns along the outer pier' }
    assert.equal((await person.call('PUT', '/v1/me/password', body)).status, 204)
    assert.deepEqual(await confirm(newer), [400, 'identity.link-invalid'])

    const other = await Person.register(system)
    await postJson(`${system.publicUrl}/v1/users/reset-password`, { email: other.email })
    const reset = await tokenTo(other.email, /reset-password\?token/)
    for (const token of await begin(other, newEmail())) await confirm(token)
    const refused = await postJson(`${system.publicUrl}/v1/users/reset-password/confirm`, { token: reset, password: body.newPassword })
    assert.equal(refused.status, 400)
  })

  it('is refused for the address that one has, for no address, without a fresh sign-in, and more than five times an hour', async () => {
    const person = await Person.register(system)
    assert.equal((await ask(person, person.email)).status, 400)
    assert.equal((await ask(person, 'nobody')).status, 400)
    clock.advance(-301_000)
    const { status, body } = await ask(await Person.signIn(system, person.email), newEmail())
    clock.advance(301_000)
    assert.deepEqual([status, body['code']], [401, 'auth.step-up-needed'])
    for (let tries = 1; tries < 5; tries++) assert.equal((await ask(person, newEmail())).status, 202)
    assert.equal((await ask(person, newEmail())).status, 429)
  })

  it('goes by pages as well, which change nothing by being looked at', async () => {
    const [person, next] = [await Person.register(system), newEmail()]
    const browser = new Browser(system.publicUrl)
    for (const [index, token] of (await begin(person, next)).entries()) {
      const page = await (await browser.go(`/account/confirm-email?token=${token}`)).text()
      assert.ok(page.includes(next) && page.includes(`value="${token}"`))
      assert.equal(await emailOf(person), person.email)
      assert.equal((await browser.submit('/account/confirm-email', { token }, 'https://evil.example')).status, 400)
      const answer = await (await browser.submit('/account/confirm-email', { token })).text()
      assert.match(answer, index === 0 ? /as soon as the other one has confirmed/ : /counts from now on/)
    }
    assert.equal(await emailOf(person), next)
    for (const answer of [
      await browser.go('/account/confirm-email?token=none'),
      await browser.submit('/account/confirm-email', { token: 'none' }),
    ])
      assert.deepEqual([answer.status, /does not work any more/.test(await answer.text())], [400, true])
  })
})
