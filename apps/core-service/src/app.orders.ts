import { CartsController } from './carts/carts.controller.js'
import { CartsRepository } from './carts/carts.repository.js'
import { CartsService } from './carts/carts.service.js'
import { FulfilmentsController } from './fulfilments/fulfilments.controller.js'
import { FulfilmentsRepository } from './fulfilments/fulfilments.repository.js'
import { FulfilmentsService } from './fulfilments/fulfilments.service.js'
import { Holds } from './orders/holds.js'
import { InnerOrdersController } from './orders/inner-orders.controller.js'
import { OrderChanges } from './orders/order-changes.js'
import { OrderStreamService } from './orders/order-stream.service.js'
import { OrderSweeps } from './orders/order-sweeps.js'
import { OrdersController } from './orders/orders.controller.js'
import { OrdersRepository } from './orders/orders.repository.js'
import { OrdersService } from './orders/orders.service.js'
import { PaidOrdersRepository } from './orders/paid-orders.repository.js'
import { PaidOrdersService } from './orders/paid-orders.service.js'
import { Placing } from './orders/placing.js'
import { Refusals } from './orders/refusals.js'
import { PaymentSignal } from './payments/payment-signal.js'
import { PaymentWorker } from './payments/payment-worker.js'
import { PaymentsController } from './payments/payments.controller.js'
import { PaymentsRepository } from './payments/payments.repository.js'
import { PaymentsService } from './payments/payments.service.js'
import { PspClient } from './payments/psp-client.js'

/** From the cart to the money: carts, orders, payments, fulfilments. */
export const ORDERS = {
  controllers: [CartsController, OrdersController, InnerOrdersController, PaymentsController, FulfilmentsController],
  providers: [
    CartsRepository,
    CartsService,
    OrdersRepository,
    Placing,
    Refusals,
    OrdersService,
    Holds,
    PaidOrdersRepository,
    PaidOrdersService,
    PaymentSignal,
    PspClient,
    PaymentsRepository,
    PaymentsService,
    PaymentWorker,
    OrderSweeps,
    OrderChanges,
    OrderStreamService,
    FulfilmentsRepository,
    FulfilmentsService,
  ],
}
