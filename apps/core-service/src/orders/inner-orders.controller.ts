import { Controller, Get, Query } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { MAX_ORDERS_FOR_MAIL, type OrderForMail } from '@catamaran/contracts'
import { Anonymous } from '@catamaran/platform'
import { z } from 'zod'
import { OrderId } from './orders.schema.js'
import { OrdersService } from './orders.service.js'

const Ids = z.strictObject({
  ids: z
    .string()
    .transform((ids) => ids.split(','))
    .pipe(z.array(OrderId).max(MAX_ORDERS_FOR_MAIL)),
})

/** For aux-service alone, by the call table: a mail is written when its buyer is not there. */
@ApiExcludeController()
@Controller('internal/orders')
export class InnerOrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Get()
  @Anonymous()
  list(@Query({ schema: Ids }) { ids }: z.infer<typeof Ids>): Promise<OrderForMail[]> {
    return this.orders.listForMail(ids)
  }
}
