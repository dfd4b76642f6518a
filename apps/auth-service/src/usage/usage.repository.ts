import { Injectable } from '@nestjs/common'
import { uuidOf, type PartnerId, type UsageReport } from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'
import type { Usage, UsageQuery } from './usage.schema.js'

type Entry = UsageReport['entries'][number]
export type UsageKey = readonly [day: string, clientId: string, route: string]

// Reports are applied one after another: two that name the same rows in another order could otherwise wait for each other.
const LOCK = { name: 'usage.lock', text: "select pg_advisory_xact_lock(hashtext('auth.usage'))" }
const ADD = {
  name: 'usage.add',
  text: `insert into partner_usage (partner_id, client_id, day, route, requests, errors)
    select partner_id, client_id, day, route, sum(requests), sum(errors)
    from unnest($1::uuid[], $2::text[], $3::date[], $4::text[], $5::bigint[], $6::bigint[]) as e (partner_id, client_id, day, route, requests, errors)
    where exists (select from partner where partner.id = e.partner_id)
    group by partner_id, client_id, day, route
    on conflict (partner_id, day, client_id, route)
      do update set requests = partner_usage.requests + excluded.requests, errors = partner_usage.errors + excluded.errors`,
}
const LATEST = `latest as (
    select partner_id, client_id, least(max(last_at), now()) as last_at
    from unnest($1::uuid[], $2::text[], $3::timestamptz[]) as e (partner_id, client_id, last_at) group by partner_id, client_id)`
const TOUCH_CLIENTS = {
  name: 'usage.touch-clients',
  text: `with ${LATEST} update oidc_client set last_used_at = greatest(last_used_at, latest.last_at) from latest
    where oidc_client.id = latest.client_id and oidc_client.partner_id = latest.partner_id`,
}
const TOUCH_KEYS = {
  name: 'usage.touch-keys',
  text: `with ${LATEST} update api_key set last_used_at = greatest(last_used_at, latest.last_at)
    from latest join unnest($4::text[], $5::uuid[]) as k (client_id, id) using (client_id)
    where api_key.id = k.id and api_key.partner_id = latest.partner_id`,
}

/** What is not told apart is the same for all rows: an empty text. */
const LIST = {
  name: 'usage.list',
  text: `with grouped as (
      select case when $5 then day::text else '' end collate "C" as day, case when $6 then client_id else '' end collate "C" as client_id,
        case when $7 then route else '' end collate "C" as route, sum(requests)::bigint as requests, sum(errors)::bigint as errors
      from partner_usage where partner_id = $1 and day between $2 and $3 and ($4::text is null or client_id = $4)
      group by 1, 2, 3)
    select day, client_id as "clientId", route, requests, errors from grouped
    where $8::text is null or (day, client_id, route) > ($8, $9, $10) order by day, client_id, route limit $11`,
}

@Injectable()
export class UsageRepository {
  constructor(private readonly database: Database) {}

  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.database.transaction(work)
  }

  async lock(tx: Queryable): Promise<void> {
    await tx.query(LOCK)
  }

  /** Entries of partners that don't exist are left out. */
  async add(tx: Queryable, entries: readonly Entry[]): Promise<void> {
    await tx.query(ADD, [
      ...[entries.map(({ partnerId }) => uuidOf(partnerId)), entries.map(({ clientId }) => clientId)],
      ...[entries.map(({ day }) => day), entries.map(({ route }) => route)],
      ...[entries.map(({ requests }) => requests), entries.map(({ errors }) => errors)],
    ])
  }

  /** Moves forward when keys and clients were last used, never back and never past now. `keys` are the UUIDs of clients that are API keys. */
  async touch(tx: Queryable, entries: readonly Entry[], keys: ReadonlyMap<string, string>): Promise<void> {
    const columns = [
      entries.map(({ partnerId }) => uuidOf(partnerId)),
      entries.map(({ clientId }) => clientId),
      entries.map(({ lastAt }) => lastAt),
    ]
    await tx.query(TOUCH_KEYS, [...columns, [...keys.keys()], [...keys.values()]])
    await tx.query(TOUCH_CLIENTS, columns)
  }

  /** Sums after one, with an empty text for what is not told apart. */
  list(
    partnerId: PartnerId,
    { from, to, clientId, groupBy }: UsageQuery,
    after: UsageKey | undefined,
    limit: number,
  ): Promise<Required<Usage>[]> {
    const isToldApart = (['day', 'client', 'route'] as const).map((group) => groupBy.includes(group))
    const [day, client, route] = after ?? []
    return this.database.query(LIST, [uuidOf(partnerId), from, to, clientId, ...isToldApart, day, client, route, limit])
  }
}
