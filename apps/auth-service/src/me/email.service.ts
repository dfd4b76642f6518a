import { Inject, Injectable } from '@nestjs/common'
import { newId, uuidOf, type UserId } from '@catamaran/contracts'
import { AppError } from '@catamaran/platform'
import { CLOCK, type Clock } from '../config.js'
import { hashOfLink } from '../mail/link.js'
import { MailRepository, type MailAction } from '../mail/mail.repository.js'
import { MailWorker } from '../mail/mail.worker.js'
import { Throttle, type Limit } from '../sign-in/throttle.js'
import { CredentialsRepository } from '../users/credentials.repository.js'
import { UsersService } from '../users/users.service.js'

const LINK_MS = 24 * 3_600_000
/** Each asking sends mail to an address that may be a stranger's. */
const PER_PERSON: Limit = { tries: 5, windowMs: 3_600_000 }

const OLD = 'email_change_old'
const NEW = 'email_change_new'

const newUuid = (): string => uuidOf(newId('request'))
const isDuplicate = (error: unknown): boolean => (error as { code?: string }).code === '23505'

/** What came of a confirmation. Only who opened a link at the new address is told that it is taken. */
export type Confirmation = 'changed' | 'waiting' | 'taken'

/**
 * Changes of an email address, which both addresses have to confirm, in any order. The person who asks learns nothing about the new address: where it
 * has an account, its owner is mailed a word instead of a link, and the change waits until it expires.
 */
@Injectable()
export class EmailService {
  constructor(
    private readonly repository: CredentialsRepository,
    private readonly users: UsersService,
    private readonly mails: MailRepository,
    private readonly worker: MailWorker,
    private readonly throttle: Throttle,
    @Inject(CLOCK) private readonly now: Clock,
  ) {}

  /** @throws AppError request.rate-limited, request.invalid for the address that the account has already */
  async ask(userId: UserId, email: string): Promise<void> {
    const waitMs = await this.throttle.count(`email:${userId}`, PER_PERSON)
    if (waitMs > 0) throw new AppError('request.rate-limited', { retryAfterS: Math.ceil(waitMs / 1_000) })
    const user = await this.users.findUser(userId)
    if (user === undefined) throw new AppError('auth.token-invalid')
    if (user.email === email) {
      throw new AppError('request.invalid', { errors: [{ pointer: '/email', detail: 'This is the address that you have.' }] })
    }
    const now = this.now()
    await this.repository.insertEmailChange({
      ...{ userId: uuidOf(userId), from: user.email, to: email, change: newUuid() },
      ...{ actions: [newUuid(), newUuid()], mails: [newUuid(), newUuid()], now: new Date(now), expiresAt: new Date(now + LINK_MS) },
    })
    this.worker.wake()
  }

  /** The new address that a link is about; undefined when it is not good (any more). */
  async findAddress(secret: string): Promise<string | undefined> {
    return (await this.findAction(secret))?.data['email']
  }

  /** Uses a link of either address; with the second one the address changes. @throws AppError identity.link-invalid */
  async confirm(secret: string): Promise<Confirmation> {
    const action = await this.findAction(secret)
    if (action === undefined) throw new AppError('identity.link-invalid')
    const attempt = (): Promise<Confirmation> => this.take(hashOfLink(secret), action)
    // Of two accounts that take one address at the same time the second finds it taken.
    const result = await attempt().catch((error: unknown) => {
      if (isDuplicate(error)) return attempt()
      throw error
    })
    this.worker.wake()
    return result === 'taken' && action.kind === OLD ? 'waiting' : result
  }

  private take(secretHash: Buffer, { kind, userId = '' }: MailAction): Promise<Confirmation> {
    return this.repository.transaction(async (tx) => {
      const now = new Date(this.now())
      const from = await this.repository.lock(tx, userId)
      const action = await this.mails.takeAction(tx, secretHash, kind, now)
      if (from === undefined || action === undefined) throw new AppError('identity.link-invalid')
      const { change = '', email = '' } = action.data
      if (await this.repository.isWaiting(tx, userId, change)) return 'waiting'
      const details = { email, time: now.toISOString() }
      if (await this.repository.setEmail(tx, userId, email, now)) {
        await this.mails.insertMail(tx, { kind: 'email_changed', recipient: from, details })
        return 'changed'
      }
      await this.mails.insertMail(tx, { kind: 'email_change_taken', recipient: email })
      return 'taken'
    })
  }

  private async findAction(secret: string): Promise<MailAction | undefined> {
    const [hash, now] = [hashOfLink(secret), new Date(this.now())]
    return (await this.mails.findAction(hash, OLD, now)) ?? (await this.mails.findAction(hash, NEW, now))
  }
}
