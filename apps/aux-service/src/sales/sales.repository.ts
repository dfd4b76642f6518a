import { Injectable } from '@nestjs/common'
import { idOf, uuidOf, type Currency, type PartnerId, type ProductId, type Sales } from '@catamaran/contracts'
import { Database, type Statement } from '@catamaran/data'

export type SalesFigure = 'sold' | 'cancelled' | 'returned'

/** What one line of one event adds to the figures. Ids are UUIDs, `day` is YYYY-MM-DD. */
export interface SalesEntry {
  readonly eventId: string
  readonly partnerId: string
  readonly productId: string
  readonly day: string
  readonly currency: string
  readonly figure: SalesFigure
  readonly pieces: number
  readonly amountMinor: number
}

/** Where a list goes on: behind this row. */
export type SalesKey = readonly [day: string, productId: ProductId, currency: string]

const FIGURES = ['sold', 'cancelled', 'returned'] as const
const COLUMNS = FIGURES.flatMap((figure) => [`${figure}_pieces`, `${figure}_minor`])

// Inbox and figures in one statement: an event that was counted before adds nothing, one that comes twice in a batch has its first place only.
const ADD: Statement = {
  name: 'sales.add',
  text: `
with entry as materialized (
  select distinct * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::date[], $5::text[], $6::text[], $7::int[], $8::bigint[])
    as e(event_id, partner_id, product_id, day, currency, figure, pieces, amount_minor)),
fresh as (
  insert into inbox (consumer, event_id) select distinct 'aux.sales', event_id from entry order by event_id on conflict do nothing returning event_id),
added as (
  select partner_id, day, product_id, currency, ${FIGURES.map(
    (figure) =>
      `coalesce(sum(pieces) filter (where figure = '${figure}'), 0), coalesce(sum(amount_minor) filter (where figure = '${figure}'), 0)`,
  ).join(', ')}
  from entry join fresh using (event_id) group by partner_id, day, product_id, currency order by partner_id, day, product_id, currency)
insert into product_day as d (partner_id, day, product_id, currency, ${COLUMNS.join(', ')})
select * from added
on conflict (partner_id, day, product_id, currency) do update set ${COLUMNS.map((column) => `${column} = d.${column} + excluded.${column}`).join(', ')}`,
}

const list = (name: string, ofProduct: string): Statement => ({
  name,
  text: `select to_char(day, 'YYYY-MM-DD') as day, product_id, currency, ${COLUMNS.join(', ')} from product_day
    where partner_id = $1 and day between greatest($2::date, $4::date) and $3::date ${ofProduct}
      and ($4::date is null or (day, product_id, currency) > ($4::date, $5::uuid, $6::text))
    order by day, product_id, currency limit $7`,
})
const LIST = list('sales.list', '')
const LIST_OF_PRODUCT = list('sales.list-of-product', 'and product_id = $8')

type Row = { day: string; product_id: string; currency: string } & Record<`${SalesFigure}_${'pieces' | 'minor'}`, number>

@Injectable()
export class SalesRepository {
  constructor(private readonly database: Database) {}

  /** Adds the entries of events that were not counted yet. */
  async add(entries: readonly SalesEntry[]): Promise<void> {
    await this.database.query(ADD, [
      entries.map(({ eventId }) => eventId),
      entries.map(({ partnerId }) => partnerId),
      entries.map(({ productId }) => productId),
      entries.map(({ day }) => day),
      entries.map(({ currency }) => currency),
      entries.map(({ figure }) => figure),
      entries.map(({ pieces }) => pieces),
      entries.map(({ amountMinor }) => amountMinor),
    ])
  }

  /** A partner's figures of these days, behind `after`, in the order of day, product and currency. */
  async list(
    partnerId: PartnerId,
    { from, to, productId }: { from: string; to: string; productId?: ProductId | undefined },
    after: SalesKey | undefined,
    limit: number,
  ): Promise<Sales[]> {
    const [day, product, currency] = after ?? []
    const values = [uuidOf(partnerId), from, to, day ?? null, product === undefined ? null : uuidOf(product), currency ?? null, limit]
    const rows = await (productId === undefined
      ? this.database.query<Row>(LIST, values)
      : this.database.query<Row>(LIST_OF_PRODUCT, [...values, uuidOf(productId)]))
    return rows.map(salesOf)
  }
}

const salesOf = (row: Row): Sales => {
  const figure = (name: SalesFigure) => ({ pieces: row[`${name}_pieces`], amountMinor: row[`${name}_minor`] })
  return {
    day: row.day,
    productId: idOf('product', row.product_id),
    currency: row.currency as Currency,
    sold: figure('sold'),
    cancelled: figure('cancelled'),
    returned: figure('returned'),
  }
}
