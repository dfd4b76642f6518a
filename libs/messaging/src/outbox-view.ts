import {
  decodeCursor,
  encodeCursor,
  idOf,
  MAX_REPLAY,
  subjectOf,
  uuidOf,
  type OutboxState,
  type PageQuery,
  type Replaying,
  type ReplayUnpublishable,
  type ServiceName,
  type UnpublishableEvent,
  type UnpublishableEventPage,
} from '@catamaran/contracts'
import type { Statement } from '@catamaran/data'
import { AppError } from '@catamaran/platform'
import { z } from 'zod'
import { isEventType } from './cloud-event.js'
import type { Outbox } from './outbox.js'

const STATE: Statement = {
  name: 'outbox.state',
  text: `select count(*) as waiting, min(time) as oldest_at, extract(epoch from now() - min(time))::int as age_s,
    (select count(*) from outbox_dead) as unpublishable from outbox`,
}
const LIST: Statement = {
  name: 'outbox.list-dead',
  text: 'select * from outbox_dead where $1::bigint is null or seq > $1 order by seq limit $2',
}

/** Moves events back behind all others; of what two callers ask for at once, each goes once. */
const REPLAY: Statement = {
  name: 'outbox.replay-dead',
  text: `
with gone as (
  delete from outbox_dead where seq = any(array(
    select seq from outbox_dead where $1::uuid[] is null or id = any($1) order by seq limit $2 for update)) returning *),
back as (
  insert into outbox (id, type, subject, sequence, time, traceparent, data, actor)
  select id, type, subject, sequence, time, traceparent, data, actor from gone order by seq returning id)
select count(*) as replaying from back`,
}
const Cursor = z.tuple([z.int()])

interface StateRow {
  waiting: number
  oldest_at: Date | null
  age_s: number | null
  unpublishable: number
}
interface DeadRow {
  seq: number
  id: string
  type: string
  subject: string
  sequence: number
  time: Date
  data: string
  reason: string
  failed_at: Date
}

/** What operators see of a service's outbox, and how events that were set aside go back into it. Example: `new OutboxView(outbox, 'aux-service')`. */
export class OutboxView {
  constructor(
    private readonly outbox: Outbox,
    private readonly service: ServiceName,
  ) {}

  /** How many events wait, and since when. @throws AppError service.unavailable */
  async state(): Promise<OutboxState> {
    const [row] = (await this.outbox.database.query<StateRow>(STATE)) as [StateRow]
    return {
      service: this.service,
      isReachable: true,
      waiting: row.waiting,
      oldestAt: row.oldest_at?.toISOString() ?? null,
      oldestAgeSeconds: row.age_s === null ? null : Math.max(0, row.age_s),
      unpublishable: row.unpublishable,
    }
  }

  /** A page of what was set aside, the oldest first. @throws AppError request.invalid-cursor, service.unavailable */
  async listUnpublishable({ cursor, limit }: PageQuery): Promise<UnpublishableEventPage> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor, Cursor)
    if (cursor !== undefined && after === undefined) throw new AppError('request.invalid-cursor')
    const rows = await this.outbox.database.query<DeadRow>(LIST, [after?.[0], limit + 1])
    const last = rows.length > limit ? rows[limit - 1] : undefined
    return { items: rows.slice(0, limit).map(eventOf), nextCursor: last === undefined ? null : encodeCursor([last.seq]) }
  }

  /** Gives events back to the relay, at most `MAX_REPLAY`. Those that went before change nothing. @throws AppError service.unavailable */
  async replay({ eventIds }: ReplayUnpublishable): Promise<Replaying> {
    const ids = eventIds?.map((id) => uuidOf(id))
    const [row] = (await this.outbox.database.query<Pick<Replaying, 'replaying'>>(REPLAY, [ids, MAX_REPLAY])) as [Replaying]
    this.outbox.wake()
    return { replaying: row.replaying, hasMore: row.replaying === MAX_REPLAY }
  }
}

const eventOf = ({ id, type, subject, sequence, time, data, reason, failed_at }: DeadRow): UnpublishableEvent => ({
  eventId: idOf('event', id),
  type,
  subject: isEventType(type) ? subjectOf(type, subject) : subject,
  sequence,
  time: time.toISOString(),
  reason,
  failedAt: failed_at.toISOString(),
  payload: payloadOf(data),
})

const payloadOf = (data: string): unknown => {
  try {
    return JSON.parse(data)
  } catch {
    return null
  }
}
