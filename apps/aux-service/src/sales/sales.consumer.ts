import { Controller } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import type { EventBatch } from '@catamaran/messaging'
import { SalesService } from './sales.service.js'

@Controller()
export class SalesConsumer {
  constructor(private readonly sales: SalesService) {}

  @EventPattern('orders', { group: 'aux.sales', batch: true, lingerMs: 500 })
  onBatch(@Payload() batch: EventBatch): Promise<void> {
    return this.sales.count(batch)
  }
}
