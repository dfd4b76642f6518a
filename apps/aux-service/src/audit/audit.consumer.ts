import { Controller } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import { TOPICS } from '@catamaran/contracts'
import type { EventBatch } from '@catamaran/messaging'
import { AuditService } from './audit.service.js'

@Controller()
export class AuditConsumer {
  constructor(private readonly audit: AuditService) {}

  @EventPattern(Object.keys(TOPICS), { group: 'aux.audit', batch: true, lingerMs: 500 })
  onBatch(@Payload() batch: EventBatch): Promise<void> {
    return this.audit.record(batch)
  }
}
