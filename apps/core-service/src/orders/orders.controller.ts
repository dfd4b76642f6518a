import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common'
import {
  ApiConflictResponse,
  ApiCreatedResponse,
  ApiHeader,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
  ApiUnprocessableEntityResponse,
} from '@nestjs/swagger'
import { Problem, type OrderId as OrderIdType, type Page, type UserId } from '@catamaran/contracts'
import { Caller, Requires, type Claims } from '@catamaran/platform'
import type { FastifyReply } from 'fastify'
import { IdempotencyKey } from '../idempotency-key.js'
import { Order, OrderId, OrderPage, OrderQuery, PlaceOrder, RequestReturn } from './orders.schema.js'
import { OrdersService } from './orders.service.js'
import { PaidOrdersService } from './paid-orders.service.js'

@ApiTags('Orders')
@Controller('v1/orders')
export class OrdersController {
  constructor(
    private readonly orders: OrdersService,
    private readonly paid: PaidOrdersService,
  ) {}

  @Post()
  @HttpCode(201)
  @Requires('orders:write')
  @ApiOperation({
    summary: 'Place an order',
    description: 'By `lines`, or the cart by its version. Prices are the catalogue’s: the client never sends one.',
  })
  @ApiHeader({ name: 'Idempotency-Key', required: true, description: 'Fresh for each new order, the same for a retry' })
  @ApiCreatedResponse({ standardSchema: Order })
  @ApiConflictResponse({ standardSchema: Problem })
  @ApiUnprocessableEntityResponse({ standardSchema: Problem })
  async place(
    @Caller() buyer: Claims,
    @IdempotencyKey({ required: true }) key: string,
    @Body({ schema: PlaceOrder }) body: PlaceOrder,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Order> {
    const { order, replayed } = await this.orders.place(buyer.sub as UserId, key, body)
    reply.header('location', `/v1/orders/${order.id}`)
    if (replayed) reply.header('idempotency-replayed', 'true')
    return order
  }

  @Get()
  @Requires('orders:read')
  @ApiOperation({ summary: 'List my orders', description: 'Newest first.' })
  @ApiOkResponse({ standardSchema: OrderPage })
  list(@Caller() buyer: Claims, @Query({ schema: OrderQuery }) query: OrderQuery): Promise<Page<Order>> {
    return this.orders.list(buyer.sub as UserId, query)
  }

  @Get(':id')
  @Requires('orders:read')
  @ApiOperation({ summary: 'Read one of my orders' })
  @ApiOkResponse({ standardSchema: Order })
  @ApiNotFoundResponse({ standardSchema: Problem })
  read(@Caller() buyer: Claims, @Param('id', { schema: OrderId }) id: OrderIdType): Promise<Order> {
    return this.orders.read(buyer.sub as UserId, id)
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Requires('orders:write')
  @ApiOperation({
    summary: 'Cancel an order',
    description: 'What was not shipped yet is given up, and its money with it. An order that is cancelled already stays so.',
  })
  @ApiOkResponse({ standardSchema: Order })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ standardSchema: Problem })
  async cancel(@Caller() buyer: Claims, @Param('id', { schema: OrderId }) id: OrderIdType): Promise<Order> {
    await this.paid.cancel(buyer.sub as UserId, id)
    return this.orders.read(buyer.sub as UserId, id)
  }

  @Post(':id/returns')
  @HttpCode(201)
  @Requires('orders:write')
  @ApiOperation({
    summary: 'Ask to return something',
    description: 'Pieces of a shipped part, each once. Its seller decides; with the last piece of a part its shipping is paid back too.',
  })
  @ApiCreatedResponse({ standardSchema: Order })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ standardSchema: Problem })
  async requestReturn(
    @Caller() buyer: Claims,
    @Param('id', { schema: OrderId }) id: OrderIdType,
    @Body({ schema: RequestReturn }) body: RequestReturn,
  ): Promise<Order> {
    await this.paid.requestReturn(buyer.sub as UserId, id, body)
    return this.orders.read(buyer.sub as UserId, id)
  }
}
