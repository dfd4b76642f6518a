import { idOf } from '@catamaran/contracts'
import type { Books, Finding } from './books.js'

const GUARDS = `select c.conname as name from pg_constraint c join pg_index i on i.indexrelid = c.conindid
  where c.conname = 'order_idempotency' and i.indisvalid and i.indisready and i.indisunique`
const TWICE = 'select buyer_id, count(*)::int as orders from orders group by buyer_id, idempotency_key having count(*) > 1'
const CART_TWICE = 'select cart_id, cart_version from orders where cart_id is not null group by cart_id, cart_version having count(*) > 1'
const REFUSED = `select o.id from orders o join order_refusal r using (buyer_id, idempotency_key)`

/** What a client was told under one Idempotency-Key, as the storm keeps it. */
export interface KeyRecord {
  readonly key: string
  /** The ids in the answers that said 201: one at most. */
  readonly orderIds: ReadonlySet<string>
  /** The codes of the refusals: one at most, and none beside an order. */
  readonly refusals: ReadonlySet<string>
}

/** I4: one Idempotency-Key has one outcome. `told` is what clients have seen, where somebody kept it. */
export const checkKeys = async ({ core }: Books, told: readonly KeyRecord[] = []): Promise<Finding[]> => {
  const found = (detail: string): Finding => ({ invariant: 'I4', detail })
  const guards = await core(GUARDS)
  const twice = await core<{ buyer_id: string; orders: number }>(TWICE)
  const refused = await core<{ id: string }>(REFUSED)
  const carts = await core<{ cart_id: string }>(CART_TWICE)
  const split = told.filter(({ orderIds, refusals }) => orderIds.size + refusals.size > 1)
  const ids = told.flatMap(({ orderIds }) => [...orderIds])
  const stored = new Set((await core<{ id: string }>('select id from orders')).map(({ id }) => idOf('order', id) as string))
  return [
    ...(guards.length === 1 ? [] : [found('the constraint order_idempotency is not there or not valid')]),
    ...twice.map(({ buyer_id, orders }) => found(`buyer ${idOf('user', buyer_id)} has ${orders} orders under one key`)),
    ...carts.map(({ cart_id }) => found(`cart ${cart_id} was ordered twice at one version`)),
    ...refused.map(({ id }) => found(`order ${idOf('order', id)} was placed under a key that was refused`)),
    ...split.map(({ key, orderIds, refusals }) => found(`the key ${key} was answered with ${[...orderIds, ...refusals].join(' and ')}`)),
    ...ids.filter((id) => !stored.has(id)).map((id) => found(`order ${id} was acknowledged and is not there: lost`)),
  ]
}
