import { StuckPaymentsController } from './ops/stuck-payments.controller.js'
import { StuckPaymentsRepository } from './ops/stuck-payments.repository.js'
import { StuckPaymentsService } from './ops/stuck-payments.service.js'

/** What operators see and mend. */
export const OPS = {
  controllers: [StuckPaymentsController],
  providers: [StuckPaymentsRepository, StuckPaymentsService],
}
