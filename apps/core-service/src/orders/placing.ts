import { Inject, Injectable } from '@nestjs/common'
import { isConnectionLoss, wasTooSlow } from '@catamaran/data'
import { Outbox } from '@catamaran/messaging'
import { AppError, histogram } from '@catamaran/platform'
import { ProductCache } from '../catalogue/product-cache.js'
import { CONFIG, type Config } from '../config.js'
import { PaymentSignal } from '../payments/payment-signal.js'
import { OrdersRepository, type Draft, type Placement } from './orders.repository.js'

const MAX_GROUP = 128
const MAX_WAITING = 2_000
/** Statements at once: a second one fills the wait for the first one's commit. */
const LANES = 2

interface Waiting {
  readonly draft: Draft
  readonly since: number
  readonly resolve: (placement: Placement) => void
  readonly reject: (error: unknown) => void
}

/**
 * Group commit: drafts that arrive while a statement runs are placed together by the next one. There is no timer: alone, a draft goes at
 * once; under load groups form by themselves.
 */
@Injectable()
export class Placing {
  private readonly waiting: Waiting[] = []
  private running = 0
  private readonly groupSize = histogram('orders.placing.group_size')
  private readonly waitTime = histogram('orders.placing.wait')

  constructor(
    private readonly repository: OrdersRepository,
    private readonly outbox: Outbox,
    private readonly cache: ProductCache,
    private readonly payments: PaymentSignal,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Places a draft, or tells what stood against it. "Out of stock" and "too many unpaid" are exact: a draft refused in company is tried once more alone.
   * @throws AppError service.overloaded when too many wait; service.unavailable when nothing is known of the outcome: ask again with the same key
   */
  place(draft: Draft): Promise<Placement> {
    if (this.waiting.length >= MAX_WAITING) throw new AppError('service.overloaded', { detail: 'Too many orders are being placed.' })
    return new Promise((resolve, reject) => {
      this.waiting.push({ draft, since: performance.now(), resolve, reject })
      this.startLane()
    })
  }

  private startLane(): void {
    if (this.running >= LANES || this.waiting.length === 0) return
    this.running++
    const group = this.waiting.splice(0, MAX_GROUP)
    this.placeGroup(group)
      .catch((error: unknown) => group.forEach(({ reject }) => reject(error)))
      .finally(() => {
        this.running--
        this.startLane()
      })
  }

  private async placeGroup(group: readonly Waiting[]): Promise<void> {
    const now = performance.now()
    this.groupSize.record(group.length)
    for (const { since } of group) this.waitTime.record((now - since) / 1000)
    try {
      const placements = await this.run(group)
      for (const [index, waiting] of group.entries()) {
        const placement = placements[index] as Placement
        const wasCrowdedOut = placement.order === undefined && (placement.short.length > 0 || placement.isOverLimit) && group.length > 1
        if (wasCrowdedOut) await this.placeAlone(waiting)
        else waiting.resolve(placement)
      }
    } catch (error) {
      if (isUnknownOutcome(error)) await Promise.all(group.map((waiting) => this.lookUp(waiting, error)))
      else if (group.length === 1 || wasTooSlow(error)) throw error
      else for (const waiting of group) await this.placeAlone(waiting) // one bad draft must not fail its company
    }
  }

  private async placeAlone(waiting: Waiting): Promise<void> {
    try {
      const [placement] = await this.run([waiting])
      waiting.resolve(placement as Placement)
    } catch (error) {
      if (isUnknownOutcome(error)) await this.lookUp(waiting, error)
      else waiting.reject(error)
    }
  }

  /** After a lost connection the statement may have been committed: the id fixed at the start tells. */
  private async lookUp({ draft, resolve, reject }: Waiting, error: unknown): Promise<void> {
    const order = await this.repository.findOfBuyer(draft.buyerId, draft.id).catch(() => undefined)
    if (order === undefined) reject(error)
    else resolve({ order })
  }

  private async run(group: readonly Waiting[]): Promise<Placement[]> {
    const drafts = group.map(({ draft }) => draft)
    const { holdMs, maxUnpaid } = this.config.orders
    const { placements, changed } = await this.repository.place(drafts, { holdMs, maxUnpaid, release: this.config.release })
    if (placements.some(({ order }) => order !== undefined)) {
      this.outbox.wake()
      this.payments.wake()
    }
    this.cache.announce(changed)
    return placements
  }
}

/** `service.unavailable` from the database means a lost connection: nothing is known. Anything else is a definite answer. */
const isUnknownOutcome = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'service.unavailable' && isConnectionLoss(error.cause)
