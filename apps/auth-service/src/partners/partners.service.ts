import { Injectable } from '@nestjs/common'
import { idOf, isId, newId, type Page, type PageQuery, type PartnerId, type UserId } from '@catamaran/contracts'
import type { Queryable } from '@catamaran/data'
import { Idempotency, Outbox, type KeyedRequest, type Outcome } from '@catamaran/messaging'
import { AppError } from '@catamaran/platform'
import { MembersRepository } from './members.repository.js'
import type { Member } from './memberships.service.js'
import { pageById } from './page-by-id.js'
import { partnerOf, PartnersRepository } from './partners.repository.js'
import type { ChangePartner, MyPartner, NewPartner, Partner } from './partners.schema.js'

/** Of one person: more wait for nothing but an operator's patience. */
const PENDING_AT_MOST = 3

/** Organisations that sell. */
@Injectable()
export class PartnersService {
  constructor(
    private readonly repository: PartnersRepository,
    private readonly members: MembersRepository,
    private readonly outbox: Outbox,
    private readonly idempotency: Idempotency,
  ) {}

  /** Takes a new partner down, owned by who asks, once for a key. It waits for approval. @throws AppError partners.pending-limit */
  create(userId: UserId, key: string | undefined, { name }: NewPartner): Promise<Outcome<Partner, Partner>> {
    const request = { caller: userId, operation: 'partners.create', key, request: { name } }
    return this.repository.transaction((tx) =>
      this.idempotency.once(tx, request, async () => {
        if (!(await this.repository.lockPerson(tx, userId))) throw new AppError('auth.token-invalid')
        if ((await this.repository.countPendingOf(tx, userId)) >= PENDING_AT_MOST) throw new AppError('partners.pending-limit')
        const partner = await this.repository.insert(tx, newId('partner'), name)
        await this.members.insert(tx, partner.id, userId, 'owner')
        return partner
      }),
    )
  }

  /** The partners that a person is a member of; a key or client of a partner sees that one. */
  async list(caller: string, query: PageQuery): Promise<Page<MyPartner>> {
    if (isId('partner', caller)) return { items: [{ ...(await this.read(caller)), role: 'viewer' }], nextCursor: null }
    const userId = caller as UserId
    return pageById(
      query,
      'partner',
      (after, limit) => this.repository.listOfUser(userId, after, limit),
      (row) => [idOf('partner', row.id), { ...partnerOf(row), role: row.role }],
    )
  }

  /** @throws AppError partners.not-found */
  async read(id: PartnerId): Promise<Partner> {
    return found(await this.repository.find(id))
  }

  /** @throws AppError partners.not-found */
  async change(id: PartnerId, { name }: ChangePartner): Promise<Partner> {
    return this.holding(id, async (tx, partner) => {
      const renamed = { ...partner, name }
      await this.tell(tx, renamed, await this.repository.rename(tx, id, name))
      return renamed
    })
  }

  /** Writes the event of a partner that has changed, with the version it has then. Of one that was never approved nobody hears. */
  async tell(tx: Queryable, { id, name, status }: Pick<Partner, 'id' | 'name' | 'status'>, version: number): Promise<void> {
    if (status === 'pending' || status === 'rejected') return
    const data = { partnerId: id, name, status }
    await this.outbox.insert(tx, [{ type: 'identity.partner.changed.v1', subject: id, sequence: version, data }])
  }

  /** Runs `work` in a transaction, during which nobody else changes the partner. @throws AppError partners.not-found */
  async holding<T>(id: PartnerId, work: (tx: Queryable, partner: Partner) => Promise<T>): Promise<T> {
    const result = await this.repository.transaction(async (tx) => work(tx, found(await this.repository.lock(tx, id))))
    this.outbox.wake()
    return result
  }

  /** The same where only an active one will do. @throws AppError partners.not-active, partners.not-found */
  holdingActive<T>(id: PartnerId, work: (tx: Queryable, partner: Partner) => Promise<T>): Promise<T> {
    return this.holding(id, (tx, partner) => work(tx, active(partner)))
  }

  /**
   * The same for what makes something, once for a key; a replay is answered whatever became of the partner.
   * @param remember what a replay answers: leave secrets and personal data out
   * @throws AppError partners.not-active, partners.not-found, and what `Idempotency.once` throws
   */
  making<T, R>(
    { partnerId, userId }: Member,
    { request, ...keyed }: Omit<KeyedRequest, 'caller'>,
    work: (tx: Queryable, partner: Partner) => Promise<T>,
    remember: (made: T) => R,
  ): Promise<Outcome<T, R>> {
    const ofPartner = { ...keyed, caller: userId ?? partnerId, request: { partnerId, request } }
    return this.holding(partnerId, (tx, partner) => this.idempotency.once(tx, ofPartner, async () => work(tx, active(partner)), remember))
  }
}

const active = (partner: Partner): Partner => {
  if (partner.status !== 'active') throw new AppError('partners.not-active')
  return partner
}

const found = (partner: Partner | undefined): Partner => {
  if (partner === undefined) throw new AppError('partners.not-found')
  return partner
}
