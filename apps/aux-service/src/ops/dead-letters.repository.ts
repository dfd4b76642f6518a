import { Injectable } from '@nestjs/common'
import {
  idOf,
  isId,
  newId,
  uuidOf,
  type DeadLetterDetails,
  type DeadLetterEntry,
  type DeadLetterFilter,
  type DeadLettersQuery,
  type Id,
  type Topic,
} from '@catamaran/contracts'
import { Database } from '@catamaran/data'
import type { DeadLetter, Replay } from '@catamaran/messaging'
import * as sql from './dead-letters.sql.js'

export type LetterId = Id<'deadLetter'>

interface Row {
  id: string
  group_name: string
  topic: Topic
  partition: number
  offset: number
  code: string
  reason: string
  attempts: number
  dead_at: Date
  event_id: string
  type: string
  subject: string
  replay_of: string | null
  status: DeadLetterEntry['status']
  replayed_at: Date | null
  failed_again_as: string | null
}
interface DetailsRow extends Row {
  value: Buffer | null
  headers: Record<string, string>
}
type LeasedRow = Pick<DetailsRow, 'id' | 'group_name' | 'topic' | 'value' | 'headers'> & { key: Buffer | null }

const MAX_NAME = 200
/** What a broken publisher wrote must not keep a letter from being kept: no NUL, which PostgreSQL refuses, and nothing too long for an index. */
const name = (text = ''): string => text.replaceAll('\0', '').slice(0, MAX_NAME)

/** The letters that aux-service keeps, so that they can be listed, marked and sent back. */
@Injectable()
export class DeadLettersRepository {
  constructor(private readonly database: Database) {}

  /** Keeps letters, each once. */
  async insert(letters: readonly DeadLetter[]): Promise<void> {
    const column = (of: (letter: DeadLetter) => unknown): unknown[] => letters.map(of)
    await this.database.query(sql.INSERT, [
      column(() => uuidOf(newId('deadLetter'))),
      column(({ group }) => name(group)),
      column(({ topic }) => topic),
      column(({ partition }) => partition),
      column(({ offset }) => offset),
      column(({ code }) => name(code)),
      column(({ message }) => message.replaceAll('\0', '')),
      column(({ attempts }) => attempts),
      column(({ time }) => time),
      column(({ headers }) => name(headers['ce_id'])),
      column(({ headers }) => name(headers['ce_type'])),
      column(({ headers }) => name(headers['ce_subject'])),
      column(({ key }) => key),
      column(({ value }) => value),
      column(({ headers }) => JSON.stringify(headers)),
      column(({ replayOf = '' }) => (isId('deadLetter', replayOf) ? uuidOf(replayOf) : null)),
    ])
  }

  /** The newest first, after the one that `after` names. */
  async list(
    filter: DeadLetterFilter,
    status: DeadLettersQuery['status'],
    after: LetterId | undefined,
    limit: number,
  ): Promise<DeadLetterEntry[]> {
    const values = [...valuesOf(filter), after && uuidOf(after), limit]
    const rows =
      status === 'all'
        ? await this.database.query<Row>(sql.LIST, values)
        : await this.database.query<Row>(sql.LIST_OF_STATUS, [...values, status])
    return rows.map(entryOf)
  }

  async find(id: LetterId): Promise<DeadLetterDetails | undefined> {
    const [row] = await this.database.query<DetailsRow>(sql.FIND, [uuidOf(id)])
    return row && { ...entryOf(row), headers: row.headers, payload: payloadOf(row.value), payloadBytes: row.value?.length ?? 0 }
  }

  /** Sends a letter on its way, unless it went before. */
  async replay(id: LetterId): Promise<void> {
    await this.database.query(sql.REPLAY_ONE, [uuidOf(id)])
  }

  /** Sends all that are dead and meant by the filter, up to `MAX_REPLAY`. @returns how many */
  async replayAll(filter: DeadLetterFilter): Promise<number> {
    return (await this.database.query(sql.REPLAY_ALL, valuesOf(filter))).length
  }

  /** Letters on their way, for this caller alone for a while; in the order in which they were kept. */
  async lease(limit: number, leaseMs: number): Promise<Replay[]> {
    const rows = await this.database.query<LeasedRow>(sql.LEASE, [limit, leaseMs])
    return rows
      .map(({ id, group_name, ...rest }) => ({ ...rest, id: idOf('deadLetter', id), group: group_name }))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
  }

  async markReplayed(id: string): Promise<void> {
    await this.database.query(sql.MARK_REPLAYED, [uuidOf(id as LetterId)])
  }

  /** Ends leases, for another try in `waitMs`. */
  async putBack(ids: readonly string[], waitMs: number): Promise<void> {
    await this.database.query(sql.PUT_BACK, [ids.map((id) => uuidOf(id as LetterId)), waitMs])
  }
}

const valuesOf = ({ topic, group, code, from, to }: DeadLetterFilter): unknown[] => [topic, group, code, from, to]

const entryOf = (row: Row): DeadLetterEntry => ({
  id: idOf('deadLetter', row.id),
  status: row.status,
  group: row.group_name,
  topic: row.topic,
  partition: row.partition,
  offset: row.offset,
  code: row.code,
  reason: row.reason,
  attempts: row.attempts,
  deadAt: row.dead_at.toISOString(),
  eventId: row.event_id || null,
  type: row.type || null,
  subject: row.subject || null,
  replayOf: row.replay_of === null ? null : idOf('deadLetter', row.replay_of),
  replayedAt: row.replayed_at?.toISOString() ?? null,
  failedAgainAs: row.failed_again_as === null ? null : idOf('deadLetter', row.failed_again_as),
})

const payloadOf = (value: Buffer | null): unknown => {
  try {
    return JSON.parse(String(value))
  } catch {
    return null
  }
}
