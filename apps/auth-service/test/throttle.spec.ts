import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTelemetry } from '@catamaran/platform'
import { figureOf, OutageProxy, testEngines } from '@catamaran/testing'
import { Browser } from './browser.js'
import { authorisation, newEmail, openSignIn, PASSWORD, postJson, register, signIn, tokenOf } from './journey.js'
import { startAuth, type AuthSystem } from './system.js'

const scrape = startTelemetry('auth-service')

describe('guessing passwords', () => {
  let system: AuthSystem
  let redis: OutageProxy
  before(async () => {
    redis = await OutageProxy.before(testEngines().redisUrl)
    system = await startAuth('throttle', { env: { REDIS_URL: redis.url } })
  })
  after(async () => {
    await system.close()
    await redis.close()
  })

  /** Tries until it is refused another try; gives how many were looked at, and the refusal. */
  const guess = async (email: string, most: number, browser = new Browser(system.publicUrl)): Promise<[number, Response]> => {
    const page = await openSignIn(browser, (await authorisation(system, { prompt: 'login' })).url)
    for (let tries = 0; tries <= most; tries++) {
      const answer = await browser.submit(page, { email, password: 'not the right password' })
      if (answer.status !== 422) return [tries, answer]
    }
    throw new Error(`no end after ${most} tries`)
  }
  const signsIn = async (email: string, browser = new Browser(system.publicUrl), password = PASSWORD): Promise<number> => {
    const page = await openSignIn(browser, (await authorisation(system, { prompt: 'login' })).url)
    return (await browser.submit(page, { email, password })).status
  }
  /** Guesses from a new address each time, until it is refused another try. */
  const guessFromEverywhere = async (email: string): Promise<{ tries: number; refusal: Response }> => {
    const browser = new Browser(system.publicUrl)
    const page = await openSignIn(browser, (await authorisation(system)).url)
    for (let tries = 0; tries <= 60; tries++) {
      system.gateway.address = `198.51.100.${tries}`
      const refusal = await browser.submit(page, { email, password: 'not the right password' })
      if (refusal.status !== 422) return { tries, refusal }
    }
    throw new Error('no end')
  }

  it('ends after ten tries at one account, known or not, and says how long to wait; other accounts go on', async () => {
    const [known, other] = [await register(system), await register(system)]
    const refusedOnes = async () => figureOf(await scrape('text'), 'signins_total{method="password",outcome="refused"}')
    for (const email of [known, newEmail()]) {
      const before_ = await refusedOnes()
      const [tries, refusal] = await guess(email, 12)
      assert.equal(await refusedOnes(), before_ + 11)
      assert.deepEqual([tries, refusal.status], [10, 429])
      const waitS = Number(refusal.headers.get('retry-after'))
      assert.ok(waitS > 850 && waitS <= 900, `${waitS} s`)
      assert.match(await refusal.text(), /Wait 15 minutes/)
    }
    assert.equal(await signsIn(known), 429)
    assert.equal(await signsIn(other), 303)
  })

  it('ends after ten tries from anywhere in an IPv6 network, which one customer has', async () => {
    const browser = new Browser(system.publicUrl)
    const page = await openSignIn(browser, (await authorisation(system)).url)
    const form = { email: newEmail(), password: 'not the right password' }
    const tryFrom = async (address: string): Promise<number> => {
      system.gateway.address = address
      return (await browser.submit(page, form)).status
    }
    for (let tries = 1; tries <= 10; tries++) assert.equal(await tryFrom(`2001:db8:0:1::${tries}`), 422)
    assert.deepEqual([await tryFrom('2001:db8:0:1:ffff::1'), await tryFrom('2001:db8:0:2::1')], [429, 422])
    system.gateway.address = '203.0.113.7'
  })

  it('is counted anew after a sign-in', async () => {
    const email = await register(system)
    const browser = new Browser(system.publicUrl)
    const page = await openSignIn(browser, (await authorisation(system)).url)
    for (let tries = 0; tries < 9; tries++) await browser.submit(page, { email, password: 'not the right password' })
    assert.equal(await signsIn(email), 303)
    assert.equal((await guess(email, 12))[0], 10)
  })

  it('from everywhere ends after fifty tries at one account, known or not, while its owner goes on in a browser that is known', async () => {
    const email = await register(system)
    const [owner, thief] = [new Browser(system.publicUrl), new Browser(system.publicUrl)]
    await signIn(owner, (await authorisation(system)).url, email)
    const other = new Browser(system.publicUrl)
    await signIn(other, (await authorisation(system)).url, await register(system))
    thief.set('cat_device', other.cookie('cat_device') ?? '', '/account')
    // The owner's own first sign-in was one of the fifty.
    for (const [account, most] of [
      [email, 49],
      [newEmail(), 50],
    ] as const) {
      const { tries, refusal } = await guessFromEverywhere(account)
      assert.deepEqual([tries, refusal.status], [most, 429])
      assert.ok(Number(refusal.headers.get('retry-after')) > 3_500)
    }
    system.gateway.address = '198.51.100.250'
    assert.equal(await signsIn(email), 429)
    assert.equal(await signsIn(email, thief), 429, 'known for another account')
    assert.equal(await signsIn(email, owner), 303)
    const [tries, refusal] = await guess(email, 12, owner)
    assert.deepEqual([tries, refusal.status], [10, 429], 'its own tries are counted')
    assert.equal(await signsIn(await register(system)), 303)
  })

  it('lets the owner in again by a reset, in the browser it is made with', async () => {
    const email = await register(system)
    await guessFromEverywhere(email)
    await postJson(`${system.publicUrl}/v1/users/reset-password`, { email })
    const token = tokenOf((await system.mailbox.nextLike(email, /reset-password\?token/)).text)
    const browser = new Browser(system.publicUrl)
    const password = 'lanterns along the outer pier'
    assert.equal((await browser.submit('/account/reset-password', { token, password })).status, 200)
    assert.equal(await signsIn(email, new Browser(system.publicUrl), password), 429)
    assert.equal(await signsIn(email, browser, password), 303)
  })

  it('ends without Redis too', async () => {
    const email = await register(system)
    redis.cut()
    try {
      const [tries, refusal] = await guess(email, 12)
      assert.deepEqual([tries, refusal.status], [10, 429])
    } finally {
      redis.restore()
    }
  })
})
