import { Controller } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import type { DomainEvent } from '@catamaran/contracts'
import { ErasureService } from './erasure.service.js'

@Controller()
export class ErasureConsumer {
  constructor(private readonly erasures: ErasureService) {}

  @EventPattern('erasure.person.erased.v1', { group: 'auth.erasure' })
  onErased(@Payload() { data }: DomainEvent<'erasure.person.erased.v1'>): Promise<void> {
    return this.erasures.confirm(data)
  }
}
