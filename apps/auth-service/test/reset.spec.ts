import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { SettableClock, until } from '@catamaran/testing'
import { Browser } from './browser.js'
import { authorisation, newEmail, openSignIn, PASSWORD, postJson, register, tokenOf } from './journey.js'
import { Person } from './person.js'
import { startAuth, type AuthSystem } from './system.js'

const NEW_PASSWORD = 'lanterns along the outer pier'

describe('a forgotten password', () => {
  const clock = new SettableClock()
  let system: AuthSystem
  before(async () => {
    system = await startAuth('reset', { now: clock.now })
  })
  after(() => system.close())

  const ask = (email: string): Promise<Response> => postJson(`${system.publicUrl}/v1/users/reset-password`, { email })
  const confirm = (token: string, password = NEW_PASSWORD): Promise<Response> =>
    postJson(`${system.publicUrl}/v1/users/reset-password/confirm`, { token, password })
  /** The token of the nth link that was asked for. */
  const linkTo = async (email: string, count = 1): Promise<string> => {
    await ask(email)
    return tokenOf((await system.mailbox.nextLike(email, /reset-password\?token/, count)).text)
  }
  const refusal = async (answer: Response) => [answer.status, ((await answer.json()) as { code: string }).code]
  const signInStatus = async (email: string, password: string): Promise<number> => {
    const browser = new Browser(system.publicUrl)
    return (await browser.submit(await openSignIn(browser, (await authorisation(system)).url), { email, password })).status
  }

  it('is replaced by a link that works once: all sessions and tokens end, other links too, and a mail tells of it', async () => {
    const email = await register(system)
    const [here, there] = [await Person.signIn(system, email), await Person.signIn(system, email)]
    const [first, second] = [await linkTo(email), await linkTo(email, 2)]
    const answers = await Promise.all([confirm(second), confirm(second), confirm(second)])
    assert.deepEqual(
      answers.map(({ status }) => status).toSorted((a, b) => a - b),
      [204, 400, 400],
    )
    assert.deepEqual(await refusal(await confirm(first)), [400, 'identity.link-invalid'])
    for (const person of [here, there]) {
      assert.ok(await person.isRevoked())
      await person.isSignedOut()
    }
    await system.mailbox.nextLike(email, /password of your Catamaran account was changed on/)
    assert.deepEqual([await signInStatus(email, PASSWORD), await signInStatus(email, NEW_PASSWORD)], [422, 303])
    await Person.signIn(system, email, new Browser(system.publicUrl), NEW_PASSWORD)
  })

  it('answers the same for an address that has no account, writes the same rows, and mails nobody', async () => {
    const [known, unknown] = [await register(system), newEmail()]
    const [first, second] = [await ask(known), await ask(unknown)]
    assert.deepEqual([first.status, await first.text()], [second.status, await second.text()])
    assert.equal(first.status, 202)
    const differing = new Set(['x-request-id', 'date'])
    const headersOf = ({ headers }: Response) => [...headers.entries()].filter(([name]) => !differing.has(name))
    assert.deepEqual(headersOf(first), headersOf(second))
    await system.mailbox.next(known, 2)
    const { rows } = await system.database.query(
      `select recipient = $1 as is_known, count(*)::int as mails, count(action_id)::int as actions from mail
        where kind = 'reset_password' and recipient in ($1, $2) group by 1 order by 1`,
      [known, unknown],
    )
    assert.deepEqual(rows, [
      { is_known: false, mails: 1, actions: 1 },
      { is_known: true, mails: 1, actions: 1 },
    ])
    assert.equal(system.mailbox.to(unknown).length, 0)
  })

  it('keeps a link good when the new password is refused, and for an hour', async () => {
    const email = await register(system)
    const token = await linkTo(email)
    assert.deepEqual(await refusal(await confirm(token, 'password12345678')), [422, 'identity.password-refused'])
    assert.deepEqual(await refusal(await confirm(token, 'too short')), [400, 'request.invalid'])
    clock.advance(3_600_001)
    assert.deepEqual(await refusal(await confirm(token)), [400, 'identity.link-invalid'])
    clock.advance(-3_600_001)
    assert.equal((await confirm(token)).status, 204)
    assert.deepEqual(await refusal(await confirm('no such token')), [400, 'identity.link-invalid'])
  })

  it('leaves codes and passkeys as they are', async () => {
    const email = await register(system)
    await system.database.query(
      "insert into totp (user_id, sealed_secret, confirmed_at) select id, 'sealed', now() from user_account where email = $1",
      [email],
    )
    assert.equal((await confirm(await linkTo(email))).status, 204)
    const { rows } = await system.database.query('select from totp join user_account on id = user_id where email = $1', [email])
    assert.equal(rows.length, 1)
  })

  it('is no matter of an account that is closed', async () => {
    const email = await register(system)
    const token = await linkTo(email)
    await system.database.query('update user_account set closed_at = now() where email = $1', [email])
    assert.deepEqual(await refusal(await confirm(token)), [400, 'identity.link-invalid'])
    assert.equal((await ask(email)).status, 202)
    const isDropped = async (): Promise<boolean> =>
      (await system.database.query("select from mail where recipient = $1 and kind = 'reset_password' and outcome = 'dropped'", [email]))
        .rows.length === 1
    await until(isDropped, { message: 'no second mail' })
  })

  it('goes by pages as well, from the sign-in page, and keeps no secret', async () => {
    const email = await register(system)
    const browser = new Browser(system.publicUrl)
    const page = await openSignIn(browser, (await authorisation(system)).url)
    const forgot = /href="(\/account\/forgot-password[^"]+)"/.exec(await (await browser.go(page)).text())?.[1] ?? ''
    assert.equal((await browser.submit(forgot, { email: 'nobody' })).status, 422)
    assert.equal((await browser.submit(forgot, { email }, 'https://evil.example')).status, 400)
    const { response } = await browser.follow(await browser.submit(forgot, { email }))
    const sent = await response.text()
    assert.ok(sent.includes('Check your mail') && sent.includes(page))
    const link = /http\S+reset-password\?token=\S+/.exec((await system.mailbox.next(email, 2)).text)?.[0] ?? ''
    assert.match(await (await browser.go(link)).text(), /<h1>Choose a new password<\/h1>/)
    const token = tokenOf(link)
    for (const table of ['email_link', 'mail_action', 'mail']) {
      assert.ok(!JSON.stringify((await system.database.query(`select * from ${table}`)).rows).includes(token), table)
    }
    const refused = await browser.submit('/account/reset-password', { token, password: 'qwertyuiopasdfghjkl' })
    const shown = await refused.text()
    assert.equal(refused.status, 422)
    assert.ok(shown.includes('keys and letters in a row') && shown.includes(`value="${token}"`) && !shown.includes('qwertyuiop'))
    assert.equal((await browser.submit('/account/reset-password', { token, password: NEW_PASSWORD }, 'https://evil.example')).status, 400)
    const set = await browser.submit('/account/reset-password', { token, password: NEW_PASSWORD })
    assert.deepEqual([set.status, /Your password is changed/.test(await set.text())], [200, true])
    const again = await browser.submit('/account/reset-password', { token, password: NEW_PASSWORD })
    assert.deepEqual([again.status, /does not work any more/.test(await again.text())], [400, true])
    const { at } = await browser.follow(await browser.submit(page, { email, password: NEW_PASSWORD }))
    assert.ok(at.searchParams.get('code'))
  })
})
