import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { SettableClock, until } from '@catamaran/testing'
import { Browser } from './browser.js'
import { authorisation, newEmail, openSignIn, PASSWORD, postJson, register, signIn, tokenOf } from './journey.js'
import { startAuth, type AuthSystem } from './system.js'

interface Problem {
  code: string
  errors?: { pointer: string }[]
}

describe('registration', () => {
  const clock = new SettableClock()
  let system: AuthSystem
  before(async () => {
    system = await startAuth('registration', { now: clock.now })
  })
  after(() => system.close())

  const users = (body: unknown): Promise<Response> => postJson(`${system.publicUrl}/v1/users`, body)
  const verify = (token: string): Promise<Response> => postJson(`${system.publicUrl}/v1/users/verify-email`, { token })
  const problemOf = async (answer: Response): Promise<[number, string, string | undefined]> => {
    const problem = (await answer.json()) as Problem
    return [answer.status, problem.code, problem.errors?.[0]?.pointer]
  }
  const rowsOf = async (statement: string, values: unknown[] = []): Promise<number> =>
    (await system.database.query<{ n: number }>(`select count(*)::int as n from ${statement}`, values)).rows[0]?.n ?? -1
  /** What a browser sees when it tries to sign in, without what differs from page to page. */
  const refusalOf = async (email: string, password: string): Promise<[number, string]> => {
    const browser = new Browser(system.publicUrl)
    const page = await openSignIn(browser, (await authorisation(system)).url)
    const answer = await browser.submit(page, { email, password })
    const text = (await answer.text()).replaceAll(page.slice(page.lastIndexOf('/') + 1), 'UID').replaceAll(email, 'EMAIL')
    return [answer.status, text.replace(/&quot;challenge&quot;:&quot;[\w-]{43}&quot;/, 'CHALLENGE')]
  }

  it('makes an account once the mail is confirmed, and one event for it', async () => {
    const email = newEmail()
    const events = "outbox where type = 'identity.user.registered.v1'"
    const earlier = await rowsOf(events)
    await users({ email: ` ${email.toUpperCase()} `, password: PASSWORD })
    const token = tokenOf((await system.mailbox.next(email)).text)
    assert.equal(await rowsOf('user_account where email = $1', [email]), 0)
    const answers = await Promise.all([verify(token), verify(token), verify(token)])
    assert.deepEqual(
      answers.map(({ status }) => status).toSorted((a, b) => a - b),
      [204, 400, 400],
    )
    assert.equal(await rowsOf('user_account where email = $1', [email]), 1)
    assert.equal((await rowsOf(events)) - earlier, 1)
    const { rows } = await system.database.query<{ same: boolean }>(
      `select (data::jsonb ->> 'userId') like 'usr_%' and sequence = 1 and subject = id_of as same
        from outbox, (select id as id_of from user_account where email = $1) u where subject = id_of`,
      [email],
    )
    assert.deepEqual(rows, [{ same: true }])
  })

  it('keeps no secret of a link, and no password', async () => {
    const email = newEmail()
    await users({ email, password: PASSWORD })
    const token = tokenOf((await system.mailbox.next(email)).text)
    for (const table of ['registration', 'email_link', 'mail', 'user_account', 'outbox']) {
      const { rows } = await system.database.query(`select * from ${table}`)
      const dump = JSON.stringify(rows)
      assert.ok(!dump.includes(token) && !dump.includes(PASSWORD), table)
    }
  })

  it('answers the same for an address that has an account, and mails it a word instead', async () => {
    const known = await register(system)
    const [first, second] = [await users({ email: known, password: PASSWORD }), await users({ email: newEmail(), password: PASSWORD })]
    assert.deepEqual([first.status, await first.text()], [second.status, await second.text()])
    const differing = new Set(['x-request-id', 'date'])
    const headersOf = ({ headers }: Response) => [...headers.entries()].filter(([name]) => !differing.has(name))
    assert.deepEqual(headersOf(first), headersOf(second))
    const mail = await system.mailbox.next(known, 2)
    assert.match(mail.text, /There is one already/)
    assert.equal(tokenOf(mail.text), '')
    await signIn(new Browser(system.publicUrl), (await authorisation(system)).url, known)
  })

  it('refuses a sign-in alike for a wrong password, an unknown address and an unconfirmed one, and mails the last again', async () => {
    const known = await register(system)
    const pending = newEmail()
    await users({ email: pending, password: PASSWORD })
    await system.mailbox.next(pending)
    const wrong = await refusalOf(known, 'not the right password')
    assert.equal(wrong[0], 422)
    assert.match(wrong[1], /role="alert"/)
    assert.deepEqual(await refusalOf(newEmail(), PASSWORD), wrong)
    assert.deepEqual(await refusalOf(pending, PASSWORD), wrong)
    assert.equal(system.mailbox.to(pending).length, 1, 'the first mail is minutes old at most')
    await system.database.query("update mail set created_at = created_at - interval '6 minutes' where recipient = $1", [pending])
    await refusalOf(pending, 'not the right password')
    assert.deepEqual(await refusalOf(pending, PASSWORD), wrong)
    const tokens = [await system.mailbox.next(pending, 1), await system.mailbox.next(pending, 2)].map(({ text }) => tokenOf(text))
    assert.equal((await verify(tokens[1] ?? '')).status, 204)
    assert.deepEqual(await problemOf(await verify(tokens[0] ?? '')), [400, 'identity.link-invalid', undefined])
    await signIn(new Browser(system.publicUrl), (await authorisation(system)).url, pending)
  })

  it('switches on the password of whoever caused the mail, and no other', async () => {
    const email = newEmail()
    await users({ email, password: 'the password of a stranger' })
    await users({ email, password: PASSWORD })
    await users({ email, password: 'the stranger tries once more' })
    await system.mailbox.next(email, 3)
    const hashes = await system.database.query<{ secret: string; mine: boolean }>(
      `select encode(secret_hash, 'hex') as secret, created_at = (select created_at from registration where email = $1 order by created_at offset 1 limit 1) as mine
        from email_link join registration on id = registration_id where email = $1`,
      [email],
    )
    const mine = hashes.rows.find((row) => row.mine)?.secret
    const token = system.mailbox
      .to(email)
      .map(({ text }) => tokenOf(text))
      .find((each) => createHash('sha256').update(each).digest('hex') === mine)
    assert.equal((await verify(token ?? '')).status, 204)
    await signIn(new Browser(system.publicUrl), (await authorisation(system)).url, email, PASSWORD)
    assert.equal((await refusalOf(email, 'the stranger tries once more'))[0], 422)
    for (const { text } of system.mailbox.to(email)) assert.equal((await verify(tokenOf(text))).status, 400)
  })

  it('lets a link expire after a day', async () => {
    const email = newEmail()
    await users({ email, password: PASSWORD })
    const token = tokenOf((await system.mailbox.next(email)).text)
    clock.advance(24 * 3_600_000 + 1)
    assert.deepEqual(await problemOf(await verify(token)), [400, 'identity.link-invalid', undefined])
    clock.advance(-24 * 3_600_000 - 1)
    assert.equal((await verify(token)).status, 204)
  })

  it('sends mail when the mail server is back', async () => {
    const email = newEmail()
    system.mailbox.refuse = true
    await users({ email, password: PASSWORD })
    await until(async () => (await rowsOf('mail where recipient = $1 and attempts > 0 and outcome is null', [email])) === 1, {
      deadlineMs: 5_000,
      message: 'a first try',
    })
    system.mailbox.refuse = false
    const { text } = await system.mailbox.next(email)
    assert.equal((await verify(tokenOf(text))).status, 204)
  })

  it('says what is wrong with an address or a password', async () => {
    const email = newEmail()
    const refused = ([pointer]: [string], body: unknown) =>
      users(body).then(async (answer) => assert.deepEqual(await problemOf(answer), [400, 'request.invalid', pointer], JSON.stringify(body)))
    await refused(['/password'], { email, password: 'too short' })
    await refused(['/password'], { email, password: '⛵ sails north' })
    await refused(['/password'], { email, password: 'x'.repeat(257) })
    await refused(['/email'], { email: 'nobody', password: PASSWORD })
    await refused(['/email'], { email: `${'x'.repeat(250)}@example.com`, password: PASSWORD })
    await refused(['/admin'], { email, password: PASSWORD, admin: true })
    assert.equal((await users({ email, password: '⛵⚓ 海と空と風と島と波と船と' })).status, 202)
    assert.deepEqual(
      await problemOf(await fetch(`${system.publicUrl}/v1/users`, { method: 'POST', body: new URLSearchParams({ email }) })),
      [415, 'request.unsupported-media-type', undefined],
    )
  })

  it('takes the same password typed in another normal form', async () => {
    const email = newEmail()
    await users({ email, password: 'un mât, une voile, caf\u00e9' })
    assert.equal((await verify(tokenOf((await system.mailbox.next(email)).text))).status, 204)
    await signIn(new Browser(system.publicUrl), (await authorisation(system)).url, email, 'un ma\u0302t, une voile, cafe\u0301')
  })

  it('goes by pages as well: sign up, open the link, press the button, sign in', async () => {
    const email = newEmail()
    const browser = new Browser(system.publicUrl)
    const page = await openSignIn(browser, (await authorisation(system)).url)
    const form = await (await browser.go(page)).text()
    const signUp = /href="(\/account\/sign-up[^"]+)"/.exec(form)?.[1] ?? ''
    const refused = await browser.submit(signUp, { email, password: 'short' })
    const shown = await refused.text()
    assert.equal(refused.status, 422)
    assert.ok(shown.includes('aria-invalid="true"') && shown.includes(`value="${email}"`) && !shown.includes('value="short"'))
    assert.equal((await browser.submit(signUp, { email, password: PASSWORD }, 'https://evil.example')).status, 400)
    const { response } = await browser.follow(await browser.submit(signUp, { email, password: PASSWORD }))
    const check = await response.text()
    assert.ok(check.includes('Check your mail') && check.includes(page))
    const link = /http\S+verify-email\?token=\S+/.exec((await system.mailbox.next(email)).text)?.[0] ?? ''
    const opened = await browser.go(link)
    assert.match(await opened.text(), /Confirm your email address/)
    assert.equal(await rowsOf('user_account where email = $1', [email]), 0, 'looking changes nothing')
    const confirmed = await browser.submit('/account/verify-email', { token: tokenOf(link) })
    assert.deepEqual([confirmed.status, /Your account is ready/.test(await confirmed.text())], [200, true])
    const again = await browser.submit('/account/verify-email', { token: tokenOf(link) })
    assert.deepEqual([again.status, /does not work any more/.test(await again.text())], [400, true])
    const { at } = await browser.follow(await browser.submit(page, { email, password: PASSWORD }))
    assert.ok(at.searchParams.get('code'))
  })

  it('writes what people type into pages as text', async () => {
    const browser = new Browser(system.publicUrl)
    const page = await (await browser.go('/account/verify-email?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E')).text()
    assert.ok(!page.includes('<script') && page.includes('&quot;&gt;&lt;script&gt;'))
    const form = await (await browser.submit('/account/sign-up?return=../../evil', { email: '"><b>', password: 'x' })).text()
    assert.ok(!form.includes('<b>') && !form.includes('evil'))
  })

  it('takes a form that is none for an empty one', async () => {
    const origin = new URL(system.publicUrl).origin
    const statusOf = async (page: string, body?: string): Promise<number> => {
      const headers = { origin, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
      return (await fetch(`${system.publicUrl}/account/${page}`, { method: 'POST', headers, body: body ?? null })).status
    }
    for (const body of [undefined, 'null', '[]', '"text"']) {
      assert.deepEqual([await statusOf('sign-up', body), await statusOf('verify-email', body)], [422, 400], body)
    }
  })

  it('stops at ten mails an hour to one address by the doing of another, whose owner still gets one', async () => {
    const email = newEmail()
    await Promise.all(Array.from({ length: 12 }, () => users({ email, password: PASSWORD })))
    await until(async () => (await rowsOf('mail where recipient = $1 and outcome is null', [email])) === 0, {
      deadlineMs: 15_000,
      message: 'all mails done',
    })
    await users({ email, password: PASSWORD })
    await until(async () => (await rowsOf("mail where recipient = $1 and outcome = 'dropped'", [email])) >= 1, {
      deadlineMs: 5_000,
      message: 'a dropped mail',
    })
    assert.ok(system.mailbox.to(email).length <= 12)
    system.gateway.address = '198.51.100.7'
    const sent = system.mailbox.to(email).length
    await users({ email, password: PASSWORD })
    const { text } = await system.mailbox.next(email, sent + 1)
    assert.equal((await verify(tokenOf(text))).status, 204)
  })
})
