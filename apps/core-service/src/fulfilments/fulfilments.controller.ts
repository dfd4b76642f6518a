import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common'
import { ApiConflictResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import {
  Problem,
  type FulfilmentId as FulfilmentIdType,
  type Page,
  type PartnerId,
  type ReturnId as ReturnIdType,
} from '@catamaran/contracts'
import { Caller, Requires, type Claims } from '@catamaran/platform'
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
  list(@Caller() partner: Claims, @Query({ schema: FulfilmentQuery }) query: FulfilmentQuery): Promise<Page<Fulfilment>> {
    return this.fulfilments.list(partner.sub as PartnerId, query)
  }

  @Get('fulfilments/:id')
  @Requires('orders')
  @ApiOperation({ summary: 'Read one fulfilment' })
  @ApiOkResponse({ standardSchema: Fulfilment })
  @ApiNotFoundResponse({ standardSchema: Problem })
  read(@Caller() partner: Claims, @Param('id', { schema: FulfilmentId }) id: FulfilmentIdType): Promise<Fulfilment> {
    return this.fulfilments.read(partner.sub as PartnerId, id)
  }

  @Post('fulfilments/:id/ship')
  @HttpCode(200)
  @Requires('orders')
  @ApiOperation({ summary: 'Ship a fulfilment', description: 'Its money is captured. The same again changes nothing.' })
  @ApiOkResponse({ standardSchema: Fulfilment })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ standardSchema: Problem })
  ship(
    @Caller() partner: Claims,
    @Param('id', { schema: FulfilmentId }) id: FulfilmentIdType,
    @Body({ schema: Ship }) body: Ship,
  ): Promise<Fulfilment> {
    return this.fulfilments.ship(partner.sub as PartnerId, id, body)
  }

  @Post('fulfilments/:id/cancel')
  @HttpCode(200)
  @Requires('orders')
  @ApiOperation({ summary: 'Give a fulfilment up', description: 'Its pieces are for sale again and its money is not taken.' })
  @ApiOkResponse({ standardSchema: Fulfilment })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ standardSchema: Problem })
  cancel(@Caller() partner: Claims, @Param('id', { schema: FulfilmentId }) id: FulfilmentIdType): Promise<Fulfilment> {
    return this.fulfilments.cancel(partner.sub as PartnerId, id)
  }

  @Get('returns')
  @Requires('orders')
  @ApiOperation({ summary: 'List returns', description: 'Newest first.' })
  @ApiOkResponse({ standardSchema: PartnerReturnPage })
  listReturns(@Caller() partner: Claims, @Query({ schema: ReturnQuery }) query: ReturnQuery): Promise<Page<PartnerReturn>> {
    return this.fulfilments.listReturns(partner.sub as PartnerId, query)
  }

  @Post('returns/:id/accept')
  @HttpCode(200)
  @Requires('orders')
  @ApiOperation({ summary: 'Accept a return', description: 'Its money is paid back.' })
  @ApiOkResponse({ standardSchema: PartnerReturn })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ standardSchema: Problem })
  accept(
    @Caller() partner: Claims,
    @Param('id', { schema: ReturnId }) id: ReturnIdType,
    @Body({ schema: AcceptReturn }) body: AcceptReturn,
  ): Promise<PartnerReturn> {
    return this.fulfilments.accept(partner.sub as PartnerId, id, body)
  }

  @Post('returns/:id/refuse')
  @HttpCode(200)
  @Requires('orders')
  @ApiOperation({ summary: 'Refuse a return' })
  @ApiOkResponse({ standardSchema: PartnerReturn })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ standardSchema: Problem })
  refuse(@Caller() partner: Claims, @Param('id', { schema: ReturnId }) id: ReturnIdType): Promise<PartnerReturn> {
    return this.fulfilments.refuse(partner.sub as PartnerId, id)
  }
}
