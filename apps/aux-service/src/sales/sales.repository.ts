import { Injectable } from '@nestjs/common'
import { Database, type Statement } from '@catamaran/data'

/** What one event adds to the figures of one seller. `day` is YYYY-MM-DD, `sign` of what: placed or cancelled. */
export interface SalesEntry {
  readonly eventId: string
  readonly sellerId: string
  readonly day: string
  readonly currency: string
  readonly isCancelled: boolean
  readonly pieces: number
  readonly amountMinor: number
}

// Inbox and figures in one statement: an event that was counted before, or comes twice in one batch, adds nothing.
const ADD: Statement = {
  name: 'add-sales',
  text: `
with entry as materialized (
  select distinct * from unnest($1::uuid[], $2::uuid[], $3::date[], $4::text[], $5::boolean[], $6::int[], $7::bigint[])
    as e(event_id, seller_id, day, currency, is_cancelled, pieces, amount_minor)),
fresh as (
  insert into inbox (consumer, event_id) select distinct 'aux.sales', event_id from entry order by event_id on conflict do nothing returning event_id),
figure as (
  select seller_id, day, currency,
    count(*) filter (where not is_cancelled) as orders, coalesce(sum(pieces) filter (where not is_cancelled), 0) as pieces,
    coalesce(sum(amount_minor) filter (where not is_cancelled), 0) as amount_minor, count(*) filter (where is_cancelled) as cancelled_orders,
    coalesce(sum(amount_minor) filter (where is_cancelled), 0) as cancelled_amount_minor
  from entry join fresh using (event_id) group by seller_id, day, currency order by seller_id, day, currency)
insert into seller_day as s (seller_id, day, currency, orders, pieces, amount_minor, cancelled_orders, cancelled_amount_minor)
select * from figure
on conflict (seller_id, day, currency) do update set orders = s.orders + excluded.orders, pieces = s.pieces + excluded.pieces,
  amount_minor = s.amount_minor + excluded.amount_minor, cancelled_orders = s.cancelled_orders + excluded.cancelled_orders,
  cancelled_amount_minor = s.cancelled_amount_minor + excluded.cancelled_amount_minor`,
}

@Injectable()
export class SalesRepository {
  constructor(private readonly database: Database) {}

  /** Adds the entries of events that were not counted yet. */
  async add(entries: readonly SalesEntry[]): Promise<void> {
    await this.database.query(ADD, [
      entries.map(({ eventId }) => eventId),
      entries.map(({ sellerId }) => sellerId),
      entries.map(({ day }) => day),
      entries.map(({ currency }) => currency),
      entries.map(({ isCancelled }) => isCancelled),
      entries.map(({ pieces }) => pieces),
      entries.map(({ amountMinor }) => amountMinor),
    ])
  }
}
