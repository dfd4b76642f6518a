import { Injectable } from '@nestjs/common'
import type { DomainEvent, PartnerId, UserId } from '@catamaran/contracts'
import type { Queryable } from '@catamaran/data'
import { Outbox } from '@catamaran/messaging'
import { AppError } from '@catamaran/platform'
import { MailRepository } from '../mail/mail.repository.js'
import { MailWorker } from '../mail/mail.worker.js'
import { RevocationsService } from '../revocations/revocations.service.js'
import { ErasureRepository } from './erasure.repository.js'
import type { Erasure } from './erasure.schema.js'
import { PersonArtifactsRepository } from './person-artifacts.repository.js'

const AT_ONCE = 100

/**
 * Erases people. The account closes at once, in one transaction; its event tells core-service and aux-service, whose events tell that they are done; then
 * the person's rows go here too, and the erasure stays as the tombstone. Whatever stops in between goes on from what is written.
 */
@Injectable()
export class ErasureService {
  constructor(
    private readonly repository: ErasureRepository,
    private readonly artifacts: PersonArtifactsRepository,
    private readonly mails: MailRepository,
    private readonly mailWorker: MailWorker,
    private readonly outbox: Outbox,
    private readonly revocations: RevocationsService,
  ) {}

  /**
   * Closes an account for good; safe to repeat.
   * @throws AppError identity.sole-owner when a partner with other members would be left without an owner
   */
  async close(userId: UserId): Promise<Erasure> {
    await this.repository.transaction((tx) => this.closeIn(tx, userId))
    this.outbox.wake()
    this.mailWorker.wake()
    this.revocations.announce()
    const erasure = await this.repository.findErasure(userId)
    if (erasure === undefined) throw new AppError('auth.token-invalid')
    return { status: erasure.finishedAt === null ? 'erasing' : 'erased', requestedAt: erasure.requestedAt.toISOString() }
  }

  /** Takes it down that another service is done with a person. */
  async confirm({ userId, service }: DomainEvent<'erasure.person.erased.v1'>['data']): Promise<void> {
    await this.repository.confirm(userId, service)
  }

  /** Ends the erasures that every other service has confirmed. */
  async finishConfirmed(): Promise<void> {
    const ids = await this.repository.listConfirmed(AT_ONCE)
    if (ids.length === 0) return
    await this.artifacts.deleteOf(ids)
    for (const id of ids) await this.repository.finish(id)
  }

  private async closeIn(tx: Queryable, userId: UserId): Promise<void> {
    const user = await this.repository.lockUser(tx, userId)
    if (user === undefined || user.isClosed) return
    const alone = await this.leavePartners(tx, userId)
    const version = await this.repository.closeUser(tx, userId, user.email)
    const mailId = await this.mails.insertMail(tx, { kind: 'account_closed', recipient: user.email })
    await this.repository.insertErasure(tx, userId, mailId)
    await this.outbox.insert(tx, [{ type: 'identity.user.closed.v1', subject: userId, sequence: version, data: { userId }, actor: userId }])
    await this.revocations.revoke(tx, [
      { kind: 'user', subject: userId },
      ...alone.map((subject) => ({ kind: 'partner' as const, subject })),
    ])
  }

  /** @returns the partners that nobody is left in: they are suspended */
  private async leavePartners(tx: Queryable, userId: UserId): Promise<PartnerId[]> {
    const memberships = await this.repository.listMemberships(tx, userId)
    const left = memberships.filter(({ isOwner, hasOthers, hasOtherOwner }) => isOwner && hasOthers && !hasOtherOwner)
    if (left.length > 0) throw new AppError('identity.sole-owner', { extra: { partnerIds: left.map(({ partnerId }) => partnerId) } })
    const alone = memberships.filter(({ hasOthers }) => !hasOthers).map(({ partnerId }) => partnerId)
    await this.repository.suspendPartners(tx, alone)
    return alone
  }
}
