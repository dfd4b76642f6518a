import { Injectable } from '@nestjs/common'
import type { DomainEvent } from '@catamaran/contracts'
import { Database } from '@catamaran/data'
import { Inbox } from '@catamaran/messaging'
import { MailRepository } from '../mail/mail.repository.js'
import { MailWorker } from '../mail/mail.worker.js'
import { MembersRepository } from '../partners/members.repository.js'

export const GROUP = 'auth.webhooks'

/** Mails about webhooks: aux-service sends those, but only this service knows who owns a partner. */
@Injectable()
export class WebhooksService {
  private readonly inbox = new Inbox()

  constructor(
    private readonly database: Database,
    private readonly members: MembersRepository,
    private readonly mails: MailRepository,
    private readonly worker: MailWorker,
  ) {}

  /** Tells a partner's owners that an endpoint was switched off, once for each event. */
  async tellOwners({ id, time, data }: DomainEvent<'webhooks.endpoint.disabled.v1'>): Promise<void> {
    await this.database.transaction(async (tx) => {
      if (!(await this.inbox.firstTime(tx, GROUP, id))) return
      const details = { endpoint: data.endpointId, reason: data.reason, time }
      for (const recipient of await this.members.listOwnerEmails(tx, data.partnerId))
        await this.mails.insertMail(tx, { kind: 'webhook_endpoint_disabled', recipient, details })
    })
    this.worker.wake()
  }
}
