import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common'
import { ApiConflictResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { Problem, type Id, type Page } from '@catamaran/contracts'
import { Requires } from '@catamaran/platform'
import { PaymentOperation, PaymentOperationId, PaymentOperationPage, StuckPaymentsQuery } from './stuck-payments.schema.js'
import { StuckPaymentsService } from './stuck-payments.service.js'

@ApiTags('Operators')
@Controller('v1/ops/payments')
export class StuckPaymentsController {
  constructor(private readonly payments: StuckPaymentsService) {}

  @Get()
  @Requires('ops')
  @ApiOperation({ summary: 'List payment operations', description: 'The oldest first; by default those that need a person.' })
  @ApiOkResponse({ standardSchema: PaymentOperationPage })
  list(@Query({ schema: StuckPaymentsQuery }) query: StuckPaymentsQuery): Promise<Page<PaymentOperation>> {
    return this.payments.list(query)
  }

  @Post(':id/retry')
  @HttpCode(200)
  @Requires('ops')
  @ApiOperation({
    summary: 'Retry a payment operation',
    description:
      'One that was refused is done anew under a fresh id, which is the answer’s; one that is put off is tried at once. The same again changes nothing.',
  })
  @ApiOkResponse({ standardSchema: PaymentOperation })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ description: 'It has ended', standardSchema: Problem })
  retry(@Param('id', { schema: PaymentOperationId }) id: Id<'paymentOperation'>): Promise<PaymentOperation> {
    return this.payments.retry(id)
  }
}
