import { Injectable } from '@nestjs/common'
import { idOf, type ChangeWebhookEndpoint, type DisabledReason, type WebhookEndpoint, type WebhookFilter } from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'

interface EndpointRow extends Pick<WebhookEndpoint, 'url' | 'description' | 'status' | 'disabledReason'> {
  readonly id: string
  readonly events: WebhookFilter[]
  readonly failingSince: Date | null
  readonly oldSecretsEndAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}
export interface NewEndpoint {
  readonly id: string
  readonly partnerId: string
  readonly url: string
  readonly description: string
  readonly events: readonly WebhookFilter[]
}

const COLUMNS = `id, url, description, events, status, disabled_reason as "disabledReason", failing_since as "failingSince",
  (select max(ends_at) from webhook_secret s where s.endpoint_id = e.id and ends_at > now()) as "oldSecretsEndAt",
  created_at as "createdAt", updated_at as "updatedAt"`

const LOCK_PARTNER = { name: 'endpoints.lock-partner', text: 'select pg_advisory_xact_lock(hashtextextended($1, 1))' }
const COUNT = { name: 'endpoints.count', text: 'select count(*) as count from webhook_endpoint where partner_id = $1' }
const INSERT = {
  name: 'endpoints.insert',
  text: 'insert into webhook_endpoint (id, partner_id, url, description, events) values ($1, $2, $3, $4, $5)',
}
const LIST = {
  name: 'endpoints.list',
  text: `select ${COLUMNS} from webhook_endpoint e where partner_id = $1 and ($2::uuid is null or id > $2) order by id limit $3`,
}
const FIND = { name: 'endpoints.find', text: `select ${COLUMNS} from webhook_endpoint e where partner_id = $1 and id = $2` }
const LOCK = { name: 'endpoints.lock', text: 'select id from webhook_endpoint where partner_id = $1 and id = $2 for update' }
const CHANGE = {
  name: 'endpoints.change',
  text: `update webhook_endpoint set url = coalesce($3, url), description = coalesce($4, description), events = coalesce($5, events),
    paused_until = null, version = version + 1, updated_at = now() where partner_id = $1 and id = $2 returning id`,
}
const DELETE = { name: 'endpoints.delete', text: 'delete from webhook_endpoint where partner_id = $1 and id = $2 returning id' }
const ENABLE = {
  name: 'endpoints.enable',
  text: `update webhook_endpoint set status = 'enabled', disabled_reason = null, failures = 0, failing_since = null, paused_until = null,
      version = version + 1, updated_at = now()
    where partner_id = $1 and id = $2 and status = 'disabled'`,
}
const DISABLE = {
  name: 'endpoints.disable',
  text: `update webhook_endpoint set status = 'disabled', disabled_reason = $2, paused_until = null, version = version + 1, updated_at = now()
    where id = $1 and status = 'enabled' returning partner_id as "partnerId", version`,
}
const COUNT_PAUSED = {
  name: 'endpoints.count-paused',
  text: "select count(*)::int as count from webhook_endpoint where status = 'enabled' and paused_until > now()",
}
const BURY = {
  name: 'endpoints.bury-waiting',
  text: `update webhook_delivery set status = 'dead', dead_reason = 'endpoint_disabled', due_at = null, is_leased = false, finished_at = now()
    where id in (select d.id from webhook_endpoint e join webhook_delivery d on d.endpoint_id = e.id
      where e.status = 'disabled' and d.status = 'waiting' limit $1) and status = 'waiting' returning id`,
}
const INSERT_SECRET = {
  name: 'endpoints.insert-secret',
  text: 'insert into webhook_secret (endpoint_id, id, sealed) values ($1, uuidv7(), $2)',
}
const END_SECRETS = {
  name: 'endpoints.end-secrets',
  text: `with ended as (delete from webhook_secret where endpoint_id = $1 and ends_at <= now())
    update webhook_secret set ends_at = least(ends_at, now() + $2 * interval '1 second') where endpoint_id = $1 and (ends_at is null or ends_at > now())
    returning ends_at > now() as "isOverlapping"`,
}

