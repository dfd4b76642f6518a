import { Inject, Injectable } from '@nestjs/common'
import { idOf, newId, uuidOf, type UserId } from '@catamaran/contracts'
import { AppError } from '@catamaran/platform'
import { CLOCK, CONFIG, type Clock, type Config } from '../config.js'
import { hashOfLink } from '../mail/link.js'
import { MailRepository } from '../mail/mail.repository.js'
import { MailWorker } from '../mail/mail.worker.js'
import { sourceOf } from '../mail/source.js'
import { CredentialsRepository } from './credentials.repository.js'
import { CredentialsService } from './credentials.service.js'
import { refusalOf } from './password-rules.js'
import { UsersRepository } from './users.repository.js'

const LINK_MS = 3_600_000
const KIND = 'reset_password'

/** New passwords by a mailed link. Asking for one costs the same statement whether or not the address has an account. */
@Injectable()
export class ResetService {
  constructor(
    private readonly repository: CredentialsRepository,
    private readonly credentials: CredentialsService,
    private readonly users: UsersRepository,
    private readonly mails: MailRepository,
    private readonly worker: MailWorker,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly now: Clock,
  ) {}

  /** Has a link mailed to the address if it has an account. `address` is the asker's. */
  async ask(email: string, address: string): Promise<void> {
    const now = this.now()
    const source = sourceOf(address, this.config.oidc.cookieKeys[0] ?? '')
    const [id, mailId] = [uuidOf(newId('request')), uuidOf(newId('request'))]
    await this.repository.insertReset(id, mailId, email, new Date(now), new Date(now + LINK_MS), source)
    this.worker.wake()
  }

  /** Why a link can't set a password; undefined when it can. */
  async findRefusal(secret: string, password: string): Promise<{ reason: 'link' | 'password'; detail: string } | undefined> {
    const owner = await this.findOwner(secret)
    if (owner === undefined) return { reason: 'link', detail: '' }
    const detail = refusalOf(password, owner.email)
    return detail === undefined ? undefined : { reason: 'password', detail }
  }

  /** Sets the password, once for each link. @throws AppError identity.link-invalid, identity.password-refused */
  async confirm(secret: string, password: string): Promise<UserId> {
    const owner = await this.findOwner(secret)
    if (owner === undefined) throw new AppError('identity.link-invalid')
    await this.credentials.setPassword(owner, password, undefined, async (tx) => {
      const action = await this.mails.takeAction(tx, hashOfLink(secret), KIND, new Date(this.now()))
      if (action === undefined) throw new AppError('identity.link-invalid')
    })
    return owner.id
  }

  private async findOwner(secret: string): Promise<{ id: UserId; email: string } | undefined> {
    const action = await this.mails.findAction(hashOfLink(secret), KIND, new Date(this.now()))
    const user = action?.userId === undefined ? undefined : await this.users.findUser(action.userId)
    return user && { id: idOf('user', user.id), email: user.email }
  }
}
