import { Controller, Get, Param } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import type { OrderForMail, OrderId as OrderIdType } from '@catamaran/contracts'
import { Anonymous } from '@catamaran/platform'
import { OrderId } from './orders.schema.js'
import { OrdersService } from './orders.service.js'

/** For aux-service alone, by the call table: a mail is written when its buyer is not there. */
@ApiExcludeController()
@Controller('internal/orders')
export class InnerOrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Get(':id')
  @Anonymous()
  read(@Param('id', { schema: OrderId }) id: OrderIdType): Promise<OrderForMail> {
    return this.orders.readForMail(id)
  }
}
