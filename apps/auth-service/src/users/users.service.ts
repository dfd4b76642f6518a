import { Inject, Injectable } from '@nestjs/common'
import { idOf, isId, newId, uuidOf, type UserId } from '@catamaran/contracts'
import { Outbox } from '@catamaran/messaging'
import { causesOf, LOGGER, type Logger } from '@catamaran/platform'
import { CLOCK, CONFIG, type Clock, type Config } from '../config.js'
import { hashOfLink } from '../mail/link.js'
import { MailWorker } from '../mail/mail.worker.js'
import { sourceOf } from '../mail/source.js'
import { Passwords } from './passwords.js'
import { UsersRepository } from './users.repository.js'
import type { Register, SignIn } from './users.schema.js'

const REGISTRATION_MS = 24 * 3_600_000
const MAIL_AGAIN_MS = 5 * 60_000

const newUuid = (): string => uuidOf(newId('request'))

export interface User {
  readonly id: UserId
  readonly email: string
}

/**
 * Accounts and their passwords. Nothing here tells whether an address has an account: every registration costs one hash and one statement that
 * writes the same rows, every sign-in one read and one hash, and what follows happens after the answer.
 */
@Injectable()
export class UsersService {
  constructor(
    private readonly repository: UsersRepository,
    private readonly passwords: Passwords,
    private readonly mail: MailWorker,
    private readonly outbox: Outbox,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly now: Clock,
  ) {}

  /** Takes a registration down and has a mail sent: with a link, or one that says there is an account already. `address` is the asker's. */
  async register({ email, password }: Register, address: string): Promise<void> {
    const passwordHash = await this.passwords.hash(password, email)
    const now = this.now()
    await this.repository.insertRegistration({
      id: newUuid(),
      mailId: newUuid(),
      email,
      passwordHash,
      now: new Date(now),
      expiresAt: new Date(now + REGISTRATION_MS),
      source: sourceOf(address, this.config.oidc.cookieKeys[0] ?? ''),
    })
    this.mail.wake()
  }

  /** The user with this email and password, or undefined. Who has not confirmed the address yet is told nothing, but gets another mail. */
  async findByPassword({ email, password }: SignIn): Promise<UserId | undefined> {
    const candidate = await this.repository.findCandidate(email, new Date(this.now()))
    const matches = await this.passwords.verify(password, candidate?.passwordHash)
    if (!matches || candidate === undefined) return undefined
    if (candidate.kind === 'user') return idOf('user', candidate.id)
    this.sendAgain(candidate.id)
    return undefined
  }

  async findUser(id: string): Promise<User | undefined> {
    if (!isId('user', id)) return undefined
    const row = await this.repository.findUser(uuidOf(id))
    return row === undefined ? undefined : { id, email: row.email }
  }

  /** Read anew each time, so that a role which was taken away counts at once. */
  async isOperator(id: string): Promise<boolean> {
    return isId('user', id) && this.repository.isOperator(uuidOf(id))
  }

  /** Makes the account that a mailed link stands for; undefined when the link was used, has expired, or never was. */
  async confirm(secret: string): Promise<UserId | undefined> {
    const id = newId('user')
    const made = await this.repository.confirm(hashOfLink(secret), uuidOf(id), new Date(this.now()), (tx) =>
      this.outbox.insert(tx, [{ type: 'identity.user.registered.v1', subject: id, sequence: 1, data: { userId: id }, actor: id }]),
    )
    if (made === undefined) return undefined
    this.outbox.wake()
    return id
  }

  /** Not waited for: an answer that took a write longer would tell that the password fits a registration. */
  private sendAgain(registrationId: string): void {
    this.repository.insertMailAgain(registrationId, newUuid(), new Date(this.now()), MAIL_AGAIN_MS).then(
      () => this.mail.wake(),
      (error: unknown) => this.logger.warn({ causes: causesOf(error) }, 'a mail could not be sent again'),
    )
  }
}
