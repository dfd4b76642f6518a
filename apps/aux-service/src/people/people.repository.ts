import { Injectable } from '@nestjs/common'
import { idOf, uuidOf, type UserId } from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'

const INSERT = { name: 'people.insert', text: 'insert into erased_person (user_id) values ($1) on conflict do nothing' }
const FIND_CLOSED = { name: 'people.find-closed', text: 'select user_id as id from erased_person where user_id = any($1)' }
const MARK_ERASED = {
  name: 'people.mark-erased',
  text: 'update erased_person set erased_at = now() where user_id = $1 and erased_at is null returning user_id',
}

/** The tombstones of people whose account was closed. */
@Injectable()
export class PeopleRepository {
  constructor(private readonly database: Database) {}

  async insertTombstone(id: UserId): Promise<void> {
    await this.database.query(INSERT, [uuidOf(id)])
  }

  /** Those among some people whose account was closed. */
  async findClosed(ids: readonly UserId[]): Promise<ReadonlySet<UserId>> {
    const rows = await this.database.query<{ id: string }>(FIND_CLOSED, [ids.map((id) => uuidOf(id))])
    return new Set(rows.map(({ id }) => idOf('user', id)))
  }

  /** Notes that nothing of the person is left, with `also` in the same transaction; the first time only. */
  async markErased(id: UserId, also: (tx: Queryable) => Promise<void>): Promise<void> {
    await this.database.transaction(async (tx) => {
      const marked = await tx.query(MARK_ERASED, [uuidOf(id)])
      if (marked.length > 0) await also(tx)
    })
  }
}
