import { Injectable } from '@nestjs/common'
import { auditedId, decodeCursor, encodeCursor, TOPICS } from '@catamaran/contracts'
import type { AuditedEvent, AuditEntry, AuditEntryPage, AuditLink, AuditQuery } from '@catamaran/contracts'
import { AppError } from '@catamaran/platform'
import { z } from 'zod'
import { AuditRepository } from './audit.repository.js'

/** Links that one page looks into at most: where little of them is wanted, a page is short, or empty, and its cursor goes on. */
const MAX_LINKS = 200
const LINKS_AT_ONCE = 10

/** For each chain of a topic the link that is next, 0 when there is none, and how many of its events were shown. */
const Cursor = z.array(z.tuple([z.int().min(0), z.int().min(0)]))

/** Reads a chain from its end, or from where a cursor says. */
class ChainReader {
  private links: AuditLink[] = []

  constructor(
    private readonly repository: AuditRepository,
    private readonly chain: string,
    /** The next link; undefined: the last one there is. */
    private sequence: number | undefined,
    private shown: number,
  ) {}

  get position(): [sequence: number, shown: number] {
    return [this.links[0]?.sequence ?? this.sequence ?? 0, this.shown]
  }

  /** The next link; undefined behind the first one. */
  async peek(): Promise<AuditLink | undefined> {
    if (this.links.length === 0 && this.sequence !== 0) {
      this.links = await this.repository.listDown(this.chain, this.sequence, LINKS_AT_ONCE)
      this.sequence = (this.links.at(-1)?.sequence ?? 1) - 1
    }
    return this.links[0]
  }

  /** Shows up to `limit` of the next link's events that are wanted, the newest first, and goes on to the link before it once all were looked at. */
  take(limit: number, isWanted: (event: AuditedEvent) => boolean): AuditedEvent[] {
    const events = this.links[0]?.events.toReversed() ?? []
    const taken: AuditedEvent[] = []
    for (; this.shown < events.length && taken.length < limit; this.shown++) {
      const event = events[this.shown]
      if (event !== undefined && isWanted(event)) taken.push(event)
    }
    if (this.shown === events.length) {
      this.links.shift()
      this.shown = 0
    }
    return taken
  }
}

/** What operators see of the audit trail. */
@Injectable()
export class AuditTrailService {
  constructor(private readonly repository: AuditRepository) {}

  /** A page of a topic's entries, the last recorded first; a subject's own are in order. @throws AppError request.invalid-cursor */
  async list({ topic, subject, actor, type, from, to, cursor, limit }: AuditQuery): Promise<AuditEntryPage> {
    const readers = this.open(topic, cursor)
    const [wantedSubject, wantedActor] = [subject, actor].map((id) => id && auditedId(id))
    const isWanted = (event: AuditedEvent): boolean =>
      event.subject === (wantedSubject ?? event.subject) &&
      event.actor === (wantedActor ?? event.actor) &&
      event.type === (type ?? event.type)
    const [since, until] = [from === undefined ? -Infinity : Date.parse(from), to === undefined ? Infinity : Date.parse(to)]
    const items: AuditEntry[] = []
    for (let links = 0; links < MAX_LINKS && items.length < limit; links++) {
      const next = await newestOf(readers)
      if (next === undefined || Date.parse(next.link.writtenAt) < since) return { items, nextCursor: null }
      const isTooNew = Date.parse(next.link.writtenAt) >= until
      const events = next.reader.take(limit - items.length, (event) => !isTooNew && isWanted(event))
      items.push(...events.map((event) => entryOf(next.link, event)))
    }
    const isLeft = (await newestOf(readers)) !== undefined
    return { items, nextCursor: isLeft ? encodeCursor(readers.map(({ position }) => position)) : null }
  }

  private open(topic: AuditQuery['topic'], cursor: string | undefined): ChainReader[] {
    const positions = cursor === undefined ? undefined : positionsIn(cursor)
    if (positions !== undefined && positions.length !== TOPICS[topic]) throw new AppError('request.invalid-cursor')
    return Array.from({ length: TOPICS[topic] }, (_, partition) => {
      const [sequence, shown] = positions?.[partition] ?? [undefined, 0]
      return new ChainReader(this.repository, `${topic}#${partition}`, sequence, shown)
    })
  }
}

const positionsIn = (cursor: string): z.infer<typeof Cursor> => {
  const positions = decodeCursor(cursor, Cursor)
  if (positions === undefined) throw new AppError('request.invalid-cursor')
  return positions
}

const newestOf = async (readers: readonly ChainReader[]): Promise<{ reader: ChainReader; link: AuditLink } | undefined> => {
  const heads = await Promise.all(readers.map(async (reader) => ({ reader, link: await reader.peek() })))
  const found = heads.flatMap(({ reader, link }) => (link === undefined ? [] : [{ reader, link }]))
  return found.reduce<(typeof found)[number] | undefined>(
    (newest, each) => (newest && newest.link.writtenAt >= each.link.writtenAt ? newest : each),
    undefined,
  )
}

const entryOf = (
  { chain, sequence: link, writtenAt }: AuditLink,
  { offset, id, type, subject, sequence, actor, digest }: AuditedEvent,
): AuditEntry => ({
  ...{ eventId: id, type, subject, sequence, actor: actor ?? null, digest, recordedAt: writtenAt },
  ...{ chain, link, offset },
})
