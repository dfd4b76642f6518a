import { Injectable } from '@nestjs/common'
import { idOf, uuidOf, type OrderId, type UserId } from '@catamaran/contracts'
import { Database } from '@catamaran/data'

const SAVE = {
  name: 'buyers.save',
  text: `insert into order_buyer (order_id, user_id) select distinct on (order_id) * from unnest($1::uuid[], $2::uuid[]) as b(order_id, user_id)
    order by order_id on conflict do nothing`,
}
const FIND = { name: 'buyers.find', text: 'select order_id, user_id from order_buyer where order_id = any($1)' }
const DELETE = { name: 'buyers.delete', text: 'delete from order_buyer where user_id = any($1)' }

/** Whose an order is, from the event that it was placed by: always the first of its partition. */
@Injectable()
export class BuyersRepository {
  constructor(private readonly database: Database) {}

  async save(orders: readonly { readonly orderId: OrderId; readonly buyerId: UserId }[]): Promise<void> {
    await this.database.query(SAVE, [orders.map(({ orderId }) => uuidOf(orderId)), orders.map(({ buyerId }) => uuidOf(buyerId))])
  }

  async find(ids: readonly OrderId[]): Promise<ReadonlyMap<OrderId, UserId>> {
    const rows = await this.database.query<{ order_id: string; user_id: string }>(FIND, [ids.map((id) => uuidOf(id))])
    return new Map(rows.map((row) => [idOf('order', row.order_id), idOf('user', row.user_id)]))
  }

  async deleteOf(people: readonly UserId[]): Promise<void> {
    await this.database.query(DELETE, [people.map((id) => uuidOf(id))])
  }
}
