import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common'
import { ApiExcludeEndpoint, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { UsageReport, type Page } from '@catamaran/contracts'
import { Anonymous, Requires } from '@catamaran/platform'
import { ForPartner, Membership } from '../partners/membership.guard.js'
import type { Member } from '../partners/memberships.service.js'
import { UsagePage, UsageQuery, type Usage } from './usage.schema.js'
import { UsageService } from './usage.service.js'

@ApiTags('Partners')
@Controller()
export class UsageController {
  constructor(private readonly usage: UsageService) {}

  @Get('v1/partner/usage')
  @Requires('partner:read', { role: 'viewer' })
  @ForPartner()
  @ApiOperation({
    summary: 'See what was used',
    description: 'Requests by API key or client, UTC day and route, as `groupBy` asks, summed over the rest. Some seconds late.',
  })
  @ApiOkResponse({ standardSchema: UsagePage })
  list(@Membership() { partnerId }: Member, @Query({ schema: UsageQuery }) query: UsageQuery): Promise<Page<Usage>> {
    return this.usage.list(partnerId, query)
  }

  /** For the gateways alone, by the call table. */
  @Post('internal/gateway/usage')
  @HttpCode(204)
  @Anonymous()
  @ApiExcludeEndpoint()
  add(@Body({ schema: UsageReport }) report: UsageReport): Promise<void> {
    return this.usage.add(report)
  }
}
