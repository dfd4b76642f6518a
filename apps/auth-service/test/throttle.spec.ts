import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { OutageProxy, testEngines } from '@catamaran/testing'
import { Browser } from './browser.js'
import { authorisation, newEmail, openSignIn, PASSWORD, register } from './journey.js'
import { startAuth, type AuthSystem } from './system.js'

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
  const guess = async (email: string, most: number): Promise<[number, Response]> => {
    const browser = new Browser(system.publicUrl)
    const page = await openSignIn(browser, (await authorisation(system)).url)
    for (let tries = 0; tries <= most; tries++) {
      const answer = await browser.submit(page, { email, password: 'not the right password' })
      if (answer.status !== 422) return [tries, answer]
    }
    throw new Error(`no end after ${most} tries`)
  }
  const signsIn = async (email: string): Promise<number> => {
    const browser = new Browser(system.publicUrl)
    const page = await openSignIn(browser, (await authorisation(system)).url)
    return (await browser.submit(page, { email, password: PASSWORD })).status
  }

  it('ends after ten tries at one account, known or not, and says how long to wait; other accounts go on', async () => {
    const [known, other] = [await register(system), await register(system)]
    for (const email of [known, newEmail()]) {
      const [tries, refusal] = await guess(email, 12)
      assert.deepEqual([tries, refusal.status], [10, 429])
      const waitS = Number(refusal.headers.get('retry-after'))
      assert.ok(waitS > 850 && waitS <= 900, `${waitS} s`)
      assert.match(await refusal.text(), /Wait 15 minutes/)
    }
    assert.equal(await signsIn(known), 429)
    assert.equal(await signsIn(other), 303)
  })

  it('is counted anew after a sign-in', async () => {
    const email = await register(system)
    const browser = new Browser(system.publicUrl)
    const page = await openSignIn(browser, (await authorisation(system)).url)
    for (let tries = 0; tries < 9; tries++) await browser.submit(page, { email, password: 'not the right password' })
    assert.equal(await signsIn(email), 303)
    assert.equal((await guess(email, 12))[0], 10)
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
