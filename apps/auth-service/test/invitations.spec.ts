import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { newId, uuidOf } from '@catamaran/contracts'
import { Browser } from './browser.js'
import { authorisation, newEmail, register, signIn, tokenOf } from './journey.js'
import { atOnce, errorOf, newMember, newPartner, newPerson, type Answer, type Person } from './partner.js'
import { startAuth, type AuthSystem } from './system.js'

const PATH = '/v1/partner/invitations'
const ACCEPT = '/v1/partners/invitations/accept'

describe('invitations', () => {
  let nowMs = Date.now()
  let system: AuthSystem
  before(async () => {
    system = await startAuth('invitations', { now: () => nowMs })
  })
  after(() => system.close())

  const items = ({ body }: Answer) => body['items'] as Record<string, unknown>[]
  /** Invites an address, and gives the token of the nth mail to it. */
  const invite = async (
    { call }: Person,
    email: string,
    { role = 'developer', count = 1 } = {},
  ): Promise<{ id: string; token: string }> => {
    const { status, body } = await call('POST', PATH, { body: { email, role } })
    assert.equal(status, 201, JSON.stringify(body))
    return { id: String(body['id']), token: tokenOf((await system.mailbox.next(email, count)).text) }
  }
  const rolesOf = async ({ call }: Person) => items(await call('GET', '/v1/partners')).map(({ id, role }) => [id, role])

  it('go by mail, and make the invited person a member', async () => {
    const { partnerId, owner } = await newPartner(system)
    const guest = await newPerson(system)
    const made = await owner.call('POST', PATH, { body: { email: ` ${guest.email.toUpperCase()}`, role: 'developer' } })
    const { id, createdAt, expiresAt, ...rest } = made.body
    assert.deepEqual([made.status, rest], [201, { email: guest.email, role: 'developer' }])
    assert.equal(Date.parse(String(expiresAt)) - Date.parse(String(createdAt)), 7 * 86_400_000)
    assert.deepEqual(items(await owner.call('GET', PATH)), [{ id, createdAt, expiresAt, ...rest }])
    const { text } = await system.mailbox.next(guest.email)
    assert.match(text, /Sailcloth & Sons/)
    const accepted = await guest.call('POST', ACCEPT, { body: { token: tokenOf(text) } })
    assert.deepEqual([accepted.status, accepted.body['id']], [200, partnerId])
    assert.deepEqual(await rolesOf(guest), [[partnerId, 'developer']])
    assert.deepEqual(items(await owner.call('GET', PATH)), [])
  })

  it('are for the account with the invited address, and told to nobody else', async () => {
    const { owner } = await newPartner(system)
    const [guest, thief] = [await newPerson(system), await newPerson(system)]
    const { token } = await invite(owner, guest.email)
    const refused = await thief.call('POST', ACCEPT, { body: { token } })
    const unknown = await thief.call('POST', ACCEPT, { body: { token: 'x'.repeat(43) } })
    assert.deepEqual(errorOf(refused), [404, 'partners.invitation-not-found'])
    assert.deepEqual({ ...refused.body, requestId: '' }, { ...unknown.body, requestId: '' })
    assert.deepEqual(await rolesOf(thief), [])
    assert.equal((await guest.call('POST', ACCEPT, { body: { token } })).status, 200)
  })

  it('work once, also when they are accepted twice at once', async () => {
    const { partnerId, owner } = await newPartner(system)
    const guest = await newPerson(system)
    const { token } = await invite(owner, guest.email)
    const accept2 = () => [1, 2].map(() => guest.call('POST', ACCEPT, { body: { token } }))
    const answers = await atOnce(system, 'partner', uuidOf(partnerId), accept2)
    assert.deepEqual(
      answers.map(({ status }) => status).toSorted((a, b) => a - b),
      [200, 404],
    )
    assert.equal((await rolesOf(guest)).length, 1)
    assert.deepEqual(errorOf(await guest.call('POST', ACCEPT, { body: { token } })), [404, 'partners.invitation-not-found'])
  })

  it('are replaced by a newer one to the same address', async () => {
    const { partnerId, owner } = await newPartner(system)
    const guest = await newPerson(system)
    const first = await invite(owner, guest.email, { role: 'owner' })
    const second = await invite(owner, guest.email, { role: 'viewer', count: 2 })
    assert.deepEqual(
      items(await owner.call('GET', PATH)).map(({ id }) => id),
      [second.id],
    )
    assert.equal((await guest.call('POST', ACCEPT, { body: { token: first.token } })).status, 404)
    assert.equal((await guest.call('POST', ACCEPT, { body: { token: second.token } })).status, 200)
    assert.deepEqual(await rolesOf(guest), [[partnerId, 'viewer']])
  })

  it('can be withdrawn, by their own partner', async () => {
    const [{ owner }, other] = [await newPartner(system), await newPartner(system)]
    const guest = await newPerson(system)
    const { id, token } = await invite(owner, guest.email)
    for (const [by, which] of [
      [other.owner, id],
      [owner, newId('invitation')],
    ] as const)
      assert.deepEqual(errorOf(await by.call('DELETE', `${PATH}/${which}`)), [404, 'partners.invitation-not-found'])
    assert.equal((await owner.call('DELETE', `${PATH}/${id}`)).status, 204)
    assert.equal((await guest.call('POST', ACCEPT, { body: { token } })).status, 404)
  })

  it('expire after seven days', async () => {
    const { owner } = await newPartner(system)
    const guest = await newPerson(system)
    const { token } = await invite(owner, guest.email)
    nowMs += 7 * 86_400_000
    assert.deepEqual(items(await owner.call('GET', PATH)), [])
    assert.equal((await guest.call('POST', ACCEPT, { body: { token } })).status, 404)
    nowMs -= 7 * 86_400_000
  })

  it('are refused for members, bad addresses and roles, too many, and by a partner that is not active', async () => {
    const { partnerId, owner } = await newPartner(system)
    const member = await newMember(system, partnerId, 'viewer')
    const ask = async (body: object) => errorOf(await owner.call('POST', PATH, { body }))
    assert.deepEqual(await ask({ email: member.email, role: 'owner' }), [409, 'partners.already-member'])
    assert.deepEqual(await ask({ email: 'nobody', role: 'owner' }), [400, 'request.invalid'])
    assert.deepEqual(await ask({ email: newEmail(), role: 'admin' }), [400, 'request.invalid'])
    await system.database.query(
      `with made as (insert into mail_action (id, kind, expires_at) select gen_random_uuid(), 'partner_invitation', now() + interval '1 day'
          from generate_series(1, 100) returning id)
        insert into partner_invitation (id, partner_id, email, role) select id, $1, id || '@example.com', 'viewer' from made`,
      [uuidOf(partnerId)],
    )
    assert.deepEqual(await ask({ email: newEmail(), role: 'viewer' }), [409, 'partners.invitation-limit'])
    const pending = await newPartner(system, 'pending')
    const early = await pending.owner.call('POST', PATH, { body: { email: newEmail(), role: 'viewer' } })
    assert.deepEqual(errorOf(early), [409, 'partners.not-active'])
  })

  it('take nobody’s role away who became a member meanwhile', async () => {
    const { partnerId, owner } = await newPartner(system)
    const guest = await newPerson(system)
    const { token } = await invite(owner, guest.email, { role: 'viewer' })
    const values = [uuidOf(partnerId), uuidOf(guest.id)]
    await system.database.query("insert into partner_member (partner_id, user_id, role) values ($1, $2, 'owner')", values)
    assert.equal((await guest.call('POST', ACCEPT, { body: { token } })).status, 200)
    assert.deepEqual(await rolesOf(guest), [[partnerId, 'owner']])
  })

  describe('on their page', () => {
    const signedIn = async (email: string): Promise<Browser> => {
      const browser = new Browser(system.publicUrl)
      await signIn(browser, (await authorisation(system)).url, email)
      return browser
    }
    const pageOf = async (browser: Browser, token: string): Promise<string> =>
      (await browser.go(`/account/invitation?token=${token}`)).text()

    it('are accepted with a button, by who signed up for them', async () => {
      const { owner } = await newPartner(system)
      const email = newEmail()
      const { token } = await invite(owner, email)
      assert.match(await pageOf(new Browser(system.publicUrl), token), /Join Sailcloth &amp; Sons[^]*create an account/)
      const { call } = owner
      await system.database.query('delete from mail where recipient = $1', [email])
      system.mailbox.mails.length = 0
      await register(system, email)
      const browser = await signedIn(email)
      assert.match(await pageOf(browser, token), /<button type="submit">Join/)
      const joined = await browser.submit('/account/invitation', { token })
      assert.deepEqual([joined.status, /Welcome to Sailcloth &amp; Sons/.test(await joined.text())], [200, true])
      assert.ok(items(await call('GET', '/v1/partner/members')).some((member) => member['email'] === email))
      assert.equal((await browser.submit('/account/invitation', { token })).status, 404)
    })

    it('are not accepted by another account, nor by a form of another site', async () => {
      const { owner } = await newPartner(system)
      const guest = await register(system)
      const { token } = await invite(owner, guest, { count: 2 })
      const thief = await signedIn(await register(system))
      const page = await pageOf(thief, token)
      assert.match(page, /sent to another address/)
      assert.ok(!page.includes(guest) && !page.includes('<button'))
      assert.equal((await thief.submit('/account/invitation', { token })).status, 404)
      const browser = await signedIn(guest)
      assert.equal((await browser.submit('/account/invitation', { token }, 'https://evil.example')).status, 400)
      assert.equal((await new Browser(system.publicUrl).submit('/account/invitation', { token })).status, 401)
      assert.equal((await browser.submit('/account/invitation', { token })).status, 200)
    })

    it('that are not good are told as such', async () => {
      const answer = await new Browser(system.publicUrl).go('/account/invitation?token=nonsense')
      assert.deepEqual([answer.status, /does not work/.test(await answer.text())], [400, true])
    })
  })
})