const isoOf = (date: Date | null): string | null => date?.toISOString() ?? null

const endpointOf = (row: EndpointRow): WebhookEndpoint => ({
  ...row,
  id: idOf('webhookEndpoint', row.id),
  failingSince: isoOf(row.failingSince),
  oldSecretsEndAt: isoOf(row.oldSecretsEndAt),
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
})

/** Webhook endpoints and their secrets. Ids are bare UUIDs; a partner's statement finds nothing of another's. */
@Injectable()
export class EndpointsRepository {
  constructor(private readonly database: Database) {}

  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.database.transaction(work)
  }

  /** How many a partner has. Until the transaction ends nothing else counts them. */
  async count(tx: Queryable, partnerId: string): Promise<number> {
    await tx.query(LOCK_PARTNER, [`webhooks:${partnerId}`])
    return (await tx.query<{ count: number }>(COUNT, [partnerId]))[0]?.count ?? 0
  }

  async insert(tx: Queryable, endpoint: NewEndpoint, sealedSecret: Buffer): Promise<void> {
    const { id, partnerId, url, description, events } = endpoint
    await tx.query(INSERT, [id, partnerId, url, description, events])
    await tx.query(INSERT_SECRET, [id, sealedSecret])
  }

  async list(partnerId: string, after: string | undefined, limit: number): Promise<WebhookEndpoint[]> {
    return (await this.database.query<EndpointRow>(LIST, [partnerId, after, limit])).map(endpointOf)
  }

  async find(partnerId: string, id: string, tx: Queryable = this.database): Promise<WebhookEndpoint | undefined> {
    return (await tx.query<EndpointRow>(FIND, [partnerId, id])).map(endpointOf)[0]
  }

  /** Whether there was one. */
  async change(partnerId: string, id: string, { url, description, events }: ChangeWebhookEndpoint): Promise<boolean> {
    return (await this.database.query(CHANGE, [partnerId, id, url, description, events])).length > 0
  }

  async delete(partnerId: string, id: string): Promise<boolean> {
    return (await this.database.query(DELETE, [partnerId, id])).length > 0
  }

  async enable(partnerId: string, id: string): Promise<void> {
    await this.database.query(ENABLE, [partnerId, id])
  }

  /** Whether it was enabled until now; then `also` happens in the same transaction. */
  disable(
    id: string,
    reason: DisabledReason,
    also: (tx: Queryable, endpoint: { partnerId: string; version: number }) => Promise<void> = async () => undefined,
  ): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      const [endpoint] = await tx.query<{ partnerId: string; version: number }>(DISABLE, [id, reason])
      if (endpoint !== undefined) await also(tx, endpoint)
      return endpoint !== undefined
    })
  }

  /** How many are left in peace now. */
  async countPaused(): Promise<number> {
    return (await this.database.query<{ count: number }>(COUNT_PAUSED, []))[0]?.count ?? 0
  }

  /** Makes dead letters of some that wait for disabled endpoints. @returns how many */
  async buryWaiting(limit: number): Promise<number> {
    return (await this.database.query(BURY, [limit])).length
  }

  /**
   * Puts a new secret beside the old ones, which end after the overlap at the latest.
   * @param refuse hears how many of them are in use, and may throw: then nothing was changed
   * @returns whether there is such an endpoint
   */
  rotate(
    { partnerId, id }: { readonly partnerId: string; readonly id: string },
    sealedSecret: Buffer,
    overlapSeconds: number,
    refuse: (overlapping: number) => void,
  ): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      if ((await tx.query(LOCK, [partnerId, id])).length === 0) return false
      const old = await tx.query<{ isOverlapping: boolean }>(END_SECRETS, [id, overlapSeconds])
      refuse(old.filter(({ isOverlapping }) => isOverlapping).length)
      await tx.query(INSERT_SECRET, [id, sealedSecret])
      return true
    })
  }
}
