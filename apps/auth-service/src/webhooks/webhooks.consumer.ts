import { Controller } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import type { DomainEvent } from '@catamaran/contracts'
import { WebhooksService } from './webhooks.service.js'

@Controller()
export class WebhooksConsumer {
  constructor(private readonly webhooks: WebhooksService) {}

  @EventPattern('webhooks.endpoint.disabled.v1', { group: 'auth.webhooks' })
  onDisabled(@Payload() event: DomainEvent<'webhooks.endpoint.disabled.v1'>): Promise<void> {
    return this.webhooks.tellOwners(event)
  }
}
