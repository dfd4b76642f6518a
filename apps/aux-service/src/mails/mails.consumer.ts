import { Controller } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import type { EventBatch } from '@catamaran/messaging'
import { MailsService } from './mails.service.js'

@Controller()
export class MailsConsumer {
  constructor(private readonly mails: MailsService) {}

  @EventPattern('orders', { group: 'aux.mails', batch: true, lingerMs: 250 })
  onBatch(@Payload() batch: EventBatch): Promise<void> {
    return this.mails.queue(batch)
  }
}
