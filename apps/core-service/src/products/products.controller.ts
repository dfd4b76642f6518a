import { Body, Controller, Get, Headers, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common'
import {
  ApiConflictResponse,
  ApiCreatedResponse,
  ApiHeader,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger'
import { Problem, type Page, type PartnerId, type ProductId as ProductIdType } from '@catamaran/contracts'
import { IdempotencyKey, PartnerCaller, Requires } from '@catamaran/platform'
import type { FastifyReply } from 'fastify'
import { ChangeProduct, NewProduct, PartnerProduct, PartnerProductPage, PartnerProductQuery, ProductId } from './products.schema.js'
import { etagOf, ProductsService } from './products.service.js'

const Id = () => Param('id', { schema: ProductId })

@ApiTags('Partner catalogue')
@Controller('v1/partner/products')
export class ProductsController {
  constructor(private readonly products: ProductsService) {}

  @Post()
  @Requires('catalogue')
  @ApiOperation({ summary: 'Put a product up for sale' })
  @ApiHeader({ name: 'Idempotency-Key', required: false })
  @ApiCreatedResponse({ standardSchema: PartnerProduct })
  @ApiConflictResponse({ description: 'The SKU is taken, or the partner is not active', standardSchema: Problem })
  async create(
    @PartnerCaller() partner: PartnerId,
    @IdempotencyKey({ required: false }) key: string | undefined,
    @Body({ schema: NewProduct }) body: NewProduct,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PartnerProduct> {
    const { value, isReplay } = await this.products.create(partner, key, body)
    if (isReplay) reply.header('idempotency-replayed', 'true')
    return tagged(value, reply)
  }

  @Get()
  @Requires('catalogue')
  @ApiOperation({ summary: 'List your products', description: 'Newest first.' })
  @ApiOkResponse({ standardSchema: PartnerProductPage })
  list(
    @PartnerCaller() partner: PartnerId,
    @Query({ schema: PartnerProductQuery }) query: PartnerProductQuery,
  ): Promise<Page<PartnerProduct>> {
    return this.products.list(partner, query)
  }

  @Get(':id')
  @Requires('catalogue')
  @ApiOperation({ summary: 'Read a product of yours' })
  @ApiOkResponse({ standardSchema: PartnerProduct })
  @ApiNotFoundResponse({ standardSchema: Problem })
  async read(
    @PartnerCaller() partner: PartnerId,
    @Id() id: ProductIdType,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PartnerProduct> {
    return tagged(await this.products.read(partner, id), reply)
  }

  @Patch(':id')
  @Requires('catalogue')
  @ApiOperation({
    summary: 'Change a product',
    description: 'What is sent takes the place of what was; `If-Match` says of what. Orders keep their price.',
  })
  @ApiHeader({ name: 'If-Match', required: true })
  @ApiOkResponse({ standardSchema: PartnerProduct })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ standardSchema: Problem })
  async change(
    @PartnerCaller() partner: PartnerId,
    @Id() id: ProductIdType,
    @Headers('if-match') ifMatch: string | undefined,
    @Body({ schema: ChangeProduct }) body: ChangeProduct,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PartnerProduct> {
    return tagged(await this.products.change(partner, id, ifMatch, body), reply)
  }

  @Post(':id/withdraw')
  @HttpCode(200)
  @Requires('catalogue')
  @ApiOperation({ summary: 'Withdraw a product', description: 'Nobody finds or orders it any more. Orders that hold it are honoured.' })
  @ApiOkResponse({ standardSchema: PartnerProduct })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ standardSchema: Problem })
  async withdraw(
    @PartnerCaller() partner: PartnerId,
    @Id() id: ProductIdType,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PartnerProduct> {
    return tagged(await this.products.setStatus(partner, id, 'withdrawn'), reply)
  }

  @Post(':id/relist')
  @HttpCode(200)
  @Requires('catalogue')
  @ApiOperation({ summary: 'Put a withdrawn product up for sale again' })
  @ApiOkResponse({ standardSchema: PartnerProduct })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ standardSchema: Problem })
  async relist(
    @PartnerCaller() partner: PartnerId,
    @Id() id: ProductIdType,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PartnerProduct> {
    return tagged(await this.products.setStatus(partner, id, 'active'), reply)
  }
}

const tagged = (product: PartnerProduct, reply: FastifyReply): PartnerProduct => {
  reply.header('etag', etagOf(product))
  return product
}
