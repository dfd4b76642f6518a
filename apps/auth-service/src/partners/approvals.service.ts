import { Injectable } from '@nestjs/common'
import type { Page, PartnerId } from '@catamaran/contracts'
import { AppError, logFields } from '@catamaran/platform'
import { MailRepository } from '../mail/mail.repository.js'
import { MailWorker } from '../mail/mail.worker.js'
import { RevocationsService } from '../revocations/revocations.service.js'
import { ApprovalsRepository } from './approvals.repository.js'
import { DECISIONS, type Decision, type PartnerCase, type PartnersQuery } from './approvals.schema.js'
import { MembersRepository } from './members.repository.js'
import { pageById } from './page-by-id.js'
import { PartnersService } from './partners.service.js'
import { PlansService } from './plans.service.js'

/** What operators decide about partners. */
@Injectable()
export class ApprovalsService {
  constructor(
    private readonly repository: ApprovalsRepository,
    private readonly partners: PartnersService,
    private readonly members: MembersRepository,
    private readonly plans: PlansService,
    private readonly mails: MailRepository,
    private readonly worker: MailWorker,
    private readonly revocations: RevocationsService,
  ) {}

  list({ status, ...query }: PartnersQuery): Promise<Page<PartnerCase>> {
    return pageById(
      query,
      'partner',
      (after, limit) => this.repository.list(status, after, limit),
      (partner) => [partner.id, partner],
    )
  }

  /** @throws AppError partners.not-found */
  async read(id: PartnerId): Promise<PartnerCase> {
    const partner = await this.repository.find(id)
    if (partner === undefined) throw new AppError('partners.not-found')
    return partner
  }

  /**
   * Decides, tells the owners, and on suspending ends whatever the partner's keys and clients were given.
   * @throws AppError partners.wrong-status, partners.not-found
   */
  async decide(id: PartnerId, decision: Decision, reason?: string): Promise<PartnerCase> {
    const { from, to, mail } = DECISIONS[decision]
    await this.partners.holding(id, async (tx, partner) => {
      if (!(from as readonly string[]).includes(partner.status))
        throw new AppError('partners.wrong-status', { detail: `The partner is ${partner.status}.` })
      await this.partners.tell(tx, { ...partner, status: to }, await this.repository.decide(tx, id, to, reason))
      const details = { partner: partner.name, ...(reason === undefined ? {} : { reason }) }
      for (const recipient of await this.members.listOwnerEmails(tx, id))
        await this.mails.insertMail(tx, { kind: mail, recipient, details })
      if (decision === 'suspend') await this.revocations.revoke(tx, [{ kind: 'partner', subject: id }])
    })
    this.worker.wake()
    this.revocations.announce()
    logFields({ partnerId: id, decision })
    return this.read(id)
  }

  /** Tokens that were given before carry the old plan until they expire, five minutes at most. @throws AppError partners.plan-not-found */
  async changePlan(id: PartnerId, plan: string): Promise<PartnerCase> {
    await this.plans.require(plan)
    await this.partners.holding(id, (tx) => this.repository.setPlan(tx, id, plan))
    logFields({ partnerId: id, plan })
    return this.read(id)
  }
}
