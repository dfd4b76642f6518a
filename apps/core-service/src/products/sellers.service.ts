import { Injectable } from '@nestjs/common'
import type { EventData, PartnerId, ProductId } from '@catamaran/contracts'
import { Outbox } from '@catamaran/messaging'
import { AppError } from '@catamaran/platform'
import { ProductCache } from '../catalogue/product-cache.js'
import type { PartnerSettings } from './products.schema.js'
import { SellersRepository, type PartnerStatus } from './sellers.repository.js'

const BATCH = 500
/** Which products a status of their partner moves, and what they are then. What is for sale is moved to itself: its page shows the seller's name. */
const MOVES: Readonly<Record<PartnerStatus, readonly (readonly [string, string])[]>> = {
  active: [
    ['active', 'active'],
    ['suspended', 'active'],
  ],
  suspended: [['active', 'suspended']],
  closed: [['active', 'suspended']],
}

/** Makes sellers of partners, and keeps what they sell in step with what they are. */
@Injectable()
export class SellersService {
  constructor(
    private readonly repository: SellersRepository,
    private readonly outbox: Outbox,
    private readonly cache: ProductCache,
  ) {}

  /** Follows a partner. An event that comes again does its work again, from wherever the last time broke off; an older one does nothing. */
  async follow(data: EventData<'identity.partner.changed.v1'>, version: number): Promise<void> {
    if (!(await this.repository.apply(data, version, slugOf(data.name)))) return
    for (const move of MOVES[data.status]) await this.move(data.partnerId, version, move)
  }

  /** @throws AppError partners.not-active for one that was never approved */
  async readSettings(partnerId: PartnerId): Promise<PartnerSettings> {
    const shippingMinor = await this.repository.findShippingMinor(partnerId)
    if (shippingMinor === undefined) throw new AppError('partners.not-active')
    return { shippingMinor }
  }

  /** Holds for orders that are placed from now on, and for all sellers of the partner. @throws AppError partners.not-active */
  async changeSettings(partnerId: PartnerId, settings: PartnerSettings): Promise<PartnerSettings> {
    await this.repository.holdingActive(partnerId, (tx) => this.repository.setShippingMinor(tx, partnerId, settings.shippingMinor))
    return settings
  }

  private async move(partnerId: PartnerId, version: number, move: readonly [string, string]): Promise<void> {
    for (let after: ProductId | undefined; ;) {
      const changed = await this.repository.moveProducts(partnerId, version, move, after, BATCH)
      if (changed === undefined || changed.length === 0) return
      this.outbox.wake()
      this.cache.announce(changed)
      after = changed.at(-1)?.[0]
    }
  }
}

/** A name as part of an address. One without a letter or digit that fits is a `seller`. */
const slugOf = (name: string): string => {
  const slug = name
    .normalize('NFD')
    .replace(/\p{M}|[’']/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return slug === '' ? 'seller' : slug
}
