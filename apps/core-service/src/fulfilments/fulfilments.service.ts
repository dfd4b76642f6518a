import { Injectable } from '@nestjs/common'
import { decodeCursor, encodeCursor, idSchema, type FulfilmentId, type Page, type PartnerId, type ReturnId } from '@catamaran/contracts'
import { AppError } from '@catamaran/platform'
import { z } from 'zod'
import { PaidOrdersService } from '../orders/paid-orders.service.js'
import { FulfilmentsRepository } from './fulfilments.repository.js'
import type { AcceptReturn, Fulfilment, FulfilmentQuery, PartnerReturn, ReturnQuery, Ship } from './fulfilments.schema.js'

/** A partner's side of orders: what to ship, and what comes back. */
@Injectable()
export class FulfilmentsService {
  constructor(
    private readonly repository: FulfilmentsRepository,
    private readonly orders: PaidOrdersService,
  ) {}

  /** @throws AppError fulfilments.not-found, also for another partner's */
  async read(partnerId: PartnerId, id: FulfilmentId): Promise<Fulfilment> {
    const found = await this.repository.find(partnerId, id)
    if (found === undefined) throw new AppError('fulfilments.not-found')
    return found
  }

  async list(partnerId: PartnerId, { status, cursor, limit }: FulfilmentQuery): Promise<Page<Fulfilment>> {
    const after = afterOf('fulfilment', cursor)
    return pageOfNewest(await this.repository.list(partnerId, { status, after, limit: limit + 1 }), limit)
  }

  /** @throws AppError fulfilments.not-found, fulfilments.wrong-status */
  async ship(partnerId: PartnerId, id: FulfilmentId, { carrier, trackingNumber }: Ship): Promise<Fulfilment> {
    await this.orders.ship(partnerId, id, carrier, trackingNumber ?? null)
    return this.read(partnerId, id)
  }

  /** @throws AppError fulfilments.not-found, fulfilments.wrong-status */
  async cancel(partnerId: PartnerId, id: FulfilmentId): Promise<Fulfilment> {
    await this.orders.cancelPart(partnerId, id)
    return this.read(partnerId, id)
  }

  /** @throws AppError returns.not-found, also for another partner's */
  async readReturn(partnerId: PartnerId, id: ReturnId): Promise<PartnerReturn> {
    const found = await this.repository.findReturn(partnerId, id)
    if (found === undefined) throw new AppError('returns.not-found')
    return found
  }

  async listReturns(partnerId: PartnerId, { status, cursor, limit }: ReturnQuery): Promise<Page<PartnerReturn>> {
    const after = afterOf('return', cursor)
    return pageOfNewest(await this.repository.listReturns(partnerId, { status, after, limit: limit + 1 }), limit)
  }

  /** @throws AppError returns.not-found, returns.wrong-status */
  async accept(partnerId: PartnerId, id: ReturnId, { restock }: AcceptReturn): Promise<PartnerReturn> {
    await this.orders.decideReturn(partnerId, id, 'accept', restock)
    return this.readReturn(partnerId, id)
  }

  /** @throws AppError returns.not-found, returns.wrong-status */
  async refuse(partnerId: PartnerId, id: ReturnId): Promise<PartnerReturn> {
    await this.orders.decideReturn(partnerId, id, 'refuse', false)
    return this.readReturn(partnerId, id)
  }
}

/** The id that a list goes on after. @throws AppError request.invalid-cursor */
const afterOf = <K extends 'fulfilment' | 'return'>(kind: K, cursor: string | undefined) => {
  if (cursor === undefined) return undefined
  const after = decodeCursor(cursor, z.tuple([idSchema(kind)]))
  if (after === undefined) throw new AppError('request.invalid-cursor')
  return after[0]
}

/** A page out of what was found, which is one more than the page where there is another. */
const pageOfNewest = <T extends { id: string }>(found: T[], limit: number): Page<T> => {
  const items = found.slice(0, limit)
  const last = items.at(-1)
  return { items, nextCursor: found.length > limit && last !== undefined ? encodeCursor([last.id]) : null }
}
