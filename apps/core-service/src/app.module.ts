import { Module, type DynamicModule } from '@nestjs/common'
import { Database, Dynamo, RedisClient } from '@catamaran/data'
import { Flags } from '@catamaran/flags'
import { Inbox, Outbox, OutboxRelay } from '@catamaran/messaging'
import { HttpClient, LOGGER, ServiceTokens, type Platform } from '@catamaran/platform'
import { CartsController } from './carts/carts.controller.js'
import { CartsRepository } from './carts/carts.repository.js'
import { CartsService } from './carts/carts.service.js'
import { CatalogueController } from './catalogue/catalogue.controller.js'
import { CatalogueRepository } from './catalogue/catalogue.repository.js'
import { CatalogueService } from './catalogue/catalogue.service.js'
import { ProductCache } from './catalogue/product-cache.js'
import { AUTH, AUX, CONFIG, type Config } from './config.js'
import { BusinessEvents } from './events.js'
import { FulfilmentsController } from './fulfilments/fulfilments.controller.js'
import { FulfilmentsRepository } from './fulfilments/fulfilments.repository.js'
import { FulfilmentsService } from './fulfilments/fulfilments.service.js'
import { NotificationsController } from './notifications/notifications.controller.js'
import { Holds } from './orders/holds.js'
import { OrderSweeps } from './orders/order-sweeps.js'
import { OrdersController } from './orders/orders.controller.js'
import { OrdersRepository } from './orders/orders.repository.js'
import { OrdersService } from './orders/orders.service.js'
import { PaidOrdersRepository } from './orders/paid-orders.repository.js'
import { PaidOrdersService } from './orders/paid-orders.service.js'
import { Placing } from './orders/placing.js'
import { PaymentSignal } from './payments/payment-signal.js'
import { PaymentWorker } from './payments/payment-worker.js'
import { PaymentsController } from './payments/payments.controller.js'
import { PaymentsRepository } from './payments/payments.repository.js'
import { PaymentsService } from './payments/payments.service.js'
import { PspClient } from './payments/psp-client.js'
import { ErasureSweep } from './people/erasure-sweep.js'
import { PeopleConsumer } from './people/people.consumer.js'
import { PeopleController } from './people/people.controller.js'
import { PeopleRepository } from './people/people.repository.js'
import { PeopleService } from './people/people.service.js'
import { DeliveriesController } from './webhooks/deliveries.controller.js'
import { WebhooksController } from './webhooks/webhooks.controller.js'
import { WebhooksService } from './webhooks/webhooks.service.js'

const TOKENS = Symbol('service tokens')
const tokensOf = ({ service }: Config): ServiceTokens =>
  new ServiceTokens({ ...service, service: 'core-service', keyFile: service.serviceKeyFile })

@Module({})
export class AppModule {
  static for(config: Config, { logger }: Platform): DynamicModule {
    return {
      module: AppModule,
      controllers: [
        CatalogueController,
        CartsController,
        OrdersController,
        PaymentsController,
        FulfilmentsController,
        NotificationsController,
        PeopleController,
        PeopleConsumer,
        WebhooksController,
        DeliveriesController,
      ],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
        { provide: Database, useFactory: () => new Database({ ...config.database, applicationName: 'core-service' }) },
        { provide: RedisClient, useFactory: () => new RedisClient(config.redis) },
        { provide: Dynamo, useFactory: () => new Dynamo(config.dynamo) },
        { provide: Flags, useFactory: () => new Flags({ ...config.flags, logger }) },
        { provide: Outbox, inject: [Database], useFactory: (database: Database) => new Outbox(database) },
        {
          provide: OutboxRelay,
          inject: [Outbox, ProductCache],
          useFactory: (outbox: Outbox, cache: ProductCache) =>
            new OutboxRelay(outbox, {
              kafka: config.kafka,
              service: 'core-service',
              logger,
              onPublished: (events) => cache.follow(events),
            }),
        },
        { provide: TOKENS, useFactory: () => tokensOf(config) },
        { provide: AUX, inject: [TOKENS], useFactory: (tokens: ServiceTokens) => new HttpClient(config.auxUrl, tokens) },
        { provide: AUTH, inject: [TOKENS], useFactory: (tokens: ServiceTokens) => new HttpClient(config.service.authUrl, tokens) },
        BusinessEvents,
        CatalogueRepository,
        ProductCache,
        CatalogueService,
        CartsRepository,
        CartsService,
        OrdersRepository,
        Placing,
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
        FulfilmentsRepository,
        FulfilmentsService,
        Inbox,
        PeopleRepository,
        PeopleService,
        ErasureSweep,
        WebhooksService,
      ],
    }
  }
}
