import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { SettableClock } from '@catamaran/testing'
import { decodeJwt } from 'jose'
import * as oidc from 'openid-client'
import { Authenticator, type Behaviour, type Ceremony } from './authenticator.js'
import { Browser } from './browser.js'
import { addPasskey, newPerson, openPage, optionsOf, type Answer, type Person } from './factors.js'
import { authorisation } from './journey.js'
import { startAuth, type AuthSystem } from './system.js'

describe('passkeys', () => {
  const clock = new SettableClock()
  let system: AuthSystem
  before(async () => {
    system = await startAuth('passkeys', { now: clock.now })
  })
  after(() => system.close())

  const told = ({ status, body }: Answer): [number, unknown] => [status, body['code']]
  const REFUSED = [422, 'identity.passkey-invalid']
  const newAuthenticator = (isSynced = true) => new Authenticator(system.publicUrl, isSynced)
  const withPasskey = async (isSynced = true): Promise<{ person: Person; authenticator: Authenticator; id: string }> => {
    const [person, authenticator] = [await newPerson(system), newAuthenticator(isSynced)]
    const { status, body } = await addPasskey(person, authenticator)
    assert.equal(status, 201, JSON.stringify(body))
    return { person, authenticator, id: String(body['id']) }
  }
  const rowOf = async (authenticator: Authenticator) => {
    const { rows } = await system.database.query<{ sign_count: number; is_backed_up: boolean; last_used_at: Date | null }>(
      'select * from passkey where credential_id = $1',
      [authenticator.credentialId],
    )
    return rows[0]
  }
  /** Signs in with nothing but a passkey; the answer to its form. */
  const present = async (authenticator: Authenticator, behaviour: Behaviour = {}, browser = new Browser(system.publicUrl)) => {
    const { config, url, checks } = await authorisation(system)
    const { at, page } = await openPage(browser, url)
    const credential = JSON.stringify(authenticator.get(optionsOf(page), behaviour))
    return { config, checks, at, credential, browser, answer: await browser.submit(`${at}/passkey`, { credential }) }
  }

  describe('in an account', () => {
    it('are added with a mail, listed, renamed, and removed with a mail', async () => {
      const { person, id } = await withPasskey()
      assert.match((await system.mailbox.next(person.email, 2)).text, /The passkey “My phone” can now sign in/)
      const listed = (await person.call('GET', '/v1/me/passkeys')).body['items']
      const createdAt = new Date(clock.now()).toISOString()
      assert.deepEqual(listed, [{ id, name: 'My phone', createdAt, lastUsedAt: null, isSynced: false }])
      assert.equal((await person.call('PATCH', `/v1/me/passkeys/${id}`, { name: '  Key ring ' })).body['name'], 'Key ring')
      assert.equal((await person.call('DELETE', `/v1/me/passkeys/${id}`)).status, 204)
      assert.match((await system.mailbox.next(person.email, 3)).text, /The passkey “Key ring” can no longer sign in/)
      assert.deepEqual((await person.call('GET', '/v1/me/passkeys')).body['items'], [])
      assert.deepEqual(told(await person.call('DELETE', `/v1/me/passkeys/${id}`)), [404, 'identity.passkey-not-found'])
    })

    it('are asked for as discoverable and verifying, and not from a device that has one', async () => {
      const { person, authenticator } = await withPasskey()
      const { body } = await person.call('POST', '/v1/me/passkeys/options')
      assert.deepEqual(body['authenticatorSelection'], { residentKey: 'required', userVerification: 'required', requireResidentKey: true })
      assert.equal(body['attestation'], 'none')
      assert.deepEqual(body['rp'], { name: 'Catamaran', id: '127.0.0.1' })
      const excluded = (body['excludeCredentials'] as { id: string }[]).map(({ id }) => id)
      assert.deepEqual(excluded, [authenticator.credentialId.toString('base64url')])
    })

    it('are refused from another site, without verifying the person, and twice', async () => {
      const person = await newPerson(system)
      const add = async (authenticator: Authenticator, behaviour: Behaviour = {}) => {
        const { body } = await person.call('POST', '/v1/me/passkeys/options')
        const credential = authenticator.create(body as unknown as Ceremony, behaviour)
        return person.call('POST', '/v1/me/passkeys', { name: 'A key', credential })
      }
      assert.deepEqual(told(await add(newAuthenticator(), { origin: 'https://evil.example' })), REFUSED)
      assert.deepEqual(told(await add(newAuthenticator(), { isVerified: false })), REFUSED)
      const authenticator = newAuthenticator()
      assert.equal((await add(authenticator)).status, 201)
      assert.deepEqual(told(await add(authenticator)), REFUSED)
      assert.equal((await person.call('POST', '/v1/me/passkeys', { name: '', credential: {} })).status, 400)
    })

    it('answer a challenge that is one’s own, once, within five minutes', async () => {
      const [person, other] = [await newPerson(system), await newPerson(system)]
      const challenge = async (): Promise<Ceremony> => (await person.call('POST', '/v1/me/passkeys/options')).body as unknown as Ceremony
      const add = (who: Person, credential: unknown) => who.call('POST', '/v1/me/passkeys', { name: 'A key', credential })
      assert.deepEqual(told(await add(other, newAuthenticator().create(await challenge()))), REFUSED)
      assert.deepEqual(told(await add(person, newAuthenticator().create({ challenge: 'bWFkZSB1cA' }))), REFUSED)
      const once = await challenge()
      assert.equal((await add(person, newAuthenticator().create(once))).status, 201)
      assert.deepEqual(told(await add(person, newAuthenticator().create(once))), REFUSED)
      const old = await challenge()
      clock.advance(301_000)
      assert.deepEqual(told(await add(person, newAuthenticator().create(old))), REFUSED)
    })

    it('of somebody else are not there', async () => {
      const [{ id }, other] = [await withPasskey(), await newPerson(system)]
      assert.deepEqual(told(await other.call('PATCH', `/v1/me/passkeys/${id}`, { name: 'Mine' })), [404, 'identity.passkey-not-found'])
      assert.deepEqual(told(await other.call('DELETE', `/v1/me/passkeys/${id}`)), [404, 'identity.passkey-not-found'])
    })

    it('are twenty at most', async () => {
      const { person, id } = await withPasskey()
      for (let made = 1; made < 20; made++) {
        await system.database.query(
          `insert into passkey (id, user_id, credential_id, public_key, sign_count, is_backup_eligible, is_backed_up, aaguid, name)
            select $1, user_id, $2, public_key, 0, false, false, aaguid, name from passkey where name = 'My phone' and user_id =
              (select id from user_account where email = $3) limit 1`,
          [randomUUID(), Buffer.from(randomUUID()), person.email],
        )
      }
      assert.deepEqual(told(await addPasskey(person, newAuthenticator())), [409, 'identity.passkey-limit'])
      assert.equal((await person.call('DELETE', `/v1/me/passkeys/${id}`)).status, 204)
      assert.equal((await addPasskey(person, newAuthenticator())).status, 201)
    })

    it('are changed only by who signed in within five minutes; a name is not a credential', async () => {
      clock.set(Date.now() - 301_000) // tokens are judged by the machine's clock
      const person = await newPerson(system)
      clock.set(Date.now())
      const id = 'psk_01k2m3n4p5q6r7s8t9v0w1x2y3'
      assert.deepEqual(told(await person.call('POST', '/v1/me/passkeys/options')), [401, 'auth.step-up-needed'])
      assert.deepEqual(told(await person.call('POST', '/v1/me/passkeys', {})), [401, 'auth.step-up-needed'])
      assert.deepEqual(told(await person.call('DELETE', `/v1/me/passkeys/${id}`)), [401, 'auth.step-up-needed'])
      assert.deepEqual(told(await person.call('PATCH', `/v1/me/passkeys/${id}`, { name: 'A' })), [404, 'identity.passkey-not-found'])
    })
  })

  describe('at sign-in', () => {
    it('need no email and no password, and make two factors', async () => {
      const { person, authenticator, id } = await withPasskey()
      const { config, checks, browser, answer } = await present(authenticator, { isBackedUp: true })
      const { at: callback } = await browser.follow(answer)
      const tokens = await oidc.authorizationCodeGrant(config, callback, checks)
      for (const token of [tokens.access_token, tokens.id_token ?? '']) {
        const { acr, amr } = decodeJwt(token)
        assert.deepEqual([acr, amr], ['urn:catamaran:acr:multi', ['swk', 'user', 'mfa']])
      }
      const userInfo = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims()?.sub ?? '')
      assert.equal(userInfo.email, person.email)
      const lastUsedAt = new Date(clock.now()).toISOString()
      const [listed] = (await person.call('GET', '/v1/me/passkeys')).body['items'] as Record<string, unknown>[]
      assert.deepEqual([listed?.['id'], listed?.['lastUsedAt'], listed?.['isSynced']], [id, lastUsedAt, true])
    })

    it('of a device that keeps its key say so', async () => {
      const { authenticator } = await withPasskey(false)
      const { config, checks, browser, answer } = await present(authenticator)
      const { at: callback } = await browser.follow(answer)
      const { amr } = decodeJwt((await oidc.authorizationCodeGrant(config, callback, checks)).access_token)
      assert.deepEqual(amr, ['hwk', 'user', 'mfa'])
    })

    it('are refused when their counter does not rise, which it does on a copy', async () => {
      const { authenticator } = await withPasskey()
      assert.equal((await present(authenticator, { signCount: 7 })).answer.status, 303)
      assert.equal((await rowOf(authenticator))?.sign_count, 7)
      for (const signCount of [7, 6, 0]) assert.equal((await present(authenticator, { signCount })).answer.status, 422)
      assert.equal((await present(authenticator, { signCount: 8 })).answer.status, 303)
      assert.equal((await rowOf(authenticator))?.sign_count, 8)
    })

    it('that don’t count work again and again', async () => {
      const { authenticator } = await withPasskey()
      for (let times = 0; times < 2; times++) assert.equal((await present(authenticator)).answer.status, 303)
    })

    it('are refused without verification, from another site, with another handle, and unknown', async () => {
      const { authenticator } = await withPasskey()
      const { authenticator: others } = await withPasskey()
      const refused = [
        present(authenticator, { isVerified: false }),
        present(authenticator, { origin: 'https://evil.example' }),
        present(authenticator, { userHandle: others.userHandle }),
        present(newAuthenticator()),
      ]
      for (const { answer } of await Promise.all(refused)) {
        assert.equal(answer.status, 422)
        assert.match(await answer.text(), /That passkey was not accepted/)
      }
      const { browser, at, credential } = await present(newAuthenticator())
      const stolen = JSON.stringify({ ...(JSON.parse(credential) as object), id: authenticator.credentialId.toString('base64url') })
      assert.equal((await browser.submit(`${at}/passkey`, { credential: stolen })).status, 422)
      for (const junk of ['', '{}', 'null', '[', '{"id":1}'])
        assert.equal((await browser.submit(`${at}/passkey`, { credential: junk })).status, 422, junk)
      assert.equal((await rowOf(authenticator))?.last_used_at, null)
    })

    it('answer a challenge of this very sign-in, once, within five minutes', async () => {
      const { authenticator } = await withPasskey()
      const first = await openPage(new Browser(system.publicUrl), (await authorisation(system)).url)
      const browser = new Browser(system.publicUrl)
      const { at, page } = await openPage(browser, (await authorisation(system)).url)
      const answer = async (challenged: string) => {
        const credential = JSON.stringify(authenticator.get(optionsOf(challenged)))
        return (await browser.submit(`${at}/passkey`, { credential })).status
      }
      assert.equal(await answer(first.page), 422, 'the challenge of another sign-in')
      const { page: late } = await openPage(browser, new URL(at, system.publicUrl))
      clock.advance(301_000)
      assert.equal(await answer(late), 422, 'too late')
      const { page: fresh } = await openPage(browser, new URL(at, system.publicUrl))
      assert.equal(await answer(fresh), 303)
      assert.notEqual(page, fresh)
      assert.equal(await answer(fresh), 422, 'used')
    })

    it('that were removed, or whose account is closed, sign nobody in', async () => {
      const [{ person, authenticator, id }, closed] = [await withPasskey(), await withPasskey()]
      await person.call('DELETE', `/v1/me/passkeys/${id}`)
      assert.equal((await present(authenticator)).answer.status, 422)
      await system.database.query('update user_account set closed_at = now() where email = $1', [closed.person.email])
      assert.equal((await present(closed.authenticator)).answer.status, 422)
    })
  })
})
