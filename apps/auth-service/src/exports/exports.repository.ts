import { Injectable } from '@nestjs/common'
import { idOf, uuidOf, type UserId } from '@catamaran/contracts'
import { Database, type Queryable } from '@catamaran/data'
import { Idempotency, type KeyedRequest, type Outcome } from '@catamaran/messaging'
import type { ExportId } from './exports.schema.js'

export interface ExportRow {
  readonly id: ExportId
  readonly requestedAt: Date
  readonly readyAt: Date | null
  readonly expiresAt: Date
}

/** An export to gather. `attempts` names this try: a later one's result stands. */
export interface DueExport {
  readonly id: ExportId
  readonly userId: UserId
  readonly attempts: number
}

/** To whom a finished export is told, and how much it takes to sign in there. */
export interface Recipient {
  readonly email: string
  readonly hasSecondFactor: boolean
}

const ROW = 'id, requested_at as "requestedAt", ready_at as "readyAt", expires_at as "expiresAt"'

const LOCK_USER = { name: 'export.lock-user', text: 'select id from user_account where id = $1 and closed_at is null for update' }
const FIND_PENDING = {
  name: 'export.find-pending',
  text: `select ${ROW} from person_export where user_id = $1 and ready_at is null and expires_at > now()`,
}
const SINCE = {
  name: 'export.since',
  text: `select count(*) as count, ceil(extract(epoch from min(requested_at) + interval '1 day' - now())) as "waitS"
    from person_export where user_id = $1 and requested_at > now() - interval '1 day'`,
}
const INSERT = {
  name: 'export.insert',
  text: `insert into person_export (id, user_id, expires_at) values ($1, $2, now() + $3 * interval '1 ms') returning ${ROW}`,
}
const FIND = {
  name: 'export.find',
  text: `select ${ROW} from person_export where id = $1 and user_id = $2 and expires_at > now()`,
}
const FIND_NEWEST = {
  name: 'export.find-newest',
  text: `select ${ROW} from person_export where user_id = $1 and expires_at > now() order by requested_at desc limit 1`,
}
const FIND_CONTENT = {
  name: 'export.find-content',
  text: 'select content from person_export where id = $1 and user_id = $2 and ready_at is not null and expires_at > now()',
}

const TAKE_DUE = {
  name: 'export.take-due',
  text: `with due as (
      select id from person_export where ready_at is null and due_at <= now() and expires_at > now()
      order by due_at limit 1 for update skip locked)
    update person_export e set due_at = now() + $1 * interval '1 ms', attempts = attempts + 1 from due where e.id = due.id
    returning e.id, e.user_id as "userId", e.attempts`,
}
const PUT_OFF = {
  name: 'export.put-off',
  text: "update person_export set due_at = now() + $3 * interval '1 ms' where id = $1 and attempts = $2 and ready_at is null",
}
const MARK_READY = {
  name: 'export.mark-ready',
  text: `update person_export e set content = $3, ready_at = now(), expires_at = now() + $4 * interval '1 ms'
    from user_account u where e.id = $1 and e.attempts = $2 and e.ready_at is null and u.id = e.user_id and u.closed_at is null
    returning u.email, exists (select from totp where user_id = u.id and confirmed_at is not null)
      or exists (select from passkey where user_id = u.id) as "hasSecondFactor"`,
}

const rowOf = (row: ExportRow & { id: string }): ExportRow => ({ ...row, id: idOf('export', row.id) })

/** Exports that were asked for, and their content until it expires. */
@Injectable()
export class ExportsRepository {
  constructor(
    private readonly database: Database,
    private readonly idempotency: Idempotency,
  ) {}

  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.database.transaction(work)
  }

  once<T>(request: KeyedRequest, work: (tx: Queryable) => Promise<T>): Promise<Outcome<T, T>> {
    return this.database.transaction((tx) => this.idempotency.once(tx, request, () => work(tx)))
  }

  /** Whether the person is there with an open account; locks them, so that their requests come one after the other. */
  async lockUser(tx: Queryable, userId: UserId): Promise<boolean> {
    return (await tx.query(LOCK_USER, [uuidOf(userId)])).length > 0
  }

  async findNewest(userId: UserId): Promise<ExportRow | undefined> {
    const [row] = await this.database.query<ExportRow>(FIND_NEWEST, [uuidOf(userId)])
    return row && rowOf(row)
  }

  async findPending(tx: Queryable, userId: UserId): Promise<ExportRow | undefined> {
    const [row] = await tx.query<ExportRow>(FIND_PENDING, [uuidOf(userId)])
    return row && rowOf(row)
  }

  /** How many the person asked for in the last day, and in how many seconds the first of them no longer counts. */
  async countOfDay(tx: Queryable, userId: UserId): Promise<{ count: number; waitS: number }> {
    const [row] = await tx.query<{ count: number; waitS: string | null }>(SINCE, [uuidOf(userId)])
    return { count: row?.count ?? 0, waitS: Number(row?.waitS ?? 0) }
  }

  async insert(tx: Queryable, id: ExportId, userId: UserId, lifeMs: number): Promise<ExportRow> {
    const [row] = await tx.query<ExportRow>(INSERT, [uuidOf(id), uuidOf(userId), lifeMs])
    return rowOf(row as ExportRow)
  }

  async find(id: ExportId, userId: UserId): Promise<ExportRow | undefined> {
    const [row] = await this.database.query<ExportRow>(FIND, [uuidOf(id), uuidOf(userId)])
    return row && rowOf(row)
  }

  /** The gzipped JSON of one that is ready. */
  async findContent(source: Queryable | undefined, id: ExportId, userId: UserId): Promise<Buffer | undefined> {
    return (await (source ?? this.database).query<{ content: Buffer }>(FIND_CONTENT, [uuidOf(id), uuidOf(userId)]))[0]?.content
  }

  /** Takes one that is due for this worker alone, for as long as the lease lasts. */
  async takeDue(leaseMs: number): Promise<DueExport | undefined> {
    const [row] = await this.database.query<{ id: string; userId: string; attempts: number }>(TAKE_DUE, [leaseMs])
    return row && { id: idOf('export', row.id), userId: idOf('user', row.userId), attempts: row.attempts }
  }

  async putOff({ id, attempts }: DueExport, byMs: number): Promise<void> {
    await this.database.query(PUT_OFF, [uuidOf(id), attempts, byMs])
  }

  /** Stores the content; undefined when another try was faster or the account is closed. */
  async markReady(tx: Queryable, { id, attempts }: DueExport, content: Buffer, lifeMs: number): Promise<Recipient | undefined> {
    return (await tx.query<Recipient>(MARK_READY, [uuidOf(id), attempts, content, lifeMs]))[0]
  }
}
