import assert from 'node:assert/strict'
import type { BrowserContext, BrowserContextOptions, CDPSession, Page } from 'playwright-core'
import { z } from 'zod'
import { browser, system } from './setting.js'

export const PASSWORD = 'seven sails over quiet water'
const WAIT_MS = 30_000

const Mails = z.array(z.object({ subject: z.string(), links: z.array(z.string()) }))

let people = 0

/** Somebody with a browser of their own. What the page's policy refused and what its scripts threw is kept, and has to be nothing. */
export class Visitor {
  readonly email = `visitor${++people}.${process.pid}@example.com`
  readonly faults: string[] = []

  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
  ) {
    page.setDefaultTimeout(WAIT_MS)
    page.on('console', (message) => {
      // A refused form is an answer of 4xx, which Chromium tells as an error too.
      if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) this.faults.push(message.text())
    })
    page.on('pageerror', (error) => this.faults.push(String(error)))
  }

  static async arrive(options: BrowserContextOptions = {}): Promise<Visitor> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
    return new Visitor(context, await context.newPage())
  }

  /** Closes the browser. @throws AssertionError when its console told of a fault */
  async leave(): Promise<void> {
    await this.context.close()
    assert.deepEqual(this.faults, [])
  }

  async open(path: string): Promise<void> {
    await this.page.goto(new URL(path, system.gateway).href)
  }

  /** Presses a button or a link, and waits for the page that follows. */
  async press(name: string, role: 'button' | 'link' = 'button'): Promise<void> {
    await Promise.all([this.page.waitForNavigation(), this.page.getByRole(role, { name, exact: true }).click()])
  }

  async fill(label: string, value: string): Promise<void> {
    await this.page.getByLabel(label, { exact: true }).fill(value)
  }

  heading(): Promise<string> {
    return this.page.getByRole('heading', { level: 1 }).innerText()
  }

  async sees(heading: string): Promise<void> {
    assert.equal(await this.heading(), heading)
  }

  /** Waits for a heading where no press of a button leads to it. */
  async comesTo(heading: string): Promise<void> {
    await this.page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor()
  }

  /** Registers by the pages, and confirms the address with the mailed link. */
  async signUp(): Promise<void> {
    await this.open('/account/sign-up')
    await this.fill('Email', this.email)
    await this.fill('Password', PASSWORD)
    await this.press('Create account')
    await this.sees('Check your mail')
    await this.page.goto(await this.mailedLink('verify-email'))
    await this.press('Confirm')
    await this.sees('Your account is ready')
  }

  /** Types email and password, from the account page on. */
  async typePassword(): Promise<void> {
    await this.open('/account')
    await this.sees('Sign in')
    await this.fill('Email', this.email)
    await this.fill('Password', PASSWORD)
    await this.press('Sign in')
  }

  /** Registers and signs in: the account page is open. */
  async settleIn(): Promise<void> {
    await this.signUp()
    await this.typePassword()
    await this.sees('Your account')
  }

  async signOut(): Promise<void> {
    await this.open('/oidc/session/end')
    await this.press('Sign out')
    await this.sees('You are signed out')
  }

  /** The link of the newest mail to this person that holds a word. */
  async mailedLink(word: string): Promise<string> {
    const address = `${system.sandbox.mail.url}/api/messages?to=${encodeURIComponent(this.email)}&waitMs=10000`
    const mails = Mails.parse(await (await fetch(address, { signal: AbortSignal.timeout(WAIT_MS) })).json())
    const link = mails.flatMap(({ links }) => links).find((found) => found.includes(word))
    assert.ok(link, `a mail to ${this.email} with a link about ${word}`)
    return link
  }
}

/** The virtual authenticator of Chromium's DevTools protocol: a device that keeps passkeys and recognises its owner. */
export class VirtualAuthenticator {
  private constructor(
    private readonly session: CDPSession,
    private readonly authenticatorId: string,
  ) {}

  static async plugIn({ context, page }: Visitor): Promise<VirtualAuthenticator> {
    const session = await context.newCDPSession(page)
    await session.send('WebAuthn.enable')
    const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        ...{ protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true },
        ...{ isUserVerified: true, automaticPresenceSimulation: true },
      },
    })
    return new VirtualAuthenticator(session, authenticatorId)
  }

  /** Whether its owner is there to say yes. */
  async setPresent(enabled: boolean): Promise<void> {
    await this.session.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId: this.authenticatorId, enabled })
  }

  async setVerified(isUserVerified: boolean): Promise<void> {
    await this.session.send('WebAuthn.setUserVerified', { authenticatorId: this.authenticatorId, isUserVerified })
  }

  async signCounts(): Promise<number[]> {
    const { credentials } = await this.session.send('WebAuthn.getCredentials', { authenticatorId: this.authenticatorId })
    return credentials.map(({ signCount }) => signCount)
  }
}
