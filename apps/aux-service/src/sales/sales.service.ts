import { Injectable } from '@nestjs/common'
import { uuidOf, type DomainEvent, type Id } from '@catamaran/contracts'
import type { EventBatch } from '@catamaran/messaging'
import { SalesRepository, type SalesEntry } from './sales.repository.js'

type OrderEvent = DomainEvent<'orders.order.placed.v1'> | DomainEvent<'orders.order.cancelled.v1'>

@Injectable()
export class SalesService {
  constructor(private readonly repository: SalesRepository) {}

  /** Adds a batch of order events to the sellers' daily figures, each once. */
  async count({ events }: EventBatch): Promise<void> {
    const entries = events.flatMap(({ event }) =>
      event.type === 'orders.order.placed.v1' || event.type === 'orders.order.cancelled.v1' ? entriesOf(event as OrderEvent) : [],
    )
    if (entries.length > 0) await this.repository.add(entries)
  }
}

const entriesOf = ({ id, type, time, data }: OrderEvent): SalesEntry[] => {
  const bySeller = Map.groupBy(data.lines, ({ sellerId }) => sellerId)
  return [...bySeller].map(([sellerId, lines]) => ({
    eventId: uuidOf(id as Id<'event'>),
    sellerId: uuidOf(sellerId),
    day: time.slice(0, 10),
    currency: data.currency,
    isCancelled: type === 'orders.order.cancelled.v1',
    pieces: lines.reduce((sum, line) => sum + line.quantity, 0),
    amountMinor: lines.reduce((sum, line) => sum + line.quantity * line.unitPriceMinor, 0),
  }))
}
