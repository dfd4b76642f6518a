import { Injectable } from '@nestjs/common'
import { idOf, uuidOf, type EventData, type PartnerId, type ProductId } from '@catamaran/contracts'
import { Database, type Queryable, type Statement } from '@catamaran/data'
import { AppError } from '@catamaran/platform'

export type PartnerStatus = EventData<'identity.partner.changed.v1'>['status']
/** A product and the version that it has now. */
export type Changed = readonly [ProductId, number]

const LOCK: Statement = { name: 'partner.lock', text: 'select status, version from partner where id = $1 for no key update' }
// A slug stays when the name changes: links go on working. A taken one gets the end of the id.
const SAVE_SELLER: Statement = {
  name: 'partner.save-seller',
  text: `insert into seller (id, partner_id, name, slug)
    select $1::uuid, $1::uuid, $2, case when exists (select from seller where slug = $3) then $3 || '-' || right($1::text, 8) else $3 end
    on conflict (id) do update set name = excluded.name`,
}
const SAVE: Statement = {
  name: 'partner.save',
  text: `insert into partner (id, status, version) values ($1, $2, $3)
    on conflict (id) do update set status = excluded.status, version = excluded.version where partner.version < excluded.version
    returning id`,
}
/**
 * Gives the next products of a partner that have one status another, or the same when only what their pages show has changed. Stock is locked first, in
 * id order, as whoever places orders does.
 * $1 partner, $2 from, $3 to, $4 after this product, $5 at most
 */
const MOVE: Statement = {
  name: 'partner.move-products',
  text: `with batch as materialized (
      select p.id from seller s cross join lateral (
        select id from product where seller_id = s.id and status = $2 and ($4::uuid is null or id > $4) order by id limit $5) p
      where s.partner_id = $1 order by p.id limit $5),
    held as materialized (select product_id from stock where product_id in (select id from batch) order by product_id for update),
    changed as (
      update product p set status = $3, version = p.version + 1, updated_at = now()
      from held where p.id = held.product_id and p.status = $2 returning p.id, p.seller_id, p.version),
    events as (
      insert into outbox (id, type, subject, sequence, data)
      select uuidv7(), 'catalogue.product.changed.v1', id, version, json_build_object('productId', id, 'sellerId', seller_id)::text from changed)
    select id, version from changed order by id`,
}
const SETTINGS: Statement = { name: 'partner.settings', text: 'select shipping_minor from seller where id = $1' }
const SET_SHIPPING: Statement = { name: 'partner.set-shipping', text: 'update seller set shipping_minor = $2 where partner_id = $1' }

/** Partners as sellers. */
@Injectable()
export class SellersRepository {
  constructor(private readonly database: Database) {}

  /** Takes over what an event tells. False when something newer is known. */
  apply({ partnerId, name, status }: EventData<'identity.partner.changed.v1'>, version: number, slug: string): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      const id = uuidOf(partnerId)
      const [known] = await tx.query<{ version: number }>(LOCK, [id])
      if (known !== undefined && known.version >= version) return known.version === version
      await tx.query(SAVE_SELLER, [id, name, slug])
      return (await tx.query(SAVE, [id, status, version])).length === 1
    })
  }

  /** Moves up to `limit` products behind `after`, while the partner has this version. Undefined when it hasn't any more. */
  moveProducts(
    partnerId: PartnerId,
    version: number,
    [from, to]: readonly [string, string],
    after: ProductId | undefined,
    limit: number,
  ): Promise<Changed[] | undefined> {
    return this.database.transaction(async (tx) => {
      const [known] = await tx.query<{ version: number }>(LOCK, [uuidOf(partnerId)])
      if (known?.version !== version) return undefined
      const rows = await tx.query<{ id: string; version: number }>(MOVE, [uuidOf(partnerId), from, to, after && uuidOf(after), limit])
      return rows.map((row) => [idOf('product', row.id), row.version] as const)
    })
  }

  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.database.transaction(work)
  }

  /** From here to the end of the transaction nobody else writes the partner's products or changes its status. @throws AppError partners.not-active */
  async requireActive(tx: Queryable, partnerId: PartnerId): Promise<void> {
    const [known] = await tx.query<{ status: PartnerStatus }>(LOCK, [uuidOf(partnerId)])
    if (known?.status !== 'active') throw new AppError('partners.not-active')
  }

  /** Runs `work` in a transaction after `requireActive`. @throws AppError partners.not-active */
  holdingActive<T>(partnerId: PartnerId, work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.transaction(async (tx) => {
      await this.requireActive(tx, partnerId)
      return work(tx)
    })
  }

  async findShippingMinor(partnerId: PartnerId): Promise<number | undefined> {
    return (await this.database.query<{ shipping_minor: number }>(SETTINGS, [uuidOf(partnerId)]))[0]?.shipping_minor
  }

  async setShippingMinor(tx: Queryable, partnerId: PartnerId, shippingMinor: number): Promise<void> {
    await tx.query(SET_SHIPPING, [uuidOf(partnerId), shippingMinor])
  }
}
