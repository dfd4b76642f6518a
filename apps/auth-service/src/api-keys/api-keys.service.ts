import { Inject, Injectable } from '@nestjs/common'
import { newApiKey, type ApiKeyId, type Page, type PageQuery, type PartnerId } from '@catamaran/contracts'
import type { Queryable } from '@catamaran/data'
import type { Outcome } from '@catamaran/messaging'
import { AppError } from '@catamaran/platform'
import { CLOCK, CONFIG, type Clock, type Config } from '../config.js'
import type { Member } from '../partners/memberships.service.js'
import type { Partner } from '../partners/partners.schema.js'
import { pageById } from '../partners/page-by-id.js'
import { PartnersService } from '../partners/partners.service.js'
import { PlansService } from '../partners/plans.service.js'
import { RevocationsService } from '../revocations/revocations.service.js'
import { ApiKeysRepository, type InsertApiKey } from './api-keys.repository.js'
import type { ApiKey, MadeApiKey, NewApiKey, RotateApiKey } from './api-keys.schema.js'
import { hashOfSecret } from './secret-hash.js'

const notFound = (): AppError => new AppError('partners.key-not-found')

/** API keys of partners: shown once, kept as a hash. How many there are is counted under the partner's lock. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly repository: ApiKeysRepository,
    private readonly partners: PartnersService,
    private readonly plans: PlansService,
    private readonly revocations: RevocationsService,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(CLOCK) private readonly now: Clock,
  ) {}

  list(partnerId: PartnerId, query: PageQuery): Promise<Page<ApiKey>> {
    return pageById(
      query,
      'apiKey',
      (after, limit) => this.repository.list(partnerId, after, limit),
      (key) => [key.id, key],
    )
  }

  /** @throws AppError partners.key-not-found */
  async read(partnerId: PartnerId, id: ApiKeyId): Promise<ApiKey> {
    const key = await this.repository.find(partnerId, id)
    if (key === undefined) throw notFound()
    return key
  }

  /** Makes a key, once for an Idempotency-Key; a replay is without its secret. @throws AppError partners.key-limit, partners.not-active */
  create(member: Member, key: string | undefined, body: NewApiKey): Promise<Outcome<MadeApiKey, ApiKey>> {
    const { name, scopes, expiresAt, allowedAddresses = [] } = body
    const now = new Date(this.now())
    if (expiresAt !== undefined && Date.parse(expiresAt) <= now.getTime())
      throw new AppError('request.invalid', { errors: [{ pointer: '/expiresAt', detail: 'Give a time in the future.' }] })
    const request = { operation: 'api-keys.create', key, request: body }
    const make = async (tx: Queryable, { plan }: Partner): Promise<MadeApiKey> => {
      await this.requireRoom(tx, member.partnerId, plan, { isNew: true, now })
      const expiry = expiresAt === undefined ? undefined : new Date(expiresAt)
      return this.insert(tx, member, { name, scopes, allowedAddresses, createdAt: now, expiresAt: expiry, follows: undefined })
    }
    return this.partners.making(member, request, make, withoutSecret)
  }

  /**
   * Makes the key that follows one: the same but for its secret, with as long a life. The old one ends after the overlap.
   * @throws AppError partners.key-not-found, partners.key-rotated, partners.key-limit, partners.not-active
   */
  async rotate(
    member: Member,
    id: ApiKeyId,
    idempotencyKey: string | undefined,
    { overlapSeconds }: RotateApiKey,
  ): Promise<Outcome<MadeApiKey, ApiKey>> {
    const now = new Date(this.now())
    const request = { operation: 'api-keys.rotate', key: idempotencyKey, request: { id, overlapSeconds } }
    const make = async (tx: Queryable, { plan }: Partner): Promise<MadeApiKey> => {
      const old = await this.repository.find(member.partnerId, id, tx)
      if (old?.revokedAt !== null) throw notFound()
      if (await this.repository.hasSuccessor(tx, member.partnerId, id)) throw new AppError('partners.key-rotated')
      await this.requireRoom(tx, member.partnerId, plan, { isNew: false, now })
      const key = await this.insert(tx, member, { ...old, createdAt: now, expiresAt: sameLife(old, now), follows: id })
      if (overlapSeconds > 0) await this.repository.setExpiry(tx, id, new Date(now.getTime() + overlapSeconds * 1_000))
      else await this.end(tx, id, now)
      return key
    }
    const made = await this.partners.making(member, request, make, withoutSecret)
    this.revocations.announce()
    return made
  }

  /** Ends a key on every gateway within a second. Safe to repeat. @throws AppError partners.key-not-found */
  async revoke(partnerId: PartnerId, id: ApiKeyId): Promise<void> {
    await this.partners.holding(partnerId, async (tx) => {
      const key = await this.repository.find(partnerId, id, tx)
      if (key === undefined) throw notFound()
      if (key.revokedAt === null) await this.end(tx, id, new Date(this.now()))
    })
    this.revocations.announce()
  }

  /** A key and the one that follows it count once towards the plan, but not without end. */
  private async requireRoom(
    tx: Queryable,
    partnerId: PartnerId,
    plan: string,
    { isNew, now }: { isNew: boolean; now: Date },
  ): Promise<void> {
    const { maxApiKeys } = await this.plans.require(plan, tx)
    const { usable, newest } = await this.repository.count(tx, partnerId, now)
    if ((isNew && newest >= maxApiKeys) || usable >= 2 * maxApiKeys) throw new AppError('partners.key-limit')
  }

  private async insert(
    tx: Queryable,
    { partnerId, userId }: Member,
    key: Pick<InsertApiKey, 'name' | 'scopes' | 'allowedAddresses' | 'createdAt' | 'expiresAt' | 'follows'>,
  ): Promise<MadeApiKey> {
    const { id, mode, secret, text } = newApiKey(this.config.apiKeyMode)
    const { name, scopes, allowedAddresses, createdAt, expiresAt, follows } = key
    const made = await this.repository.insert(tx, {
      ...{ id, partnerId, mode, secretHash: hashOfSecret(secret), createdBy: userId },
      ...{ name, scopes, allowedAddresses, createdAt, expiresAt, follows },
    })
    return { ...made, key: text }
  }

  private async end(tx: Queryable, id: ApiKeyId, now: Date): Promise<void> {
    await this.repository.revoke(tx, id, now)
    await this.revocations.revoke(tx, [{ kind: 'client', subject: id }])
  }
}

const withoutSecret = ({ key: _key, ...rest }: MadeApiKey): ApiKey => rest

const sameLife = ({ createdAt, expiresAt }: ApiKey, now: Date): Date | undefined =>
  expiresAt === null ? undefined : new Date(now.getTime() + Date.parse(expiresAt) - Date.parse(createdAt))
