import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { codeOf } from './codes.js'
import { Visitor } from './visitor.js'

/** One person's way through the pages in a browser that runs no scripts. */
describe('without JavaScript', () => {
  let visitor: Visitor
  let secret = ''
  let recoveryCodes: string[] = []
  before(async () => {
    visitor = await Visitor.arrive({ javaScriptEnabled: false, viewport: { width: 390, height: 844 } })
  })

  it('somebody registers, signs in and switches codes on', async () => {
    await visitor.settleIn()
    await visitor.press('Set up an authenticator app', 'link')
    await visitor.press('Go on')
    secret = (await visitor.page.locator('.secret').innerText()).replace(/\s/g, '')
    await visitor.fill('Code', codeOf(secret))
    await visitor.press('Switch codes on')
    await visitor.sees('Your recovery codes')
    recoveryCodes = await visitor.page.locator('.codes code').allInnerTexts()
    assert.equal(recoveryCodes.length, 10)
    await visitor.press('I have kept them', 'link')
    assert.match(await visitor.page.getByRole('region', { name: 'Codes at sign-in' }).innerText(), /On since[^]*10 recovery codes are left/)
  })

  it('signs in with a code, which works once', async () => {
    await visitor.signOut()
    await visitor.typePassword()
    await visitor.sees('One more step')
    const code = codeOf(secret, 1) // the one of this step may have switched them on
    await visitor.fill('Code', code)
    await visitor.press('Continue')
    await visitor.sees('Your account')
    await visitor.signOut()
    await visitor.typePassword()
    await visitor.fill('Code', code)
    await visitor.press('Continue')
    await visitor.sees('One more step')
    assert.equal(await visitor.page.getByText('or it was used already').count(), 1)
  })

  it('signs in with a recovery code once', async () => {
    const [code = ''] = recoveryCodes
    await visitor.typePassword()
    await visitor.fill('Code', code)
    await visitor.press('Continue')
    await visitor.sees('Your account')
    assert.match(await visitor.page.getByRole('region', { name: 'Codes at sign-in' }).innerText(), /9 recovery codes are left/)
    await visitor.signOut()
    await visitor.typePassword()
    await visitor.fill('Code', code)
    await visitor.press('Continue')
    await visitor.sees('One more step')
    assert.equal(await visitor.page.getByText('or it was used already').count(), 1)
  })

  it('is told that passkeys need it, and offered none', async () => {
    const other = await Visitor.arrive({ javaScriptEnabled: false })
    await other.settleIn()
    await other.press('Add a passkey', 'link')
    assert.equal(await other.page.getByText('Passkeys need JavaScript').count(), 1)
    assert.equal(await other.page.getByRole('button', { name: 'Go on' }).count(), 0)
    await other.leave()
    await visitor.leave()
  })
})
