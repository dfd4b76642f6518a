import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common'
import { ApiConflictResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import {
  Problem,
  type FulfilmentId as FulfilmentIdType,
  type Page,
  type PartnerId,
  type ReturnId as ReturnIdType,
} from '@catamaran/contracts'
import { PartnerCaller, Requires } from '@catamaran/platform'
import {
  AcceptReturn,
  Fulfilment,
  FulfilmentId,
  FulfilmentPage,
  FulfilmentQuery,
  PartnerReturn,
  PartnerReturnPage,
  ReturnId,
  ReturnQuery,
  Ship,
} from './fulfilments.schema.js'
import { FulfilmentsService } from './fulfilments.service.js'

@ApiTags('Fulfilments')
@Controller('v1/partner')
export class FulfilmentsController {
  constructor(private readonly fulfilments: FulfilmentsService) {}

  @Get('fulfilments')
  @Requires('orders')
  @ApiOperation({ summary: 'List what there is to ship', description: 'Newest first.' })
  @ApiOkResponse({ standardSchema: FulfilmentPage })
  list(@PartnerCaller() partner: PartnerId, @Query({ schema: FulfilmentQuery }) query: FulfilmentQuery): Promise<Page<Fulfilment>> {
    return this.fulfilments.list(partner, query)
  }

  @Get('fulfilments/:id')
  @Requires('orders')
  @ApiOperation({ summary: 'Read one fulfilment' })
  @ApiOkResponse({ standardSchema: Fulfilment })
  @ApiNotFoundResponse({ standardSchema: Problem })
  read(@PartnerCaller() partner: PartnerId, @Param('id', { schema: FulfilmentId }) id: FulfilmentIdType): Promise<Fulfilment> {
    return this.fulfilments.read(partner, id)
  }

  @Post('fulfilments/:id/ship')
  @HttpCode(200)
  @Requires('orders')
  @ApiOperation({ summary: 'Ship a fulfilment', description: 'Its money is captured. The same again changes nothing.' })
  @ApiOkResponse({ standardSchema: Fulfilment })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ standardSchema: Problem })
  ship(
    @PartnerCaller() partner: PartnerId,
    @Param('id', { schema: FulfilmentId }) id: FulfilmentIdType,
    @Body({ schema: Ship }) body: Ship,
  ): Promise<Fulfilment> {
    return this.fulfilments.ship(partner, id, body)
  }

  @Post('fulfilments/:id/cancel')
  @HttpCode(200)
  @Requires('orders')
  @ApiOperation({ summary: 'Give a fulfilment up', description: 'Its pieces are for sale again and its money is not taken.' })
  @ApiOkResponse({ standardSchema: Fulfilment })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ standardSchema: Problem })
  cancel(@PartnerCaller() partner: PartnerId, @Param('id', { schema: FulfilmentId }) id: FulfilmentIdType): Promise<Fulfilment> {
    return this.fulfilments.cancel(partner, id)
  }

  @Get('returns')
  @Requires('orders')
  @ApiOperation({ summary: 'List returns', description: 'Newest first.' })
  @ApiOkResponse({ standardSchema: PartnerReturnPage })
  listReturns(@PartnerCaller() partner: PartnerId, @Query({ schema: ReturnQuery }) query: ReturnQuery): Promise<Page<PartnerReturn>> {
    return this.fulfilments.listReturns(partner, query)
  }

  @Post('returns/:id/accept')
  @HttpCode(200)
  @Requires('orders')
  @ApiOperation({ summary: 'Accept a return', description: 'Its money is paid back.' })
  @ApiOkResponse({ standardSchema: PartnerReturn })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ standardSchema: Problem })
  accept(
    @PartnerCaller() partner: PartnerId,
    @Param('id', { schema: ReturnId }) id: ReturnIdType,
    @Body({ schema: AcceptReturn }) body: AcceptReturn,
  ): Promise<PartnerReturn> {
    return this.fulfilments.accept(partner, id, body)
  }

  @Post('returns/:id/refuse')
  @HttpCode(200)
  @Requires('orders')
  @ApiOperation({ summary: 'Refuse a return' })
  @ApiOkResponse({ standardSchema: PartnerReturn })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ standardSchema: Problem })
  refuse(@PartnerCaller() partner: PartnerId, @Param('id', { schema: ReturnId }) id: ReturnIdType): Promise<PartnerReturn> {
    return this.fulfilments.refuse(partner, id)
  }
}
