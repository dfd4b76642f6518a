import { Controller, Get, Inject, Query } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { SalesPage, SalesQuery, type PartnerId } from '@catamaran/contracts'
import { HttpClient, PartnerCaller, Requires } from '@catamaran/platform'
import { AUX } from '../config.js'

@ApiTags('Sales')
@Controller('v1/partner/sales')
export class SalesController {
  constructor(@Inject(AUX) private readonly aux: HttpClient) {}

  @Get()
  @Requires('orders')
  @ApiOperation({
    summary: 'Read what was sold',
    description:
      'For each day (UTC), product and currency that has something to tell, the oldest day first. It may lag behind orders by seconds.',
  })
  @ApiOkResponse({ standardSchema: SalesPage })
  list(@PartnerCaller() _partner: PartnerId, @Query({ schema: SalesQuery }) query: SalesQuery): Promise<SalesPage> {
    return this.aux.call({ path: '/internal/sales', query, answer: SalesPage })
  }
}
