import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Retention } from '@catamaran/data'
import { until } from '@catamaran/testing'
import { Browser } from './browser.js'
import { postJson, register, tokenOf } from './journey.js'
import { Person } from './person.js'
import { startAuth, type AuthSystem } from './system.js'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'
const NEW_DEVICE = /a browser that was not used for it before/

describe('devices', () => {
  let system: AuthSystem
  before(async () => {
    system = await startAuth('devices')
  })
  after(() => system.close())

  const devicesOf = async (email: string): Promise<number> =>
    (await system.database.query('select from known_device join user_account on id = user_id where email = $1', [email])).rows.length
  const newDeviceMails = (email: string): number => system.mailbox.to(email).filter(({ text }) => NEW_DEVICE.test(text)).length
  /** All mail that was queued is done with. */
  const mailIsDone = (email: string) =>
    until(
      async () => (await system.database.query('select from mail where recipient = $1 and outcome is null', [email])).rows.length === 0,
      {
        message: 'no mail waits',
      },
    )

  it('cause a mail when they are new beside others, which names them and what to do', async () => {
    const email = await register(system)
    const first = new Browser(system.publicUrl)
    await Person.signIn(system, email, first)
    await Person.signIn(system, email, new Browser(system.publicUrl, { 'user-agent': FIREFOX }))
    const { text } = await system.mailbox.nextLike(email, NEW_DEVICE)
    assert.match(text, /Firefox on Linux, \d+ \w+ \d{4}, \d\d:\d\d UTC/)
    assert.match(text, /choose a new password at once.*\/account\/forgot-password/s)
    assert.deepEqual([await devicesOf(email), newDeviceMails(email)], [2, 1])
  })

  it('cause none when they are the first or known, whoever else uses them', async () => {
    const [email, other] = [await register(system), await register(system)]
    const browser = new Browser(system.publicUrl)
    const person = await Person.signIn(system, email, browser)
    const page = await (await browser.go('/oidc/session/end')).text()
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page)?.[1] ?? ''
    await browser.submit(/action="([^"]+)"/.exec(page)?.[1] ?? '', { xsrf, logout: 'yes' })
    await Person.signIn(system, email, browser)
    await person.isSignedOut()
    await Promise.all([mailIsDone(email), mailIsDone(other)])
    assert.deepEqual([await devicesOf(email), newDeviceMails(email)], [1, 0])
  })

  it('are known by a cookie that lasts, which no script reads, and which counts with our signature only', async () => {
    const email = await register(system)
    const browser = new Browser(system.publicUrl)
    let line = ''
    browser.onCookie = (header) => {
      if (header.startsWith('cat_device=')) line = header
    }
    await Person.signIn(system, email, browser)
    assert.match(line, /^cat_device=[\w-]{43}\.[\w-]{43}; Path=\/account; Max-Age=34560000; HttpOnly; SameSite=Lax$/)
    const device = /=([\w-]{43})\./.exec(line)?.[1] ?? ''
    const dump = JSON.stringify((await system.database.query('select * from known_device')).rows)
    assert.ok(!dump.includes(device))
    const forger = new Browser(system.publicUrl)
    forger.set('cat_device', `${device}.${'A'.repeat(43)}`, '/account')
    await Person.signIn(system, email, forger)
    await system.mailbox.nextLike(email, NEW_DEVICE)
    assert.equal(await devicesOf(email), 2)
  })

  it('are strangers after a reset, except the one it was made with', async () => {
    const email = await register(system)
    await Person.signIn(system, email)
    await Person.signIn(system, email)
    await postJson(`${system.publicUrl}/v1/users/reset-password`, { email })
    const token = tokenOf((await system.mailbox.nextLike(email, /reset-password\?token/)).text)
    const browser = new Browser(system.publicUrl)
    const password = 'lanterns along the outer pier'
    assert.equal((await browser.submit('/account/reset-password', { token, password })).status, 200)
    assert.equal(await devicesOf(email), 1)
    await Person.signIn(system, email, browser, password)
    await mailIsDone(email)
    assert.deepEqual([await devicesOf(email), newDeviceMails(email)], [1, 1])
  })

  it('are forgotten when they were not seen for a year, and what else has had its time', async () => {
    const email = await register(system)
    await Person.signIn(system, email)
    await Person.signIn(system, email)
    await system.database.query(
      `update known_device set last_seen_at = now() - interval '1 year 1 day' where device_hash in (
        select device_hash from known_device join user_account on id = user_id where email = $1 limit 1)`,
      [email],
    )
    await system.database.query(
      `insert into mail_action (id, kind, expires_at) values ('00000000-0000-7000-8000-000000000001', 'x', now() - interval '25 hours')`,
    )
    await system.database.query(
      `insert into revocation (sequence, kind, subject, revoked_at, expires_at)
        select nextval('revocation_sequence'), 'session', subject, now(), now() + life * interval '1 second' from (values ('old', -1), ('new', 60)) as r(subject, life)`,
    )
    await system.service.app.get(Retention).round()
    assert.equal(await devicesOf(email), 1)
    const { rows } = await system.database.query<{ subject: string }>(
      "select subject from revocation where subject in ('old', 'new') union all select kind from mail_action where kind = 'x'",
    )
    assert.deepEqual(rows, [{ subject: 'new' }])
  })
})
