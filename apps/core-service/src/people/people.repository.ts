import { Injectable } from '@nestjs/common'
import { idOf, uuidOf, type UserId } from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'
import { forgetKeys } from '@catamaran/messaging'

const INSERT = { name: 'people.insert', text: 'insert into erased_person (user_id) values ($1) on conflict do nothing' }

/**
 * Takes the person out of up to $2 orders that have ended, of person $1 or of all. With the buyer go what the client chose (its key) and what was made
 * of the address (the hash): a later order of the same person with the same key must find its place too. Orders are looked for person by person: joined, the
 * planner may read all orders to find none.
 */
const PSEUDONYMISE = {
  name: 'people.pseudonymise',
  text: `with due as materialized (
      select o.id, p.pseudonym from erased_person p cross join lateral (
        select id from orders where buyer_id = p.user_id and status in ('completed', 'cancelled') limit $2 for update skip locked) o
      where p.erased_at is null and ($1::uuid is null or p.user_id = $1) limit $2),
    told as (update order_return r set reason = null from due where r.order_id = due.id and r.reason is not null),
    tracked as (update fulfilment f set tracking_number = null from due where f.order_id = due.id and f.tracking_number is not null)
    update orders o set buyer_id = due.pseudonym, delivery_address = null, payment_method = null, return_url = null, idempotency_key = o.id::text, request_hash = '\\x',
      cart_id = null, cart_version = null
    from due where o.id = due.id returning o.id`,
}

const FORGET_REFUSALS = { name: 'people.forget-refusals', text: 'delete from order_refusal where buyer_id = $1' }

const HAS_ORDERS = 'exists (select from orders o where o.buyer_id = p.user_id)'
const LIST_READY = {
  name: 'people.list-ready',
  text: `select user_id as id from erased_person p
    where erased_at is null and closed_at <= now() - $1 * interval '1 ms' and not ${HAS_ORDERS} order by closed_at limit $2`,
}
const MARK_ERASED = {
  name: 'people.mark-erased',
  text: `update erased_person p set erased_at = now(), pseudonym = null
    where user_id = $1 and erased_at is null and not ${HAS_ORDERS} returning user_id`,
}

/** People whose account was closed, and what is left of them. */
@Injectable()
export class PeopleRepository {
  constructor(private readonly database: Database) {}

  /** Writes a tombstone and takes the person out of up to `limit` ended orders, if `isNew` says so in the same transaction. */
  async close(id: UserId, limit: number, isNew: (tx: Queryable) => Promise<boolean>): Promise<void> {
    await this.database.transaction(async (tx) => {
      if (!(await isNew(tx))) return
      await tx.query(INSERT, [uuidOf(id)])
      await tx.query(PSEUDONYMISE, [uuidOf(id), limit])
    })
  }

  /** Takes erased people out of up to `limit` orders that have ended. @returns out of how many */
  async pseudonymise(limit: number): Promise<number> {
    return (await this.database.query(PSEUDONYMISE, [null, limit])).length
  }

  /** People with no order left in their name, whose account has been closed for so long. */
  async listReady(closedForMs: number, limit: number): Promise<UserId[]> {
    const rows = await this.database.query<{ id: string }>(LIST_READY, [closedForMs, limit])
    return rows.map(({ id }) => idOf('user', id))
  }

  /** Forgets the pseudonym, with `also` in the same transaction; once only, and not while an order is left. */
  async markErased(id: UserId, also: (tx: Queryable) => Promise<void>): Promise<void> {
    await this.database.transaction(async (tx) => {
      const marked = await tx.query(MARK_ERASED, [uuidOf(id)])
      if (marked.length === 0) return
      await forgetKeys(tx, id)
      await tx.query(FORGET_REFUSALS, [uuidOf(id)])
      await also(tx)
    })
  }
}
