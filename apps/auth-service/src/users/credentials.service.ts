import { Inject, Injectable } from '@nestjs/common'
import { uuidOf, type UserId } from '@catamaran/contracts'
import type { Queryable } from '@catamaran/data'
import { AppError } from '@catamaran/platform'
import { CLOCK, type Clock } from '../config.js'
import { DevicesRepository } from '../devices/devices.repository.js'
import { MailRepository } from '../mail/mail.repository.js'
import { MailWorker } from '../mail/mail.worker.js'
import { SessionsService } from '../sessions/sessions.service.js'
import { CredentialsRepository } from './credentials.repository.js'
import { Passwords } from './passwords.js'

/** Gives people new passwords. */
@Injectable()
export class CredentialsService {
  constructor(
    private readonly repository: CredentialsRepository,
    private readonly passwords: Passwords,
    private readonly sessions: SessionsService,
    private readonly devices: DevicesRepository,
    private readonly mails: MailRepository,
    private readonly worker: MailWorker,
    @Inject(CLOCK) private readonly now: Clock,
  ) {}

  /**
   * Sets a password, and with it ends all sessions but `keptSid`, the mailed links that are still good and the devices that are known; a mail tells
   * of it. `first` runs in the same transaction, before; an error of it changes nothing.
   * @throws AppError identity.password-refused, identity.account-closed
   */
  async setPassword(
    { id, email }: { id: UserId; email: string },
    password: string,
    keptSid: string | undefined,
    first: (tx: Queryable) => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    const [uuid, hash, now] = [uuidOf(id), await this.passwords.hash(password, email), new Date(this.now())]
    await this.sessions.endAll(id, keptSid, async (tx) => {
      await this.repository.lock(tx, uuid)
      await first(tx)
      const recipient = await this.repository.setPassword(tx, uuid, hash, now)
      if (recipient === undefined) throw new AppError('identity.account-closed')
      await this.devices.forgetAll(tx, uuid)
      await this.mails.insertMail(tx, { kind: 'password_changed', recipient, details: { time: now.toISOString() } })
    })
    this.worker.wake()
  }
}
