import { Injectable } from '@nestjs/common'
import {
  decodeCursor,
  encodeCursor,
  idSchema,
  MAX_REPLAY,
  type DeadLetterDetails,
  type DeadLetterPage,
  type DeadLettersQuery,
  type ReplayDeadLetters,
  type Replaying,
} from '@catamaran/contracts'
import type { DeadLetter } from '@catamaran/messaging'
import { AppError, logFields } from '@catamaran/platform'
import { z } from 'zod'
import { DeadLettersRepository, type LetterId } from './dead-letters.repository.js'
import { Replayer } from './replayer.js'

const Cursor = z.tuple([idSchema('deadLetter')])

/** The letters of all groups of all services. */
@Injectable()
export class DeadLettersService {
  constructor(
    private readonly repository: DeadLettersRepository,
    private readonly replayer: Replayer,
  ) {}

  keep(letters: readonly DeadLetter[]): Promise<void> {
    return this.repository.insert(letters)
  }

  /** A page of letters. @throws AppError request.invalid-cursor */
  async list({ cursor, limit, status, ...filter }: DeadLettersQuery): Promise<DeadLetterPage> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor, Cursor)
    if (cursor !== undefined && after === undefined) throw new AppError('request.invalid-cursor')
    const found = await this.repository.list(filter, status, after?.[0], limit + 1)
    const items = found.slice(0, limit)
    const last = items.at(-1)
    return { items, nextCursor: found.length > limit && last !== undefined ? encodeCursor([last.id]) : null }
  }

  /** One letter with its payload. @throws AppError ops.dead-letter-not-found */
  async read(id: LetterId): Promise<DeadLetterDetails> {
    const found = await this.repository.find(id)
    if (found === undefined) throw new AppError('ops.dead-letter-not-found')
    return found
  }

  /** Sends a letter back to its topic, for its group. Once more changes nothing. @throws AppError ops.dead-letter-not-found */
  async replay(id: LetterId): Promise<DeadLetterDetails> {
    await this.repository.replay(id)
    const found = await this.read(id)
    logFields({ deadLetterId: id, eventId: found.eventId, group: found.group })
    this.replayer.wake()
    return found
  }

  /** The same with all that a filter means. */
  async replayAll(body: ReplayDeadLetters): Promise<Replaying> {
    const { all: _all, ...filter } = body
    const replaying = await this.repository.replayAll(filter)
    logFields({ replaying, group: filter.group, topic: filter.topic, deadCode: filter.code })
    this.replayer.wake()
    return { replaying, hasMore: replaying === MAX_REPLAY }
  }
}
