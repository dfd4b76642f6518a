import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import { uuidOf, type UserId } from '@catamaran/contracts'
import { CLOCK, CONFIG, type Clock, type Config } from '../config.js'
import { MailRepository } from '../mail/mail.repository.js'
import { MailWorker } from '../mail/mail.worker.js'
import { deviceNameOf } from './device-name.js'
import { DevicesRepository } from './devices.repository.js'

/** As long as browsers keep a cookie at most. */
const LIFE_S = 400 * 24 * 3_600
/** Where there is TLS browsers hold the name to it. */
const nameOf = (isSecure: boolean): string => (isSecure ? '__Secure-cat_device' : 'cat_device')

/** What a browser says of itself: its headers. */
export interface Browser {
  readonly cookie?: string | undefined
  readonly 'user-agent'?: string | undefined
}

const hashOf = (device: string): Buffer => createHash('sha256').update(device).digest()

/**
 * Browsers that people have signed in with, recognised by a long-lived signed cookie (OWASP: device cookies). Being known gives a browser tries of
 * its own at sign-in, and spares its owner a mail; it opens nothing.
 */
@Injectable()
export class DevicesService {
  private readonly keys: readonly string[]
  private readonly isSecure: boolean
  private readonly pattern: RegExp

  constructor(
    private readonly repository: DevicesRepository,
    private readonly mails: MailRepository,
    private readonly worker: MailWorker,
    @Inject(CONFIG) config: Config,
    @Inject(CLOCK) private readonly now: Clock,
  ) {
    this.keys = config.oidc.cookieKeys
    this.isSecure = new URL(config.service.issuer).protocol === 'https:'
    this.pattern = new RegExp(`(?:^|; *)${nameOf(this.isSecure)}=([\\w-]{43})\\.([\\w-]{43})(?:;|$)`)
  }

  /** The browser's device, if the account with this email was signed in to with it. */
  async findKnown(email: string, browser: Browser): Promise<string | undefined> {
    const device = this.deviceOf(browser)
    return device !== undefined && (await this.repository.isKnown(email, hashOf(device))) ? device : undefined
  }

  /**
   * Notes that a person has signed in with a browser, and tells them by mail when it is a new one beside others.
   * @returns the Set-Cookie header by which it will be known
   */
  async remember(userId: UserId, browser: Browser): Promise<string> {
    const device = this.deviceOf(browser) ?? randomBytes(32).toString('base64url')
    await this.repository.note(uuidOf(userId), hashOf(device), async (tx, { isNew, hasOthers, email }) => {
      if (!isNew || !hasOthers) return
      const details = { device: deviceNameOf(browser['user-agent']), time: new Date(this.now()).toISOString() }
      await this.mails.insertMail(tx, { kind: 'new_device', recipient: email, details })
    })
    this.worker.wake()
    const value = `${device}.${this.signatureOf(device, this.keys[0] ?? '')}`
    return `${nameOf(this.isSecure)}=${value}; Path=/account; Max-Age=${LIFE_S}; HttpOnly; SameSite=Lax${this.isSecure ? '; Secure' : ''}`
  }

  /** The device of a cookie that we signed. */
  private deviceOf({ cookie }: Browser): string | undefined {
    const [, device = '', signature = ''] = this.pattern.exec(cookie ?? '') ?? []
    const isOurs = this.keys.some((key) => {
      const expected = Buffer.from(this.signatureOf(device, key))
      return expected.length === signature.length && timingSafeEqual(expected, Buffer.from(signature))
    })
    return isOurs ? device : undefined
  }

  private signatureOf(device: string, key: string): string {
    return createHmac('sha256', key).update(`device ${device}`).digest('base64url')
  }
}
