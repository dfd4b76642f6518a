import { Controller } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import type { DomainEvent } from '@catamaran/contracts'
import { PeopleService } from './people.service.js'

@Controller()
export class PeopleConsumer {
  constructor(private readonly people: PeopleService) {}

  @EventPattern('identity.user.closed.v1', { group: 'aux.people' })
  onClosed(@Payload() { data }: DomainEvent<'identity.user.closed.v1'>): Promise<void> {
    return this.people.erase(data.userId)
  }
}
