import { Controller, Headers, HttpCode, Post } from '@nestjs/common'
import { ApiHeader, ApiNoContentResponse, ApiOperation, ApiTags, ApiUnauthorizedResponse } from '@nestjs/swagger'
import { Problem } from '@catamaran/contracts'
import { Anonymous, RawBody } from '@catamaran/platform'
import { PaymentsService } from './payments.service.js'

@ApiTags('Payments')
@Controller('v1/payments')
export class PaymentsController {
  constructor(private readonly payments: PaymentsService) {}

  @Post('callbacks')
  @HttpCode(204)
  @Anonymous({ rawBody: true })
  @ApiOperation({
    summary: 'Hear from the payment provider',
    description:
      'For the provider only. What it tells is asked of it before anything changes, so a callback that comes twice or late does no harm.',
  })
  @ApiHeader({ name: 'Psp-Signature', required: true, description: '`t=<unix seconds>,v1=<hex HMAC-SHA-256 of "t.body">`' })
  @ApiNoContentResponse()
  @ApiUnauthorizedResponse({ standardSchema: Problem })
  async callback(@RawBody() body: Buffer, @Headers('psp-signature') signature = ''): Promise<void> {
    await this.payments.callback(body, signature)
  }
}
