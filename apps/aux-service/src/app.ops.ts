import { Outbox, OutboxView } from '@catamaran/messaging'
import { DeadLettersConsumer } from './ops/dead-letters.consumer.js'
import { DeadLettersRepository } from './ops/dead-letters.repository.js'
import { DeadLettersService } from './ops/dead-letters.service.js'
import { OpsController } from './ops/ops.controller.js'
import { OutboxService } from './ops/outbox.service.js'
import { Replayer } from './ops/replayer.js'

/** What operators see and mend: the dead letters of all services, and this one's outbox. */
export const OPS = {
  controllers: [OpsController, DeadLettersConsumer],
  providers: [
    { provide: OutboxView, inject: [Outbox], useFactory: (outbox: Outbox) => new OutboxView(outbox, 'aux-service') },
    OutboxService,
    DeadLettersRepository,
    Replayer,
    DeadLettersService,
  ],
}
