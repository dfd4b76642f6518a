import { Injectable } from '@nestjs/common'
import { idOf, uuidOf, type Currency, type FulfilmentId, type PartnerId, type ReturnId } from '@catamaran/contracts'
import { Database, type Statement } from '@catamaran/data'
import type { DeliveryAddress, ShippingAddress } from '../orders/orders.schema.js'
import type { Fulfilment, FulfilmentQuery, PartnerReturn, ReturnQuery } from './fulfilments.schema.js'

// A partner has a few sellers: each one's newest are read from its own index, and the newest of all are taken of those.
const FULFILMENT_COLUMNS = `f.id, f.order_id, f.seller_id, f.status, f.items_minor, f.shipping_minor, f.carrier, f.tracking_number, f.created_at, f.ended_at,
  o.currency, o.delivery_address,
  (select json_agg(json_build_object('productId', l.product_id, 'name', l.product_name, 'quantity', l.quantity, 'unitPriceMinor', l.unit_price_minor) order by l.line_no)
    from order_line l where l.order_id = f.order_id and l.seller_id = f.seller_id) as lines`
const RETURN_COLUMNS = `r.id, r.order_id, r.fulfilment_id, r.status, r.lines, r.reason, r.refund_minor, r.is_restocked, r.requested_at, r.decided_at, o.currency`

const FULFILMENT: Statement = {
  name: 'fulfilments.read',
  text: `select ${FULFILMENT_COLUMNS} from fulfilment f join orders o on o.id = f.order_id join seller s on s.id = f.seller_id
    where f.id = $1 and s.partner_id = $2`,
}
const RETURN: Statement = {
  name: 'returns.read',
  text: `select ${RETURN_COLUMNS} from order_return r join orders o on o.id = r.order_id join seller s on s.id = r.seller_id
    where r.id = $1 and s.partner_id = $2`,
}
const newestOf = (table: 'fulfilment' | 'order_return', status: boolean): string => `
  select each.* from seller s cross join lateral (
    select * from ${table} t where t.seller_id = s.id and ($2::uuid is null or t.id < $2) ${status ? 'and t.status = $4' : ''}
    order by t.id desc limit $3) each
  where s.partner_id = $1 order by each.id desc limit $3`
const listOf = (status: boolean): Statement => ({
  name: `fulfilments.list${status ? '-by-status' : ''}`,
  text: `select ${FULFILMENT_COLUMNS} from (${newestOf('fulfilment', status)}) f join orders o on o.id = f.order_id order by f.id desc`,
})
const listReturnsOf = (status: boolean): Statement => ({
  name: `returns.list${status ? '-by-status' : ''}`,
  text: `select ${RETURN_COLUMNS} from (${newestOf('order_return', status)}) r join orders o on o.id = r.order_id order by r.id desc`,
})
const LISTS = { fulfilments: [listOf(false), listOf(true)], returns: [listReturnsOf(false), listReturnsOf(true)] } as const

interface FulfilmentRow {
  id: string
  order_id: string
  seller_id: string
  status: Fulfilment['status']
  items_minor: number
  shipping_minor: number
  carrier: string | null
  tracking_number: string | null
  created_at: Date
  ended_at: Date | null
  currency: string
  delivery_address: DeliveryAddress | null
  lines: { productId: string; name: string; quantity: number; unitPriceMinor: number }[]
}

interface ReturnRow {
  id: string
  order_id: string
  fulfilment_id: string
  status: PartnerReturn['status']
  lines: { productId: string; quantity: number }[]
  reason: string | null
  refund_minor: number
  is_restocked: boolean
  requested_at: Date
  decided_at: Date | null
  currency: string
}

/** What a partner sees of orders: its own sellers' parts and returns. */
@Injectable()
export class FulfilmentsRepository {
  constructor(private readonly database: Database) {}

  async find(partnerId: PartnerId, id: FulfilmentId): Promise<Fulfilment | undefined> {
    const [row] = await this.database.query<FulfilmentRow>(FULFILMENT, [uuidOf(id), uuidOf(partnerId)])
    return row && fulfilmentOf(row)
  }

  /** Newest first, after the one that `after` names. */
  async list(
    partnerId: PartnerId,
    { status, after, limit }: Pick<FulfilmentQuery, 'status'> & { after: FulfilmentId | undefined; limit: number },
  ): Promise<Fulfilment[]> {
    return (await this.listRows<FulfilmentRow>('fulfilments', partnerId, after, limit, status)).map(fulfilmentOf)
  }

  async findReturn(partnerId: PartnerId, id: ReturnId): Promise<PartnerReturn | undefined> {
    const [row] = await this.database.query<ReturnRow>(RETURN, [uuidOf(id), uuidOf(partnerId)])
    return row && returnOf(row)
  }

  /** Newest first, after the one that `after` names. */
  async listReturns(
    partnerId: PartnerId,
    { status, after, limit }: Pick<ReturnQuery, 'status'> & { after: ReturnId | undefined; limit: number },
  ): Promise<PartnerReturn[]> {
    return (await this.listRows<ReturnRow>('returns', partnerId, after, limit, status)).map(returnOf)
  }

  private listRows<Row extends object>(
    list: keyof typeof LISTS,
    partnerId: PartnerId,
    after: FulfilmentId | ReturnId | undefined,
    limit: number,
    status: string | undefined,
  ): Promise<Row[]> {
    const [all, byStatus] = LISTS[list]
    const values = [uuidOf(partnerId), after && uuidOf(after), limit]
    return status === undefined ? this.database.query<Row>(all, values) : this.database.query<Row>(byStatus, [...values, status])
  }
}

const fulfilmentOf = (row: FulfilmentRow): Fulfilment => {
  const money = (amountMinor: number) => ({ amountMinor, currency: row.currency as Currency })
  return {
    id: idOf('fulfilment', row.id),
    orderId: idOf('order', row.order_id),
    sellerId: idOf('seller', row.seller_id),
    status: row.status,
    lines: row.lines.map(({ productId, name, quantity, unitPriceMinor }) => ({
      productId: idOf('product', productId),
      name,
      quantity,
      unitPrice: money(unitPriceMinor),
    })),
    items: money(row.items_minor),
    shipping: money(row.shipping_minor),
    deliveryAddress: row.delivery_address && shippingOf(row.delivery_address),
    carrier: row.carrier,
    trackingNumber: row.tracking_number,
    createdAt: row.created_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
  }
}

const returnOf = (row: ReturnRow): PartnerReturn => ({
  id: idOf('return', row.id),
  orderId: idOf('order', row.order_id),
  fulfilmentId: idOf('fulfilment', row.fulfilment_id),
  status: row.status,
  lines: row.lines.map(({ productId, quantity }) => ({ productId: idOf('product', productId), quantity })),
  reason: row.reason,
  refund: { amountMinor: row.refund_minor, currency: row.currency as Currency },
  isRestocked: row.is_restocked,
  requestedAt: row.requested_at.toISOString(),
  decidedAt: row.decided_at?.toISOString() ?? null,
})

/** What a seller needs to send a parcel: not how its buyer is written to. */
const shippingOf = ({ name, line1, line2, city, region, postalCode, country }: DeliveryAddress): ShippingAddress => ({
  ...{ name, line1, city, postalCode, country },
  ...(line2 === undefined ? {} : { line2 }),
  ...(region === undefined ? {} : { region }),
})
