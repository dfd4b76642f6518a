import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common'
import type { OrderId, UserId } from '@catamaran/contracts'
import { CONFIG, type Config } from '../config.js'
import { OrderChanges } from './order-changes.js'
import { OrdersRepository } from './orders.repository.js'
import type { OrderHappening } from './orders.schema.js'
import { OrdersService } from './orders.service.js'

/** Ended orders: nothing more happens to them. */
const ENDED: ReadonlySet<string> = new Set(['completed', 'cancelled'])

/** What happens to an order, as it happens: read from its transitions, so that a listener who comes back with the last version misses nothing. */
@Injectable()
export class OrderStreamService implements BeforeApplicationShutdown {
  private readonly ending = new AbortController()

  constructor(
    private readonly orders: OrdersService,
    private readonly repository: OrdersRepository,
    private readonly changes: OrderChanges,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Open streams end, so that their clients come back to another process. */
  beforeApplicationShutdown(): void {
    this.ending.abort()
  }

  /**
   * Opens the stream of a buyer's order behind version `after`: batches of what has happened, an empty one now and then as a sign of life, until the order has
   * ended or `signal` aborts. Undefined when it has ended and there is nothing more to tell. @throws AppError orders.not-found
   */
  async open(buyerId: UserId, id: OrderId, after: number, signal: AbortSignal): Promise<AsyncIterable<OrderHappening[]> | undefined> {
    await this.orders.read(buyerId, id)
    const first = await this.repository.listHappenings(id, after)
    if (first.length === 0 && (await this.hasEnded(buyerId, id))) return undefined
    return this.follow(buyerId, id, after, AbortSignal.any([signal, this.ending.signal]))
  }

  /** Listens first and reads then: what happens in between is heard. When nobody says anything it looks all the same. */
  private async *follow(buyerId: UserId, id: OrderId, after: number, signal: AbortSignal): AsyncGenerator<OrderHappening[]> {
    let wake: () => void = () => undefined
    let isWoken = false
    const stopListening = this.changes.listen(id, () => {
      isWoken = true
      wake()
    })
    signal.addEventListener('abort', () => wake(), { once: true })
    try {
      for (let last = after; !signal.aborted;) {
        isWoken = false
        const happenings = await this.repository.listHappenings(id, last)
        last = happenings.at(-1)?.version ?? last
        yield happenings
        if (happenings.length === 0 && (await this.hasEnded(buyerId, id))) return
        if (happenings.length > 0 || isWoken) continue
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, this.config.orders.streamLookMs)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
    } finally {
      stopListening()
    }
  }

  private async hasEnded(buyerId: UserId, id: OrderId): Promise<boolean> {
    return ENDED.has((await this.orders.read(buyerId, id)).status)
  }
}
