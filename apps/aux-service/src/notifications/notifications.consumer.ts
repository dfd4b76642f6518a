import { Controller } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import type { EventBatch } from '@catamaran/messaging'
import { NotificationsService } from './notifications.service.js'

@Controller()
export class NotificationsConsumer {
  constructor(private readonly notifications: NotificationsService) {}

  @EventPattern('orders', { group: 'aux.notifications', batch: true, lingerMs: 250 })
  onBatch(@Payload() batch: EventBatch): Promise<void> {
    return this.notifications.notify(batch)
  }
}
