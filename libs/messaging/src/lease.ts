import { randomUUID } from 'node:crypto'
import type { Connection } from './connection.js'

const TAKE = {
  name: 'outbox.lease.take',
  text: `insert into outbox_lease as lease (name, holder, expires_at) values ($1, $2, clock_timestamp() + $3 * interval '1 millisecond')
    on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at
    where lease.holder = excluded.holder or lease.expires_at < clock_timestamp()`,
}
const RELEASE = { name: 'outbox.lease.release', text: 'delete from outbox_lease where name = $1 and holder = $2' }

export const LEASE_NAME = 'relay'

/** The right to publish: one row that its holder renews. It ends by itself, by this process's clock earlier than by the database's. */
export class Lease {
  readonly holder = randomUUID()
  private heldUntilMs = 0

  /** @param ttlMs how long the lease lasts without renewal */
  constructor(private readonly ttlMs: number) {}

  get isHeld(): boolean {
    return performance.now() < this.heldUntilMs
  }

  /** Takes or renews the lease; false when somebody else has it. */
  async take(connection: Connection): Promise<boolean> {
    const askedAt = performance.now()
    const { count } = await connection.query(TAKE, [LEASE_NAME, this.holder, this.ttlMs])
    this.heldUntilMs = count === 1 ? askedAt + this.ttlMs : 0
    return count === 1
  }

  /** No longer ours, whatever the row says. */
  drop(): void {
    this.heldUntilMs = 0
  }

  async release(connection: Connection): Promise<void> {
    this.drop()
    await connection.query(RELEASE, [LEASE_NAME, this.holder])
  }
}
