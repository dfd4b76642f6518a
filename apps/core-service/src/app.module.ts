import { Module, type DynamicModule, type Provider } from '@nestjs/common'
import { createRedis, Database, Dynamo, provideRetention, RedisClient } from '@catamaran/data'
import { Flags } from '@catamaran/flags'
import { Idempotency, Inbox, Outbox, OutboxRelay } from '@catamaran/messaging'
import { HttpClient, LOGGER, ServiceTokens, type Platform } from '@catamaran/platform'
import { ProductCache } from './catalogue/product-cache.js'
import { SEARCH_DATABASE, searchDatabase } from './catalogue/search.repository.js'
import { ORDERS } from './app.orders.js'
import { OPS } from './app.ops.js'
import { PEOPLE } from './app.people.js'
import { PRODUCTS } from './app.products.js'
import { WEBHOOKS } from './app.webhooks.js'
import { AUTH, AUX, CONFIG, type Config } from './config.js'
import { BusinessEvents } from './events.js'
import { NotificationsController } from './notifications/notifications.controller.js'
import { OrderChanges } from './orders/order-changes.js'
import { rulesOf } from './retention.js'
import { SalesController } from './sales/sales.controller.js'

const TOKENS = Symbol('service tokens')
const tokensOf = ({ service }: Config): ServiceTokens =>
  new ServiceTokens({ ...service, service: 'core-service', keyFile: service.serviceKeyFile })

const clientsOf = (config: Config): Provider[] => [
  { provide: TOKENS, useFactory: () => tokensOf(config) },
  { provide: AUX, inject: [TOKENS], useFactory: (tokens: ServiceTokens) => new HttpClient(config.auxUrl, tokens) },
  { provide: AUTH, inject: [TOKENS], useFactory: (tokens: ServiceTokens) => new HttpClient(config.service.authUrl, tokens) },
]

@Module({})
export class AppModule {
  static for(config: Config, { logger }: Platform): DynamicModule {
    const { idempotencyMs } = config.retention.messaging
    return {
      module: AppModule,
      controllers: [
        ...ORDERS.controllers,
        ...PRODUCTS.controllers,
        ...WEBHOOKS.controllers,
        ...OPS.controllers,
        NotificationsController,
        SalesController,
        ...PEOPLE.controllers,
      ],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
        { provide: Database, useFactory: () => new Database({ ...config.database, applicationName: 'core-service' }) },
        { provide: SEARCH_DATABASE, useFactory: () => searchDatabase(config.database) },
        { provide: RedisClient, useFactory: () => createRedis(config.redis) },
        { provide: Dynamo, useFactory: () => new Dynamo(config.dynamo) },
        { provide: Flags, useFactory: () => new Flags({ ...config.flags, logger }) },
        { provide: Outbox, inject: [Database], useFactory: (database: Database) => new Outbox(database) },
        {
          provide: OutboxRelay,
          inject: [Outbox, ProductCache, OrderChanges],
          useFactory: (outbox: Outbox, cache: ProductCache, changes: OrderChanges) =>
            new OutboxRelay(outbox, {
              kafka: config.kafka,
              service: 'core-service',
              logger,
              onPublished: (events) => {
                cache.follow(events)
                changes.follow(events)
              },
            }),
        },
        ...clientsOf(config),
        BusinessEvents,
        ...ORDERS.providers,
        ...PRODUCTS.providers,
        Inbox,
        { provide: Idempotency, inject: [Database], useFactory: (database: Database) => new Idempotency(database, logger, idempotencyMs) },
        provideRetention(logger, { everyMs: config.retention.everyMs, rules: rulesOf(config) }),
        ...PEOPLE.providers,
        ...WEBHOOKS.providers,
        ...OPS.providers,
      ],
    }
  }
}
