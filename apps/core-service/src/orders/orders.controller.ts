import { Readable } from 'node:stream'
import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common'
import {
  ApiConflictResponse,
  ApiCreatedResponse,
  ApiHeader,
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiProduces,
  ApiTags,
  ApiUnprocessableEntityResponse,
} from '@nestjs/swagger'
import { Problem, type OrderId as OrderIdType, type Page, type UserId } from '@catamaran/contracts'
import { Caller, IdempotencyKey, Requires, type Claims } from '@catamaran/platform'
import type { FastifyReply } from 'fastify'
import { Order, OrderHappening, OrderId, OrderPage, OrderQuery, OrderReturn, PlaceOrder, RequestReturn } from './orders.schema.js'
import { OrdersService } from './orders.service.js'
import { OrderStreamService } from './order-stream.service.js'
import { PaidOrdersService } from './paid-orders.service.js'

@ApiTags('Orders')
@Controller('v1/orders')
export class OrdersController {
  constructor(
    private readonly orders: OrdersService,
    private readonly paid: PaidOrdersService,
    private readonly stream: OrderStreamService,
  ) {}

  @Post()
  @HttpCode(201)
  @Requires('orders:write')
  @ApiOperation({
    summary: 'Place an order',
    description:
      'By `lines`, or the cart by its version. Prices are the catalogue’s: the client never sends one. A key has one outcome: its order, for as long as that is kept, or what it was refused with (409 and 422 of `orders.*`), for a day. A repeated key is answered with the order as it was placed: read the order for what became of it. To try again after a refusal, send a fresh key.',
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

  @Get(':id/events')
  @Requires('orders:read')
  @ApiOperation({
    summary: 'Hear what happens to one of my orders',
    description:
      'Server-sent events (text/event-stream), from the first or from behind `Last-Event-ID`. Each `data` is an OrderHappening. The stream ends with the order (`completed` or `cancelled`), from then on the answer is 204, and with the token that opened it: come back with a fresh one.',
  })
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'The `id` of the last event that was received' })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ standardSchema: OrderHappening })
  @ApiNoContentResponse({ description: 'The order has ended and all of it was told' })
  @ApiNotFoundResponse({ standardSchema: Problem })
  async events(
    @Caller() buyer: Claims,
    @Param('id', { schema: OrderId }) id: OrderIdType,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    const after = /^\d{1,9}$/.test(lastEventId ?? '') ? Number(lastEventId) : 0
    // It lives no longer than the token that opened it: the client comes back with a fresh one.
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(Math.max(0, buyer.expiresAt - Date.now()))])
    const happenings = await this.stream.open(buyer.sub as UserId, id, after, signal)
    if (happenings === undefined) return void reply.code(204).send()
    await reply
      .type('text/event-stream')
      .header('cache-control', 'no-store')
      .send(Readable.from(eventStream(happenings)))
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
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'Fresh for each new return, the same for a retry' })
  @ApiCreatedResponse({ standardSchema: OrderReturn })
  @ApiNotFoundResponse({ standardSchema: Problem })
  @ApiConflictResponse({ standardSchema: Problem })
  @ApiUnprocessableEntityResponse({ standardSchema: Problem })
  async requestReturn(
    @Caller() buyer: Claims,
    @Param('id', { schema: OrderId }) id: OrderIdType,
    @IdempotencyKey({ required: false }) key: string | undefined,
    @Body({ schema: RequestReturn }) body: RequestReturn,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OrderReturn> {
    const { isReplay, value } = await this.paid.requestReturn(buyer.sub as UserId, id, key, body)
    if (isReplay) reply.header('idempotency-replayed', 'true')
    return value
  }
}

/** Batches as server-sent events (WHATWG HTML, section 9.2.6); an empty one is a comment that keeps the connection. */
async function* eventStream(batches: AsyncIterable<OrderHappening[]>): AsyncGenerator<string> {
  for await (const batch of batches) {
    yield batch.length === 0
      ? ': nothing new\n\n'
      : batch.map((happening) => `id: ${happening.version}\nevent: ${happening.event}\ndata: ${JSON.stringify(happening)}\n\n`).join('')
  }
}
