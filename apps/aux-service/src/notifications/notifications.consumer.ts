import { Controller } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import type { DomainEvent } from '@catamaran/contracts'
import { NotificationsService } from './notifications.service.js'

const group = 'aux.notifications'

@Controller()
export class NotificationsConsumer {
  constructor(private readonly notifications: NotificationsService) {}

  @EventPattern('orders.order.placed.v1', { group })
  onPlaced(@Payload() event: DomainEvent<'orders.order.placed.v1'>): Promise<void> {
    return this.notifications.notify(event, 'order_placed')
  }

  @EventPattern('orders.order.cancelled.v1', { group })
  onCancelled(@Payload() event: DomainEvent<'orders.order.cancelled.v1'>): Promise<void> {
    return this.notifications.notify(event, 'order_cancelled')
  }
}
