import { Outbox, OutboxView } from '@catamaran/messaging'
import { AuditController } from './ops/audit.controller.js'
import { DeadLettersController } from './ops/dead-letters.controller.js'
import { FlagsController } from './ops/flags.controller.js'
import { OutboxController } from './ops/outbox.controller.js'
import { OutboxService } from './ops/outbox.service.js'
import { StuckPaymentsController } from './ops/stuck-payments.controller.js'
import { StuckPaymentsRepository } from './ops/stuck-payments.repository.js'
import { StuckPaymentsService } from './ops/stuck-payments.service.js'

/** What operators see and mend. */
export const OPS = {
  controllers: [StuckPaymentsController, DeadLettersController, OutboxController, FlagsController, AuditController],
  providers: [
    StuckPaymentsRepository,
    StuckPaymentsService,
    { provide: OutboxView, inject: [Outbox], useFactory: (outbox: Outbox) => new OutboxView(outbox, 'core-service') },
    OutboxService,
  ],
}
