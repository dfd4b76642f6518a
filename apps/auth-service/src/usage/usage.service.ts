import { Injectable } from '@nestjs/common'
import { decodeCursor, encodeCursor, idOf, isId, uuidOf, type Page, type PartnerId, type UsageReport } from '@catamaran/contracts'
import { Inbox } from '@catamaran/messaging'
import { AppError } from '@catamaran/platform'
import { z } from 'zod'
import { UsageRepository } from './usage.repository.js'
import type { Usage, UsageQuery } from './usage.schema.js'

const CONSUMER = 'auth.usage'
const Cursor = z.tuple([z.string(), z.string(), z.string()])

/** What partners have used, as the gateways report it. */
@Injectable()
export class UsageService {
  private readonly inbox = new Inbox()

  constructor(private readonly repository: UsageRepository) {}

  /** Adds a report, once however often it comes. */
  async add({ reportId, entries }: UsageReport): Promise<void> {
    const keys = new Map(entries.flatMap(({ clientId }) => (isId('apiKey', clientId) ? [[clientId, uuidOf(clientId)]] : [])))
    await this.repository.transaction(async (tx) => {
      if (!(await this.inbox.firstTime(tx, CONSUMER, idOf('event', reportId)))) return
      await this.repository.lock(tx)
      await this.repository.add(tx, entries)
      await this.repository.touch(tx, entries, keys)
    })
  }

  /** @throws AppError request.invalid-cursor */
  async list(partnerId: PartnerId, query: UsageQuery): Promise<Page<Usage>> {
    const { cursor, limit, groupBy } = query
    const after = cursor === undefined ? undefined : decodeCursor(cursor, Cursor)
    if (cursor !== undefined && after === undefined) throw new AppError('request.invalid-cursor')
    const rows = await this.repository.list(partnerId, query, after, limit + 1)
    const shown = rows.slice(0, limit)
    const last = shown.at(-1)
    const items = shown.map(({ day, clientId, route, requests, errors }) => ({
      ...(groupBy.includes('client') && { clientId }),
      ...(groupBy.includes('day') && { day }),
      ...(groupBy.includes('route') && { route }),
      ...{ requests, errors },
    }))
    return { items, nextCursor: rows.length > limit && last ? encodeCursor([last.day, last.clientId, last.route]) : null }
  }
}
