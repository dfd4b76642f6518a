import { Controller, Get, Query } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { SalesQuery, type PartnerId, type SalesPage } from '@catamaran/contracts'
import { PartnerCaller, Requires } from '@catamaran/platform'
import { SalesService } from './sales.service.js'

/** For core-service, with the partner's own token. */
@ApiExcludeController()
@Controller('internal/sales')
export class SalesController {
  constructor(private readonly sales: SalesService) {}

  @Get()
  @Requires('orders')
  list(@PartnerCaller() partner: PartnerId, @Query({ schema: SalesQuery }) query: SalesQuery): Promise<SalesPage> {
    return this.sales.list(partner, query)
  }
}
