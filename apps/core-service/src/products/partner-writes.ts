import { Injectable } from '@nestjs/common'
import type { PartnerId } from '@catamaran/contracts'
import type { Queryable } from '@catamaran/data'
import { Idempotency, Outbox, type KeyedRequest, type Outcome } from '@catamaran/messaging'
import { ProductCache } from '../catalogue/product-cache.js'
import { SellersRepository, type Changed } from './sellers.repository.js'

export interface Written<T> {
  readonly result: T
  /** Products whose page has changed, for the caches. */
  readonly changed: readonly Changed[]
}

/** Writes to a partner's products: one after another for each partner, with the relay and the caches told after the commit. */
@Injectable()
export class PartnerWrites {
  constructor(
    private readonly sellers: SellersRepository,
    private readonly idempotency: Idempotency,
    private readonly outbox: Outbox,
    private readonly cache: ProductCache,
  ) {}

  /** @throws AppError partners.not-active, and what `work` throws */
  async run<T>(partnerId: PartnerId, work: (tx: Queryable) => Promise<Written<T>>): Promise<T> {
    const { result, changed } = await this.sellers.holdingActive(partnerId, work)
    this.tell(changed)
    return result
  }

  /** Runs a write once for its key. @throws AppError as `Idempotency.once`, partners.not-active, and what `work` throws */
  async once<T>(
    partnerId: PartnerId,
    request: Omit<KeyedRequest, 'caller'>,
    work: (tx: Queryable) => Promise<Written<T>>,
  ): Promise<Outcome<T, T>> {
    const outcome = await this.sellers.transaction((tx) =>
      this.idempotency.once(
        tx,
        { ...request, caller: partnerId },
        () => this.sellers.requireActive(tx, partnerId).then(() => work(tx)),
        ({ result }) => result,
      ),
    )
    if (outcome.isReplay) return outcome
    this.tell(outcome.value.changed)
    return { isReplay: false, value: outcome.value.result }
  }

  private tell(changed: readonly Changed[]): void {
    this.outbox.wake()
    this.cache.announce(changed)
  }
}
