import { Injectable } from '@nestjs/common'
import type { Page, PageQuery, PartnerId, UserId } from '@catamaran/contracts'
import type { Queryable } from '@catamaran/data'
import { AppError } from '@catamaran/platform'
import { memberOf, MembersRepository } from './members.repository.js'
import { pageById } from './page-by-id.js'
import type { ChangeMember, Member } from './partners.schema.js'
import { PartnersService } from './partners.service.js'

/** Who belongs to a partner. Whatever happens at once, an owner is left. */
@Injectable()
export class MembersService {
  constructor(
    private readonly repository: MembersRepository,
    private readonly partners: PartnersService,
  ) {}

  list(partnerId: PartnerId, query: PageQuery): Promise<Page<Member>> {
    return pageById(
      query,
      'user',
      (after, limit) => this.repository.list(partnerId, after, limit),
      (row) => {
        const member = memberOf(row)
        return [member.userId, member]
      },
    )
  }

  /** @throws AppError partners.member-not-found, identity.sole-owner */
  change(partnerId: PartnerId, userId: UserId, { role }: ChangeMember): Promise<Member> {
    return this.changing(partnerId, userId, async (tx, member) => {
      if (role !== 'owner') await this.requireAnotherOwner(tx, partnerId, member)
      await this.repository.setRole(tx, partnerId, userId, role)
      return { ...member, role }
    })
  }

  /** Ends a membership; the keys that they made stay the partner's. @throws AppError partners.member-not-found, identity.sole-owner */
  remove(partnerId: PartnerId, userId: UserId): Promise<void> {
    return this.changing(partnerId, userId, async (tx, member) => {
      await this.requireAnotherOwner(tx, partnerId, member)
      await this.repository.delete(tx, partnerId, userId)
    })
  }

  private changing<T>(partnerId: PartnerId, userId: UserId, work: (tx: Queryable, member: Member) => Promise<T>): Promise<T> {
    return this.partners.holding(partnerId, async (tx) => {
      const member = await this.repository.find(tx, partnerId, userId)
      if (member === undefined) throw new AppError('partners.member-not-found')
      return work(tx, member)
    })
  }

  private async requireAnotherOwner(tx: Queryable, partnerId: PartnerId, { role }: Member): Promise<void> {
    if (role === 'owner' && (await this.repository.countOwners(tx, partnerId)) < 2) throw new AppError('identity.sole-owner')
  }
}
