import { Injectable } from '@nestjs/common'
import {
  Currency,
  decodeCursor,
  encodeCursor,
  idSchema,
  SALES_EVENTS,
  uuidOf,
  type DomainEvent,
  type Id,
  type PartnerId,
  type SalesPage,
  type SalesQuery,
} from '@catamaran/contracts'
import type { EventBatch } from '@catamaran/messaging'
import { AppError, Groups } from '@catamaran/platform'
import { z } from 'zod'
import { SalesRepository, type SalesEntry } from './sales.repository.js'

type SalesEvent = DomainEvent<keyof typeof SALES_EVENTS>

/** Lines of events that are added by one statement, from whatever partitions. */
const MOST_AT_ONCE = 1_000
const Cursor = z.tuple([z.iso.date(), idSchema('product'), Currency])

@Injectable()
export class SalesService {
  private readonly adding: Groups<SalesEntry>

  constructor(private readonly repository: SalesRepository) {
    this.adding = new Groups({ work: (entries) => repository.add(entries).then(() => []), most: MOST_AT_ONCE })
  }

  /** Adds a batch of order events to the partners' daily figures, each once. */
  async count({ events }: EventBatch): Promise<void> {
    const entries = events.flatMap(({ event }) => (isSalesEvent(event) ? entriesOf(event) : []))
    if (entries.length > 0) await this.adding.do(entries)
  }

  /** @throws AppError request.invalid-cursor */
  async list(partnerId: PartnerId, { cursor, limit, ...asked }: SalesQuery): Promise<SalesPage> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor, Cursor)
    if (cursor !== undefined && after === undefined) throw new AppError('request.invalid-cursor')
    const found = await this.repository.list(partnerId, asked, after, limit + 1)
    const items = found.slice(0, limit)
    const last = items.at(-1)
    const isMore = found.length > limit && last !== undefined
    return { items, nextCursor: isMore ? encodeCursor([last.day, last.productId, last.currency]) : null }
  }
}

const isSalesEvent = (event: DomainEvent): event is SalesEvent => Object.hasOwn(SALES_EVENTS, event.type)

/** A seller without a partner has nobody who could ask. */
const entriesOf = ({ id, type, time, data }: SalesEvent): SalesEntry[] => {
  const { partnerId, currency, lines } = data
  if (partnerId === null) return []
  return lines.map(({ productId, quantity, unitPriceMinor }) => ({
    eventId: uuidOf(id as Id<'event'>),
    partnerId: uuidOf(partnerId),
    productId: uuidOf(productId),
    day: new Date(time).toISOString().slice(0, 10),
    currency,
    figure: SALES_EVENTS[type],
    pieces: quantity,
    amountMinor: quantity * unitPriceMinor,
  }))
}
