import { Injectable } from '@nestjs/common'
import { idOf, type DeliveryStatus, type WebhookAttempt, type WebhookDelivery, type WebhookType } from '@catamaran/contracts'
import { Database } from '@catamaran/data'

interface DeliveryRow extends Pick<WebhookDelivery, 'status' | 'attempts' | 'deadReason'> {
  readonly id: string
  readonly seq: number
  readonly endpointId: string
  readonly eventId: string
  readonly type: WebhookType
  readonly dueAt: Date | null
  readonly isLeased: boolean
  readonly createdAt: Date
  readonly finishedAt: Date | null
}
interface AttemptRow {
  readonly number: number
  readonly startedAt: Date
  readonly durationMs: number
  readonly firstByteMs: number | null
  readonly url: string
  readonly requestHeaders: Record<string, string>
  readonly status: number | null
  readonly responseHeaders: Record<string, string> | null
  readonly responseBody: string | null
  readonly failure: string | null
}
/** A time range of an endpoint's deliveries. */
export interface Range {
  readonly from: string
  readonly to: string
  readonly statuses: readonly DeliveryStatus[]
}

const COLUMNS = `id, seq, endpoint_id as "endpointId", event_id as "eventId", type, status, attempts, dead_reason as "deadReason", due_at as "dueAt",
  is_leased as "isLeased", created_at as "createdAt", finished_at as "finishedAt"`

const INSERT = {
  name: 'deliveries.insert',
  text: `insert into webhook_delivery (endpoint_id, event_id, subject, type, body, status, due_at) values ($1, $2, $1, $3, $4, 'waiting', now())
    returning ${COLUMNS}`,
}
const UNPAUSE = {
  name: 'deliveries.unpause',
  text: 'update webhook_endpoint set paused_until = null where id = $1 and paused_until is not null',
}
const LIST = {
  name: 'deliveries.list',
  text: `select ${COLUMNS} from webhook_delivery where endpoint_id = $1 and ($2::bigint is null or seq < $2) order by seq desc limit $3`,
}
const LIST_BY_STATUS = {
  name: 'deliveries.list-by-status',
  text: `select ${COLUMNS} from webhook_delivery where endpoint_id = $1 and ($2::bigint is null or seq < $2) and status = $4 order by seq desc limit $3`,
}
const FIND = {
  name: 'deliveries.find',
  text: `select ${COLUMNS}, body from webhook_delivery where endpoint_id = $1 and id = $2`,
}
const ATTEMPTS = {
  name: 'deliveries.attempts',
  text: `select number, started_at as "startedAt", duration_ms as "durationMs", first_byte_ms as "firstByteMs", url, request_headers as "requestHeaders",
      status, response_headers as "responseHeaders", response_body as "responseBody", failure
    from webhook_attempt where delivery_id = $1 order by number desc limit 50`,
}

/** Begins a new window of tries. What waits already, and is not being tried just now, is only tried at once: asking twice queues once. */
const RENEW = `status = 'waiting', dead_reason = null, finished_at = null, due_at = now(), is_leased = false,
  step = case when status = 'waiting' then step else 0 end, tried_since = case when status = 'waiting' then tried_since else now() end`
const REDELIVER = {
  name: 'deliveries.redeliver',
  text: `with asked as (select id, status <> 'waiting' as is_new from webhook_delivery where endpoint_id = $1 and id = $2 for update)
    update webhook_delivery d set ${RENEW} from asked where d.id = asked.id and not d.is_leased returning is_new as "isNew"`,
}
const REDELIVER_RANGE = {
  name: 'deliveries.redeliver-range',
  text: `update webhook_delivery set ${RENEW} where id in (
      select id from webhook_delivery where endpoint_id = $1 and created_at >= $2 and created_at < $3 and status = any($4) order by id for update)
    returning id`,
}
const COUNT_RANGE = {
  name: 'deliveries.count-range',
  text: `select count(*) as count from (
    select from webhook_delivery where endpoint_id = $1 and created_at >= $2 and created_at < $3 and status = any($4) limit $5) as found`,
}

