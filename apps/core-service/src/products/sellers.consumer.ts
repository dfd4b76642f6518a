import { Controller } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import type { DomainEvent } from '@catamaran/contracts'
import { SellersService } from './sellers.service.js'

@Controller()
export class SellersConsumer {
  constructor(private readonly sellers: SellersService) {}

  @EventPattern('identity.partner.changed.v1', { group: 'core.partners' })
  onPartnerChanged(@Payload() { data, sequence }: DomainEvent<'identity.partner.changed.v1'>): Promise<void> {
    return this.sellers.follow(data, sequence)
  }
}
