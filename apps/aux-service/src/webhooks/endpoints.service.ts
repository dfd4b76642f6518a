import { Inject, Injectable } from '@nestjs/common'
import {
  decodeCursor,
  encodeCursor,
  idOf,
  idSchema,
  newId,
  uuidOf,
  type ChangeWebhookEndpoint,
  type CreateWebhookEndpoint,
  type Id,
  type InnerCreatedWebhook,
  type InnerCreateWebhook,
  type NewWebhookEndpoint,
  type PageQuery,
  type PartnerId,
  type WebhookEndpoint,
  type WebhookEndpointPage,
} from '@catamaran/contracts'
import { seal, type Queryable } from '@catamaran/data'
import { Idempotency } from '@catamaran/messaging'
import { AppError, causesOf, logFields } from '@catamaran/platform'
import { z } from 'zod'
import { CONFIG, type Config } from '../config.js'
import { AddressRefused, Addresses } from './addresses.js'
import { Delivering } from './delivering.js'
import { Disabling } from './disabling.js'
import { EndpointsRepository } from './endpoints.repository.js'
import { newSecret, secretText } from './signature.js'

type EndpointId = Id<'webhookEndpoint'>

const Cursor = z.tuple([idSchema('webhookEndpoint')])
/** Old secrets at once: each adds a signature to every delivery. */
const MOST_OLD_SECRETS = 3

/** A partner's webhook endpoints. */
@Injectable()
export class EndpointsService {
  constructor(
    private readonly repository: EndpointsRepository,
    private readonly addresses: Addresses,
    private readonly disabling: Disabling,
    private readonly delivering: Delivering,
    private readonly idempotency: Idempotency,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Makes an endpoint, once for each Idempotency-Key; a replay shows it without its secret.
   * @throws AppError webhooks.url-refused, webhooks.endpoint-limit, request.idempotency-key-reused
   */
  async create(partner: PartnerId, { endpoint, maxEndpoints, idempotencyKey }: InnerCreateWebhook): Promise<InnerCreatedWebhook> {
    const url = await this.requireAllowed(endpoint.url)
    const keyed = { caller: partner, operation: 'webhooks.create', key: idempotencyKey, request: endpoint }
    const secret = newSecret()
    const { isReplay, value } = await this.repository.transaction((tx) =>
      this.idempotency.once(tx, keyed, () => this.insert(tx, partner, { ...endpoint, url }, secret, maxEndpoints)),
    )
    logFields({ endpointId: value.id })
    return { endpoint: isReplay ? value : { ...value, secret: secretText(secret) }, isReplay }
  }

  private async insert(
    tx: Queryable,
    partner: PartnerId,
    endpoint: CreateWebhookEndpoint,
    secret: Buffer,
    most: number,
  ): Promise<WebhookEndpoint> {
    const [id, partnerId] = [uuidOf(newId('webhookEndpoint')), uuidOf(partner)]
    if ((await this.repository.count(tx, partnerId)) >= most) throw new AppError('webhooks.endpoint-limit')
    await this.repository.insert(tx, { ...endpoint, id, partnerId }, seal(this.config.dataKeys, secret, id))
    const found = await this.repository.find(partnerId, id, tx)
    if (found === undefined) throw new Error('an endpoint is not there right after it was made')
    return found
  }

  async list(partner: PartnerId, { cursor, limit }: PageQuery): Promise<WebhookEndpointPage> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor, Cursor)
    if (cursor !== undefined && after === undefined) throw new AppError('request.invalid-cursor')
    const found = await this.repository.list(uuidOf(partner), after && uuidOf(after[0]), limit + 1)
    const items = found.slice(0, limit)
    const last = items.at(-1)
    return { items, nextCursor: found.length > limit && last !== undefined ? encodeCursor([last.id]) : null }
  }

  /** @throws AppError webhooks.endpoint-not-found, also for another partner's */
  async read(partner: PartnerId, id: EndpointId): Promise<WebhookEndpoint> {
    const found = await this.repository.find(uuidOf(partner), uuidOf(id))
    if (found === undefined) throw new AppError('webhooks.endpoint-not-found')
    return found
  }

  /** @throws AppError webhooks.endpoint-not-found, webhooks.url-refused */
  async change(partner: PartnerId, id: EndpointId, change: ChangeWebhookEndpoint): Promise<WebhookEndpoint> {
    const url = change.url === undefined ? undefined : await this.requireAllowed(change.url)
    if (!(await this.repository.change(uuidOf(partner), uuidOf(id), { ...change, url }))) throw new AppError('webhooks.endpoint-not-found')
    this.delivering.wake()
    return this.read(partner, id)
  }

  /** Deletes an endpoint with all that waits for it. @throws AppError webhooks.endpoint-not-found */
  async delete(partner: PartnerId, id: EndpointId): Promise<void> {
    if (!(await this.repository.delete(uuidOf(partner), uuidOf(id)))) throw new AppError('webhooks.endpoint-not-found')
  }

  /** @throws AppError webhooks.endpoint-not-found */
  async enable(partner: PartnerId, id: EndpointId): Promise<WebhookEndpoint> {
    await this.repository.enable(uuidOf(partner), uuidOf(id))
    return this.read(partner, id)
  }

  /** What waits, and what comes until it is enabled again, become dead letters. @throws AppError webhooks.endpoint-not-found */
  async disable(partner: PartnerId, id: EndpointId): Promise<WebhookEndpoint> {
    await this.read(partner, id)
    if (await this.repository.disable(uuidOf(id), 'partner')) await this.disabling.bury()
    return this.read(partner, id)
  }

  /** Makes a new secret. @throws AppError webhooks.endpoint-not-found, webhooks.secret-limit */
  async rotate(partner: PartnerId, id: EndpointId, overlapSeconds: number): Promise<NewWebhookEndpoint> {
    const secret = newSecret()
    const names = { partnerId: uuidOf(partner), id: uuidOf(id) }
    const refuse = (overlapping: number): void => {
      if (overlapping > MOST_OLD_SECRETS) throw new AppError('webhooks.secret-limit')
    }
    const isRotated = await this.repository.rotate(names, seal(this.config.dataKeys, secret, names.id), overlapSeconds, refuse)
    if (!isRotated) throw new AppError('webhooks.endpoint-not-found')
    logFields({ endpointId: idOf('webhookEndpoint', names.id) })
    return { ...(await this.read(partner, id)), secret: secretText(secret) }
  }

  /** The URL, written as it is used, once its host is known to be one that webhooks may go to. */
  private async requireAllowed(text: string): Promise<string> {
    try {
      const url = this.addresses.parse(text)
      await this.addresses.of(url)
      return url.href
    } catch (error) {
      const detail = error instanceof AddressRefused ? error.message : 'The host has no address.'
      throw new AppError('webhooks.url-refused', { detail }, { cause: new Error(causesOf(error)[0] ?? '') })
    }
  }
}
