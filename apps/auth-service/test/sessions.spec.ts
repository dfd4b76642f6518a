import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { isId } from '@catamaran/contracts'
import { OutageProxy, SettableClock, testEngines } from '@catamaran/testing'
import * as oidc from 'openid-client'
import { SessionsRepository } from '../src/sessions/sessions.repository.js'
import { SessionsService } from '../src/sessions/sessions.service.js'
import { Browser } from './browser.js'
import { authorisation, isOAuthError, openSignIn, PASSWORD, register, signIn } from './journey.js'
import { Person } from './person.js'
import { startAuth, type AuthSystem } from './system.js'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'

interface Session {
  id: string
  device: string
  startedAt: string
  lastSeenAt: string
  isCurrent: boolean
}

describe('sessions', () => {
  const clock = new SettableClock()
  let system: AuthSystem
  let dynamo: OutageProxy
  before(async () => {
    dynamo = await OutageProxy.before(testEngines().dynamodbEndpoint)
    system = await startAuth('sessions', { now: clock.now, env: { DYNAMODB_ENDPOINT: dynamo.url.replace(/\/$/, '') } })
  })
  after(async () => {
    await system.close()
    await dynamo.close()
  })

  const listOf = async (person: Person): Promise<Session[]> => {
    const { status, body } = await person.call('GET', '/v1/me/sessions')
    assert.equal(status, 200, JSON.stringify(body))
    return body['items'] as Session[]
  }
  const idsOf = async (person: Person): Promise<string[]> => (await listOf(person)).map(({ id }) => id)
  const isBrowserSignedIn = async (browser: Browser): Promise<boolean> => {
    const { response } = await browser.follow(await browser.go((await authorisation(system)).url.href))
    return /Continue to/.test(await response.text())
  }

  it('are listed with device, start, when they were last seen, and which one asks', async () => {
    const email = await register(system)
    const first = await Person.signIn(system, email, new Browser(system.publicUrl, { 'user-agent': FIREFOX }))
    const second = await Person.signIn(system, email)
    const sessions = await listOf(second)
    assert.deepEqual(new Set(sessions.map(({ id }) => id)), new Set([await first.sid(), await second.sid()]))
    const own = sessions.find(({ isCurrent }) => isCurrent)
    const other = sessions.find(({ isCurrent }) => !isCurrent)
    assert.equal(own?.id, await second.sid())
    assert.deepEqual([other?.device, other?.startedAt], ['Firefox on Linux', new Date(clock.now()).toISOString()])
  })

  it('are seen when they refresh, at most once a minute', async () => {
    const person = await Person.register(system)
    const started = (await listOf(person))[0]?.lastSeenAt
    clock.advance(59_000)
    await person.refresh()
    assert.equal((await listOf(person))[0]?.lastSeenAt, started)
    clock.advance(2_000)
    await person.refresh()
    const [seen] = await listOf(person)
    assert.deepEqual([seen?.startedAt, seen?.lastSeenAt], [started, new Date(clock.now()).toISOString()])
  })

  it('keep their name when the person signs in again in the same browser, and give the cookie a new one', async () => {
    const person = await Person.register(system)
    const cookie = person.browser.cookie('cat_session')
    const { config, url, checks } = await authorisation(system, { prompt: 'login' })
    await oidc.authorizationCodeGrant(config, await signIn(person.browser, url, person.email), checks)
    assert.notEqual(person.browser.cookie('cat_session'), cookie)
    assert.deepEqual(await idsOf(person), [await person.sid()])
  })

  it('end one by one: no refresh, no sign-in by the cookie, and the gateways are told', async () => {
    const email = await register(system)
    const [here, there] = [await Person.signIn(system, email), await Person.signIn(system, email)]
    assert.equal((await here.call('DELETE', `/v1/me/sessions/${await there.sid()}`)).status, 204)
    assert.ok(await there.isRevoked())
    await there.isSignedOut()
    assert.equal(await isBrowserSignedIn(there.browser), false)
    assert.deepEqual(await idsOf(here), [await here.sid()])
    assert.equal(await here.isRevoked(), false)
    await here.refresh()
    assert.equal(await isBrowserSignedIn(here.browser), true)
  })

  it('of others, of nobody and those that have ended are not there', async () => {
    const email = await register(system)
    const [person, own, other] = [await Person.signIn(system, email), await Person.signIn(system, email), await Person.register(system)]
    assert.equal((await person.call('DELETE', `/v1/me/sessions/${await own.sid()}`)).status, 204)
    for (const sid of [await other.sid(), await own.sid(), 'x'.repeat(21)]) {
      const { status, body } = await person.call('DELETE', `/v1/me/sessions/${sid}`)
      assert.deepEqual([status, body['code']], [404, 'identity.session-not-found'])
    }
    assert.equal((await person.call('DELETE', '/v1/me/sessions/*')).status, 400)
    await other.refresh()
    assert.equal(await other.isRevoked(), false)
  })

  it('all end but the one that asks', async () => {
    const email = await register(system)
    const [here, ...others] = [await Person.signIn(system, email), await Person.signIn(system, email), await Person.signIn(system, email)]
    const stranger = await Person.register(system)
    assert.equal((await here.call('DELETE', '/v1/me/sessions')).status, 204)
    for (const other of others) {
      assert.ok(await other.isRevoked())
      await other.isSignedOut()
      assert.equal(await isBrowserSignedIn(other.browser), false)
    }
    assert.deepEqual(await idsOf(here), [await here.sid()])
    for (const person of [here, stranger]) {
      await person.refresh()
      assert.equal(await person.isRevoked(), false)
    }
    await Person.signIn(system, email)
    assert.equal((await idsOf(here)).length, 2)
  })

  it('end with a sign-out, access tokens included', async () => {
    const person = await Person.register(system)
    const page = await (await person.browser.go('/oidc/session/end')).text()
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page)?.[1] ?? ''
    await person.browser.submit(/action="([^"]+)"/.exec(page)?.[1] ?? '', { xsrf, logout: 'yes' })
    assert.ok(await person.isRevoked())
    await person.isSignedOut()
    const again = await Person.signIn(system, person.email, person.browser)
    assert.notEqual(await again.sid(), await person.sid())
    assert.deepEqual(await idsOf(again), [await again.sid()])
  })

  it('are not brought back by a request that was under way when they ended', async () => {
    const person = await Person.register(system)
    const [repository, service] = [system.service.app.get(SessionsRepository), system.service.app.get(SessionsService)]
    const sid = await person.sid()
    const { sub } = await person.claims()
    const payload = await repository.findByUid(sid)
    assert.ok(payload && isId('user', sub))
    await service.end(sub, sid)
    await repository.save('a cookie', payload, 60, 'A browser')
    assert.equal(await repository.findByCookie('a cookie'), undefined)
    assert.equal(await repository.findByUid(sid), undefined)
    assert.deepEqual(await service.list(sub, undefined), [])
  })

  it('stay on the list until they have ended altogether, whichever store is away, and end when asked again', async () => {
    const email = await register(system)
    const [here, there] = [await Person.signIn(system, email), await Person.signIn(system, email)]
    const end = async () => here.call('DELETE', `/v1/me/sessions/${await there.sid()}`)
    system.postgres.cut()
    assert.equal((await end()).status, 503)
    system.postgres.restore()
    await there.isSignedOut()
    assert.equal(await there.isRevoked(), false)
    assert.ok((await idsOf(here)).includes(await there.sid()), 'so that it can be ended again')
    dynamo.cut()
    assert.equal((await end()).status, 503)
    dynamo.restore()
    assert.equal((await end()).status, 204)
    assert.ok(await there.isRevoked())
    assert.ok(!(await idsOf(here)).includes(await there.sid()))
  })

  it('are over once all others were ended, although the store that keeps them could not be told', async () => {
    const email = await register(system)
    const [here, there] = [await Person.signIn(system, email), await Person.signIn(system, email)]
    const { sub } = await here.claims()
    assert.ok(isId('user', sub))
    clock.advance(1_000)
    const kept = await here.sid()
    await system.service.app.get(SessionsService).endAll(sub, kept, () => {
      dynamo.cut()
      return Promise.resolve()
    })
    dynamo.restore()
    assert.ok(await system.service.app.get(SessionsRepository).findByUid(await there.sid()), 'it is still kept')
    await there.isSignedOut()
    assert.equal(await isBrowserSignedIn(there.browser), false)
    assert.deepEqual(await idsOf(here), [kept])
    await here.refresh()
  })

  it('do not come of a sign-in that was begun before all were ended', async () => {
    const email = await register(system)
    const here = await Person.signIn(system, email)
    const browser = new Browser(system.publicUrl)
    const { config, url, checks } = await authorisation(system)
    const typed = await browser.submit(await openSignIn(browser, url), { email, password: PASSWORD })
    clock.advance(1_000)
    assert.equal((await here.call('DELETE', '/v1/me/sessions')).status, 204)
    const { at } = await browser.follow(typed)
    await assert.rejects(oidc.authorizationCodeGrant(config, at, checks), isOAuthError('invalid_grant'))
    assert.equal(await isBrowserSignedIn(browser), false)
    clock.advance(1_000)
    await Person.signIn(system, email)
  })

  it('need the scope, and a token', async () => {
    const email = await register(system)
    const { config, url, checks } = await authorisation(system)
    const tokens = await oidc.authorizationCodeGrant(config, await signIn(new Browser(system.publicUrl), url, email), checks)
    const headers = { authorization: `Bearer ${tokens.access_token}` }
    assert.equal((await fetch(`${system.publicUrl}/v1/me/sessions`, { headers })).status, 403)
    assert.equal((await fetch(`${system.publicUrl}/v1/me/sessions`)).status, 401)
  })
})