const deliveryOf = (row: DeliveryRow): WebhookDelivery => ({
  id: idOf('webhookDelivery', row.id),
  endpointId: idOf('webhookEndpoint', row.endpointId),
  eventId: idOf('event', row.eventId),
  type: row.type,
  status: row.status,
  attempts: row.attempts,
  deadReason: row.deadReason,
  // While one is being tried, its time is that of the lease, which tells nobody anything.
  nextAttemptAt: row.isLeased ? null : (row.dueAt?.toISOString() ?? null),
  createdAt: row.createdAt.toISOString(),
  finishedAt: row.finishedAt?.toISOString() ?? null,
})

const attemptOf = (row: AttemptRow): WebhookAttempt => ({
  ...{ number: row.number, startedAt: row.startedAt.toISOString(), durationMs: row.durationMs, firstByteMs: row.firstByteMs },
  request: { url: row.url, headers: row.requestHeaders },
  response: row.status === null ? null : { status: row.status, headers: row.responseHeaders ?? {}, body: row.responseBody ?? '' },
  failure: row.failure,
})

/** What was, is and will be sent to an endpoint, for its partner. Ids are bare UUIDs; the caller has made sure whose the endpoint is. */
@Injectable()
export class DeliveriesRepository {
  constructor(private readonly database: Database) {}

  /** Queues something that is no event of anybody's, in a lane of its own. It is sent at once, also where the endpoint fails. */
  async insert(endpointId: string, eventId: string, type: WebhookType, body: string): Promise<WebhookDelivery> {
    await this.unpause(endpointId)
    const [row] = await this.database.query<DeliveryRow>(INSERT, [endpointId, eventId, type, body])
    if (row === undefined) throw new Error('an insert gave no row')
    return deliveryOf(row)
  }

  /** The newest first, with the place that the next page begins after. */
  async list(
    endpointId: string,
    before: number | undefined,
    limit: number,
    status: DeliveryStatus | undefined,
  ): Promise<{ place: number; delivery: WebhookDelivery }[]> {
    const rows =
      status === undefined
        ? await this.database.query<DeliveryRow>(LIST, [endpointId, before, limit])
        : await this.database.query<DeliveryRow>(LIST_BY_STATUS, [endpointId, before, limit, status])
    return rows.map((row) => ({ place: row.seq, delivery: deliveryOf(row) }))
  }

  async find(endpointId: string, id: string): Promise<(WebhookDelivery & { body: string }) | undefined> {
    const [row] = await this.database.query<DeliveryRow & { body: string }>(FIND, [endpointId, id])
    return row && { ...deliveryOf(row), body: row.body }
  }

  /** The last fifty, oldest first. */
  async listAttempts(id: string): Promise<WebhookAttempt[]> {
    return (await this.database.query<AttemptRow>(ATTEMPTS, [id])).map(attemptOf).reverse()
  }

  /** Whether it is queued by that: not when it waited already. */
  async redeliver(endpointId: string, id: string): Promise<boolean> {
    await this.unpause(endpointId)
    return (await this.database.query<{ isNew: boolean }>(REDELIVER, [endpointId, id]))[0]?.isNew ?? false
  }

  async redeliverRange(endpointId: string, { from, to, statuses }: Range): Promise<number> {
    await this.unpause(endpointId)
    return (await this.database.query(REDELIVER_RANGE, [endpointId, from, to, statuses])).length
  }

  /** Counts no further than to `most`. */
  async countRange(endpointId: string, { from, to, statuses }: Range, most: number): Promise<number> {
    return (await this.database.query<{ count: number }>(COUNT_RANGE, [endpointId, from, to, statuses, most]))[0]?.count ?? 0
  }

  private async unpause(endpointId: string): Promise<void> {
    await this.database.query(UNPAUSE, [endpointId])
  }
}
