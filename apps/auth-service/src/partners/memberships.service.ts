import { Injectable } from '@nestjs/common'
import { idOf, isId, PARTNER_ROLES, type PartnerId, type PartnerRole, type UserId } from '@catamaran/contracts'
import { AppError, type Claims } from '@catamaran/platform'
import { PartnersRepository } from './partners.repository.js'

/** For which partner a request acts, and as what. */
export interface Member {
  readonly partnerId: PartnerId
  readonly role: PartnerRole
  /** Undefined for an API key or client of the partner. */
  readonly userId: UserId | undefined
}

const isAtLeast = (role: PartnerRole, least: PartnerRole): boolean => PARTNER_ROLES.indexOf(role) >= PARTNER_ROLES.indexOf(least)

/** Finds out for which partner a caller acts, and refuses who may not. */
@Injectable()
export class MembershipsService {
  constructor(private readonly partners: PartnersRepository) {}

  /**
   * The caller's part in the partner that is named, or in the only one there is.
   * @throws AppError partners.not-found, partners.ambiguous, auth.role-missing, auth.token-revoked
   */
  async require(caller: Claims, named: string | undefined, least: PartnerRole): Promise<Member> {
    if (named !== undefined && !isId('partner', named)) throw new AppError('partners.not-found')
    const member = isId('partner', caller.sub) ? await this.asPartner(caller.sub, named) : await this.asPerson(caller.sub as UserId, named)
    if (!isAtLeast(member.role, least)) throw new AppError('auth.role-missing', { detail: `That takes the role ${least}.` })
    return member
  }

  private async asPartner(partnerId: PartnerId, named: PartnerId | undefined): Promise<Member> {
    if (named !== undefined && named !== partnerId) throw new AppError('partners.not-found')
    // The gateways know within a second; here it counts at once.
    if ((await this.partners.find(partnerId))?.status !== 'active') throw new AppError('auth.token-revoked')
    return { partnerId, role: 'viewer', userId: undefined }
  }

  private async asPerson(userId: UserId, named: PartnerId | undefined): Promise<Member> {
    const [membership, another] = isId('user', userId) ? await this.partners.listMemberships(userId, named, 2) : []
    if (membership === undefined) throw new AppError('partners.not-found')
    if (another !== undefined) throw new AppError('partners.ambiguous')
    return { partnerId: idOf('partner', membership.partnerId), role: membership.role, userId }
  }
}
