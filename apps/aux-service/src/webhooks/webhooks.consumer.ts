import { Controller } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import type { EventBatch } from '@catamaran/messaging'
import { IntakeService } from './intake.service.js'

@Controller()
export class WebhooksConsumer {
  constructor(private readonly intake: IntakeService) {}

  /** Without lingering: partners hear of an event as soon as it is there. */
  @EventPattern('orders', { group: 'aux.webhooks', batch: true })
  onBatch(@Payload() batch: EventBatch): Promise<void> {
    return this.intake.take(batch)
  }
}
