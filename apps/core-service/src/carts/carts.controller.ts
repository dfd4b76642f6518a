import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Res } from '@nestjs/common'
import { ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import type { ProductId as ProductIdType } from '@catamaran/contracts'
import { Caller, IdempotencyKey, Requires, type Claims } from '@catamaran/platform'
import type { FastifyReply } from 'fastify'
import { ProductId } from '../catalogue/catalogue.schema.js'
import { AddLine, Cart, SetLine } from './carts.schema.js'
import { CartsService } from './carts.service.js'

@ApiTags('Cart')
@Controller('v1/cart')
export class CartsController {
  constructor(private readonly carts: CartsService) {}

  @Get()
  @Requires('cart:write')
  @ApiOperation({ summary: 'Read the cart' })
  @ApiOkResponse({ standardSchema: Cart })
  read(@Caller() buyer: Claims): Promise<Cart> {
    return this.carts.read(buyer.sub)
  }

  @Post('lines')
  @HttpCode(200)
  @Requires('cart:write')
  @ApiOperation({ summary: 'Add pieces of a product to the cart', description: 'With an Idempotency-Key it happens once.' })
  @ApiHeader({ name: 'Idempotency-Key', required: false })
  @ApiOkResponse({ standardSchema: Cart })
  async add(
    @Caller() buyer: Claims,
    @Body({ schema: AddLine }) line: AddLine,
    @IdempotencyKey({ required: false }) key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Cart> {
    const { cart, replayed } = await this.carts.add(buyer.sub, line, key)
    if (replayed) reply.header('idempotency-replayed', 'true')
    return cart
  }

  @Put('lines/:productId')
  @Requires('cart:write')
  @ApiOperation({ summary: 'Set how many pieces of a product are in the cart' })
  @ApiOkResponse({ standardSchema: Cart })
  set(
    @Caller() buyer: Claims,
    @Param('productId', { schema: ProductId }) productId: ProductIdType,
    @Body({ schema: SetLine }) line: SetLine,
  ): Promise<Cart> {
    return this.carts.set(buyer.sub, productId, line.quantity)
  }

  @Delete('lines/:productId')
  @Requires('cart:write')
  @ApiOperation({ summary: 'Take a product out of the cart' })
  @ApiOkResponse({ standardSchema: Cart })
  remove(@Caller() buyer: Claims, @Param('productId', { schema: ProductId }) productId: ProductIdType): Promise<Cart> {
    return this.carts.remove(buyer.sub, productId)
  }
}
