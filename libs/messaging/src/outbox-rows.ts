import type { OutboxRow } from './cloud-event.js'
import type { Connection } from './connection.js'
import { LEASE_NAME } from './lease.js'

const READ = {
  name: 'outbox.read',
  text: `select seq, id, type, subject, sequence, to_char(time at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as time, traceparent, data, actor
    from outbox where seq > $1 order by seq limit $2`,
}
const COUNT = { name: 'outbox.count', text: 'select count(*) as count from (select from outbox limit $1) as found' }
const HELD = 'exists (select from outbox_lease where name = $2 and holder = $3)'
// Without an eye on the array's length the plan is kept.
const DELETE = { name: 'outbox.delete', text: `delete from outbox where seq = any((select $1::bigint[])::bigint[]) and ${HELD}` }
const SET_ASIDE = {
  name: 'outbox.set-aside',
  text: `with gone as (delete from outbox where seq = $1 and ${HELD} returning *)
    insert into outbox_dead (seq, id, type, subject, sequence, time, traceparent, data, actor, reason)
    select seq, id, type, subject, sequence, time, traceparent, data, actor, $4 from gone`,
}
/** The relay's statements, all on its own connection; writing ones do nothing once somebody else holds the lease. */
export class OutboxRows {
  constructor(
    private readonly connection: Connection,
    private readonly holder: string,
  ) {}

  /** The next rows behind `afterSeq`, in order. */
  async read(afterSeq: number, limit: number): Promise<OutboxRow[]> {
    return (await this.connection.query<OutboxRow>(READ, [afterSeq, limit])).rows
  }

  /** How many rows there are, counted no further than to `most`. */
  async count(most: number): Promise<number> {
    return (await this.connection.query<{ count: number }>(COUNT, [most])).rows[0]?.count ?? 0
  }

  /** Deletes what Kafka acknowledged. */
  async delete(rows: readonly OutboxRow[]): Promise<void> {
    await this.connection.query(DELETE, [rows.map(({ seq }) => seq), LEASE_NAME, this.holder])
  }

  /** Moves a row that can't be published to outbox_dead, with the reason. */
  async setAside(row: OutboxRow, reason: string): Promise<void> {
    await this.connection.query(SET_ASIDE, [row.seq, LEASE_NAME, this.holder, reason])
  }
}
