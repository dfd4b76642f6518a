import { Module, type DynamicModule } from '@nestjs/common'
import { Database, Dynamo, RedisClient } from '@catamaran/data'
import { Flags } from '@catamaran/flags'
import { Inbox, Outbox, OutboxRelay } from '@catamaran/messaging'
import { HttpClient, LOGGER, ServiceTokens, type Platform } from '@catamaran/platform'
import { ProductCache } from './catalogue/product-cache.js'
import { ORDERS } from './app.orders.js'
import { PRODUCTS } from './app.products.js'
import { AUX, CONFIG, type Config } from './config.js'
import { BusinessEvents } from './events.js'
import { NotificationsController } from './notifications/notifications.controller.js'
import { ErasureSweep } from './people/erasure-sweep.js'
import { PeopleConsumer } from './people/people.consumer.js'
import { PeopleController } from './people/people.controller.js'
import { PeopleRepository } from './people/people.repository.js'
import { PeopleService } from './people/people.service.js'

@Module({})
export class AppModule {
  static for(config: Config, { logger }: Platform): DynamicModule {
    return {
      module: AppModule,
      controllers: [
        ...ORDERS.controllers,
        ...PRODUCTS.controllers,

        NotificationsController,
        PeopleController,
        PeopleConsumer,
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
        {
          provide: AUX,
          useFactory: () =>
            new HttpClient(
              config.auxUrl,
              new ServiceTokens({ ...config.service, service: 'core-service', keyFile: config.service.serviceKeyFile }),
            ),
        },
        BusinessEvents,
        ...ORDERS.providers,
        ...PRODUCTS.providers,
        Inbox,
        PeopleRepository,
        PeopleService,
        ErasureSweep,
      ],
    }
  }
}
