import { Injectable } from '@nestjs/common'
import type { Revocation } from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'
import type { Claims } from '@catamaran/platform'

export type NewRevocation = Pick<Revocation, 'kind' | 'subject'>

// The lock makes sequences rise in the order of the commits. It is held until the commit: revoke last in a transaction.
const LOCK = { name: 'revocation.lock', text: "select pg_advisory_xact_lock(hashtext('auth.revocation'))" }
const INSERT = {
  name: 'revocation.insert',
  text: `insert into revocation (sequence, kind, subject, revoked_at, expires_at)
    select nextval('revocation_sequence'), kind, subject, clock_timestamp(), clock_timestamp() + $3 * interval '1 ms'
    from unnest($1::text[], $2::text[]) as r(kind, subject)`,
}

const LIST_AFTER = {
  name: 'revocation.list-after',
  text: `select sequence, kind, subject, revoked_at as "revokedAt", expires_at as "expiresAt" from revocation
    where sequence > $1 and expires_at > now() order by sequence limit $2`,
}
// Of what is committed: the sequence itself runs ahead of it. So the newest row stays.
const LAST = { name: 'revocation.last', text: 'select coalesce(max(sequence), 0) as last from revocation' }
const FIND = {
  name: 'revocation.find',
  text: `select 1 from revocation where expires_at > now() and (
    kind = 'session' and subject = $1 or kind = 'client' and subject = $2 or kind in ('user', 'partner') and subject = $3 and revoked_at >= $4
  ) limit 1`,
}

@Injectable()
export class RevocationsRepository {
  constructor(private readonly database: Database) {}

  async insert(tx: Queryable, revocations: readonly NewRevocation[], lifeMs: number): Promise<void> {
    await tx.query(LOCK)
    await tx.query(INSERT, [revocations.map(({ kind }) => kind), revocations.map(({ subject }) => subject), lifeMs])
  }

  /** In a transaction of its own. */
  insertNow(revocations: readonly NewRevocation[], lifeMs: number): Promise<void> {
    return this.database.transaction((tx) => this.insert(tx, revocations, lifeMs))
  }

  /** At most `limit` revocations after a sequence that still concern a token, in order. */
  async listAfter(sequence: number, limit: number): Promise<Revocation[]> {
    const rows = await this.database.query<Omit<Revocation, 'revokedAt' | 'expiresAt'> & { revokedAt: Date; expiresAt: Date }>(LIST_AFTER, [
      sequence,
      limit,
    ])
    return rows.map((row) => ({ ...row, revokedAt: row.revokedAt.toISOString(), expiresAt: row.expiresAt.toISOString() }))
  }

  /** The newest sequence that was committed. */
  async last(): Promise<number> {
    return (await this.database.query<{ last: number }>(LAST))[0]?.last ?? 0
  }

  /** Whether a token is revoked, by what it says. */
  async isRevoked({ sid, clientId, sub, issuedAt }: Claims): Promise<boolean> {
    return (await this.database.query(FIND, [sid ?? '', clientId, sub, new Date(issuedAt)])).length > 0
  }
}
