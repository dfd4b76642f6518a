import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import pg from 'pg'
import { system } from './setting.js'
import { VirtualAuthenticator, Visitor } from './visitor.js'

describe('passkeys in a browser', () => {
  const visitors: Visitor[] = []
  after(() => Promise.all(visitors.map(({ context }) => context.close())))

  const withPasskey = async (name = 'My phone'): Promise<{ visitor: Visitor; device: VirtualAuthenticator }> => {
    const visitor = await Visitor.arrive()
    visitors.push(visitor)
    const device = await VirtualAuthenticator.plugIn(visitor)
    await visitor.settleIn()
    await visitor.press('Add a passkey', 'link')
    await visitor.fill('Name', name)
    await visitor.press('Go on')
    await visitor.sees('Your account')
    return { visitor, device }
  }
  /** Opens the sign-in page while nobody is at the device, so that the offer in the email field is not taken. */
  const openAlone = async (visitor: Visitor, device: VirtualAuthenticator): Promise<void> => {
    await device.setPresent(false)
    await visitor.open('/account')
    await visitor.sees('Sign in')
    await device.setPresent(true)
  }
  const storedCount = async (email: string): Promise<number> => {
    const client = new pg.Client({ connectionString: system.engines.databases.auth })
    await client.connect()
    try {
      const text = 'select sign_count from passkey join user_account on user_account.id = user_id where email = $1'
      return Number((await client.query<{ sign_count: string }>(text, [email])).rows[0]?.sign_count)
    } finally {
      await client.end()
    }
  }

  it('are added, told of, renamed and removed', async () => {
    const { visitor } = await withPasskey()
    assert.match(await visitor.page.getByRole('status').innerText(), /The passkey was added/)
    await visitor.press('Change My phone', 'link')
    await visitor.fill('Name', 'Key ring')
    await visitor.press('Save the name')
    assert.equal(await visitor.page.getByText('Key ring').count(), 1)
    await visitor.press('Change Key ring', 'link')
    await visitor.press('Remove this passkey')
    assert.match(await visitor.page.getByRole('status').innerText(), /was removed/)
    assert.equal(await visitor.page.getByText('Key ring').count(), 0)
    await visitor.leave()
  })

  it('sign in by the button without email or password, and their counter goes up', async () => {
    const { visitor, device } = await withPasskey()
    await visitor.signOut()
    const before = await storedCount(visitor.email)
    await openAlone(visitor, device)
    await visitor.page.getByRole('button', { name: 'Sign in with a passkey' }).click()
    await visitor.comesTo('Your account')
    const counted = await storedCount(visitor.email)
    assert.ok(counted > before)
    assert.deepEqual(await device.signCounts(), [counted])
    await visitor.leave()
  })

  it('are offered in the email field, and sign in when one is chosen there', async () => {
    const { visitor } = await withPasskey()
    await visitor.signOut()
    await visitor.open('/account')
    await visitor.comesTo('Your account')
    assert.ok((await visitor.page.getByText(visitor.email).count()) > 0)
    await visitor.leave()
  })

  it('that were removed from the account sign nobody in', async () => {
    const { visitor, device } = await withPasskey()
    await visitor.press('Change My phone', 'link')
    await visitor.press('Remove this passkey')
    await visitor.signOut()
    await openAlone(visitor, device)
    await visitor.page.getByRole('button', { name: 'Sign in with a passkey' }).click()
    await visitor.comesTo('That passkey was not accepted')
    await visitor.press('Try again', 'link')
    await visitor.leave()
  })

  it('say so when the device does not recognise its owner', async () => {
    const { visitor, device } = await withPasskey()
    await visitor.signOut()
    await openAlone(visitor, device)
    await device.setVerified(false)
    await visitor.page.getByRole('button', { name: 'Sign in with a passkey' }).click()
    await visitor.page.getByText('No passkey was used. You can try again.').waitFor()
    await visitor.leave()
  })
})
