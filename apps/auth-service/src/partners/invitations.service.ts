import { Inject, Injectable } from '@nestjs/common'
import { newId, uuidOf, type Id, type Page, type PageQuery, type PartnerId } from '@catamaran/contracts'
import type { Queryable } from '@catamaran/data'
import type { Outcome } from '@catamaran/messaging'
import { AppError } from '@catamaran/platform'
import { CLOCK, type Clock } from '../config.js'
import { hashOfLink } from '../mail/link.js'
import { MailRepository } from '../mail/mail.repository.js'
import { MailWorker } from '../mail/mail.worker.js'
import { UsersService } from '../users/users.service.js'
import { InvitationsRepository } from './invitations.repository.js'
import { Offer, type Invitation, type Invite } from './invitations.schema.js'
import { MembersRepository } from './members.repository.js'
import type { Member } from './memberships.service.js'
import { pageById } from './page-by-id.js'
import { PartnersService } from './partners.service.js'
import type { Partner } from './partners.schema.js'

/** The kind of the mail and of what its link does. */
const KIND = 'partner_invitation'
const LIFE_MS = 7 * 24 * 3_600_000
const OPEN_AT_MOST = 100

/** Nothing tells whether a link was ever good: who guesses learns no more than who was not meant. */
const notForYou = (): AppError =>
  new AppError('partners.invitation-not-found', {
    detail: 'It was used or withdrawn, has expired, or was sent to another address than the one of your account.',
  })

/** Brings people to a partner: by a mailed link that works once, for whom it was sent to. */
@Injectable()
export class InvitationsService {
  constructor(
    private readonly repository: InvitationsRepository,
    private readonly partners: PartnersService,
    private readonly members: MembersRepository,
    private readonly users: UsersService,
    private readonly mails: MailRepository,
    private readonly worker: MailWorker,
    @Inject(CLOCK) private readonly now: Clock,
  ) {}

  list(partnerId: PartnerId, query: PageQuery): Promise<Page<Invitation>> {
    return pageById(
      query,
      'invitation',
      (after, limit) => this.repository.list(partnerId, new Date(this.now()), after, limit),
      (invitation) => [invitation.id, invitation],
    )
  }

  /**
   * Sends somebody a link, once for a key; one that they were sent before works no more. The record of the key does not hold the address.
   * @throws AppError partners.not-active, partners.already-member, partners.invitation-limit; partners.invitation-not-found for a replay when it is over
   */
  async invite(member: Member, key: string | undefined, invite: Invite): Promise<Outcome<Invitation, Invitation>> {
    const { partnerId, userId } = member
    const id = newId('invitation')
    const now = new Date(this.now())
    const expiresAt = new Date(now.getTime() + LIFE_MS)
    const make = async (tx: Queryable, partner: Partner): Promise<Invitation> => {
      if ((await this.members.findByEmail(tx, partnerId, invite.email)) !== undefined) throw new AppError('partners.already-member')
      await this.repository.deleteByEmail(tx, partnerId, invite.email)
      if ((await this.repository.count(tx, partnerId, now)) >= OPEN_AT_MOST) throw new AppError('partners.invitation-limit')
      const offer: Offer = { partnerId, partner: partner.name, ...invite }
      await this.mails.insertAction(tx, { id: uuidOf(id), kind: KIND, data: { ...offer } }, expiresAt)
      await this.repository.insert(tx, id, partnerId, invite, userId, now)
      const details = { partner: partner.name, role: invite.role }
      await this.mails.insertMail(tx, { kind: KIND, recipient: invite.email, actionId: uuidOf(id), details })
      return { id, ...invite, createdAt: now.toISOString(), expiresAt: expiresAt.toISOString() }
    }
    const request = { operation: 'invitations.create', key, request: invite }
    const outcome = await this.partners.making(member, request, make, (made) => made.id)
    if (!outcome.isReplay) {
      this.worker.wake()
      return outcome
    }
    const invitation = await this.repository.find(partnerId, outcome.value)
    if (invitation === undefined) throw new AppError('partners.invitation-not-found')
    return { isReplay: true, value: invitation }
  }

  /** @throws AppError partners.invitation-not-found */
  async withdraw(partnerId: PartnerId, id: Id<'invitation'>): Promise<void> {
    if (!(await this.repository.delete(partnerId, id))) throw new AppError('partners.invitation-not-found')
  }

  /** What a link offers, without using it; undefined when it is not good (any more). */
  async find(secret: string): Promise<Offer | undefined> {
    const action = await this.mails.findAction(hashOfLink(secret), KIND, new Date(this.now()))
    return action && Offer.parse(action.data)
  }

  /** Makes a person a member. Who is one already keeps their role. @throws AppError partners.invitation-not-found */
  async accept(userId: string, secret: string): Promise<Partner> {
    const [offer, user] = await Promise.all([this.find(secret), this.users.findUser(userId)])
    if (offer === undefined || user?.email !== offer.email) throw notForYou()
    return this.partners.holding(offer.partnerId, async (tx, partner) => {
      const taken = await this.mails.takeAction(tx, hashOfLink(secret), KIND, new Date(this.now()))
      if (taken === undefined) throw notForYou()
      await this.members.insert(tx, partner.id, user.id, offer.role)
      return partner
    })
  }
}
