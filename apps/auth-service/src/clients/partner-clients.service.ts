import { createHash, randomBytes } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { decodeCursor, encodeCursor, newId, type Page, type PageQuery, type PartnerId } from '@catamaran/contracts'
import type { Queryable } from '@catamaran/data'
import type { Outcome } from '@catamaran/messaging'
import { AppError } from '@catamaran/platform'
import { z } from 'zod'
import type { Member } from '../partners/memberships.service.js'
import type { Partner } from '../partners/partners.schema.js'
import { PartnersService } from '../partners/partners.service.js'
import { PlansService } from '../partners/plans.service.js'
import { RevocationsService } from '../revocations/revocations.service.js'
import { ClientId, type MadeClient, type NewClient, type PartnerClient } from './clients.schema.js'
import { PartnerClientsRepository } from './partner-clients.repository.js'

const Cursor = z.tuple([ClientId])

/** OAuth clients with which partners get access tokens by client credentials. */
@Injectable()
export class PartnerClientsService {
  constructor(
    private readonly repository: PartnerClientsRepository,
    private readonly partners: PartnersService,
    private readonly plans: PlansService,
    private readonly revocations: RevocationsService,
  ) {}

  /** @throws AppError request.invalid-cursor */
  async list(partnerId: PartnerId, { cursor, limit }: PageQuery): Promise<Page<PartnerClient>> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor, Cursor)
    if (cursor !== undefined && after === undefined) throw new AppError('request.invalid-cursor')
    const clients = await this.repository.list(partnerId, after?.[0], limit + 1)
    const items = clients.slice(0, limit)
    const last = items.at(-1)
    return { items, nextCursor: clients.length > limit && last !== undefined ? encodeCursor([last.id]) : null }
  }

  /** @throws AppError partners.client-not-found */
  async read(partnerId: PartnerId, id: string): Promise<PartnerClient> {
    const client = await this.repository.find(partnerId, id)
    if (client === undefined) throw new AppError('partners.client-not-found')
    return client
  }

  /**
   * Makes a client, once for an Idempotency-Key; a replay is without its secret. A plan allows as many clients as keys.
   * @throws AppError partners.client-limit, partners.not-active
   */
  create(member: Member, key: string | undefined, body: NewClient): Promise<Outcome<MadeClient, PartnerClient>> {
    const { name, scopes, ...auth } = body
    const { partnerId } = member
    const secret = auth.authMethod === 'client_secret' ? randomBytes(32).toString('base64url') : undefined
    const secretHash = secret && `sha256$${createHash('sha256').update(secret).digest('base64url')}`
    const jwks = auth.authMethod === 'private_key_jwt' ? auth.jwks : undefined
    const make = async (tx: Queryable, { plan }: Partner): Promise<MadeClient> => {
      const { maxApiKeys } = await this.plans.require(plan, tx)
      if ((await this.repository.count(tx, partnerId)) >= maxApiKeys) throw new AppError('partners.client-limit')
      const { authMethod } = auth
      const made = await this.repository.insert(tx, { id: newId('client'), partnerId, name, authMethod, secretHash, jwks, scopes })
      return { ...made, ...(secret === undefined ? {} : { clientSecret: secret }) }
    }
    const request = { operation: 'clients.create', key, request: body }
    return this.partners.making(member, request, make, ({ clientSecret: _secret, ...rest }) => rest)
  }

  /** Ends a client and, on every gateway within a second, the tokens that it was given. @throws AppError partners.client-not-found */
  async revoke(partnerId: PartnerId, id: string): Promise<void> {
    await this.partners.holding(partnerId, async (tx) => {
      if (!(await this.repository.revoke(tx, partnerId, id))) throw new AppError('partners.client-not-found')
      await this.revocations.revoke(tx, [{ kind: 'client', subject: id }])
    })
    this.revocations.announce()
  }
}
