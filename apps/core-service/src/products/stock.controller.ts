import { Body, Controller, Get, Headers, HttpCode, Param, Post, Put, Res } from '@nestjs/common'
import { ApiConflictResponse, ApiHeader, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { Problem, type PartnerId, type ProductId as ProductIdType } from '@catamaran/contracts'
import { IdempotencyKey, PartnerCaller, Requires } from '@catamaran/platform'
import type { FastifyReply } from 'fastify'
import { AdjustStock, PartnerSettings, ProductId, SetStock, Stock } from './products.schema.js'
import { SellersService } from './sellers.service.js'
import { stockEtagOf, StockService } from './stock.service.js'

const Id = () => Param('id', { schema: ProductId })

@ApiTags('Partner catalogue')
@Controller('v1/partner')
export class StockController {
  constructor(
    private readonly stock: StockService,
    private readonly sellers: SellersService,
  ) {}

  @Get('products/:id/stock')
  @Requires('catalogue')
  @ApiOperation({ summary: 'Read the stock of a product' })
  @ApiOkResponse({ standardSchema: Stock })
  @ApiNotFoundResponse({ standardSchema: Problem })
  async read(
    @PartnerCaller() partner: PartnerId,
    @Id() id: ProductIdType,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Stock> {
    return tagged(await this.stock.read(partner, id), reply)
  }

  @Put('products/:id/stock')
  @Requires('catalogue')
  @ApiOperation({
    summary: 'Set what is available',
    description: 'After a count. An order placed meanwhile is a 412: adjust where you can.',
  })
  @ApiHeader({ name: 'If-Match', required: true })
  @ApiOkResponse({ standardSchema: Stock })
  @ApiNotFoundResponse({ standardSchema: Problem })
  async set(
    @PartnerCaller() partner: PartnerId,
    @Id() id: ProductIdType,
    @Headers('if-match') ifMatch: string | undefined,
    @Body({ schema: SetStock }) body: SetStock,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Stock> {
    return tagged(await this.stock.set(partner, id, ifMatch, body), reply)
  }

  @Post('products/:id/stock/adjust')
  @HttpCode(200)
  @Requires('catalogue')
  @ApiOperation({
    summary: 'Add pieces to the stock, or take some out',
    description: 'With an `Idempotency-Key`, once however often it is sent.',
  })
  @ApiHeader({ name: 'Idempotency-Key', required: false })
  @ApiOkResponse({ standardSchema: Stock })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ description: 'So many are not available', standardSchema: Problem })
  async adjust(
    @PartnerCaller() partner: PartnerId,
    @Id() id: ProductIdType,
    @IdempotencyKey({ required: false }) key: string | undefined,
    @Body({ schema: AdjustStock }) body: AdjustStock,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Stock> {
    const { value, isReplay } = await this.stock.adjust(partner, id, key, body)
    if (isReplay) reply.header('idempotency-replayed', 'true')
    return tagged(value, reply)
  }

  @Get('settings')
  @Requires('catalogue')
  @ApiOperation({ summary: 'Read your settings as a seller' })
  @ApiOkResponse({ standardSchema: PartnerSettings })
  @ApiConflictResponse({ standardSchema: Problem })
  readSettings(@PartnerCaller() partner: PartnerId): Promise<PartnerSettings> {
    return this.sellers.readSettings(partner)
  }

  @Put('settings')
  @Requires('catalogue')
  @ApiOperation({ summary: 'Change your settings as a seller' })
  @ApiOkResponse({ standardSchema: PartnerSettings })
  @ApiConflictResponse({ standardSchema: Problem })
  changeSettings(@PartnerCaller() partner: PartnerId, @Body({ schema: PartnerSettings }) body: PartnerSettings): Promise<PartnerSettings> {
    return this.sellers.changeSettings(partner, body)
  }
}

const tagged = (stock: Stock, reply: FastifyReply): Stock => {
  reply.header('etag', stockEtagOf(stock))
  return stock
}
