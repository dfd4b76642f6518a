import { Module, type DynamicModule } from '@nestjs/common'
import { Database, Dynamo, provideRetention } from '@catamaran/data'
import { Idempotency, Outbox, OutboxRelay } from '@catamaran/messaging'
import { LOGGER, type Platform } from '@catamaran/platform'
import { AuditConsumer } from './audit/audit.consumer.js'
import { AuditRepository } from './audit/audit.repository.js'
import { AuditService } from './audit/audit.service.js'
import { AuditTrailService } from './audit/audit-trail.service.js'
import { CONFIG, type Config } from './config.js'
import { BuyersRepository } from './notifications/buyers.repository.js'
import { NotificationsConsumer } from './notifications/notifications.consumer.js'
import { NotificationsController } from './notifications/notifications.controller.js'
import { NotificationsRepository } from './notifications/notifications.repository.js'
import { NotificationsService } from './notifications/notifications.service.js'
import { PreferencesRepository } from './notifications/preferences.repository.js'
import { PreferencesService } from './notifications/preferences.service.js'
import { PeopleConsumer } from './people/people.consumer.js'
import { PeopleController } from './people/people.controller.js'
import { PeopleRepository } from './people/people.repository.js'
import { PeopleService } from './people/people.service.js'
import { rulesOf } from './retention.js'
import { SalesConsumer } from './sales/sales.consumer.js'
import { SalesController } from './sales/sales.controller.js'
import { SalesRepository } from './sales/sales.repository.js'
import { SalesService } from './sales/sales.service.js'
import { OPS } from './app.ops.js'
import { MAILS } from './app.mails.js'
import { WEBHOOKS } from './app.webhooks.js'

@Module({})
export class AppModule {
  static for(config: Config, { logger }: Platform): DynamicModule {
    const { idempotencyMs } = config.retention.messaging
    return {
      module: AppModule,
      controllers: [
        ...[
          NotificationsController,
          NotificationsConsumer,
          AuditConsumer,
          SalesController,
          SalesConsumer,
          PeopleController,
          PeopleConsumer,
        ],
        ...MAILS.controllers,
        ...WEBHOOKS.controllers,
        ...OPS.controllers,
      ],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
        { provide: Database, useFactory: () => new Database({ ...config.database, applicationName: 'aux-service' }) },
        { provide: Dynamo, useFactory: () => new Dynamo(config.dynamo) },
        { provide: Outbox, inject: [Database], useFactory: (database: Database) => new Outbox(database) },
        {
          provide: OutboxRelay,
          inject: [Outbox],
          useFactory: (outbox: Outbox) => new OutboxRelay(outbox, { kafka: config.kafka, service: 'aux-service', logger }),
        },
        { provide: Idempotency, inject: [Database], useFactory: (database: Database) => new Idempotency(database, logger, idempotencyMs) },
        provideRetention(logger, { everyMs: config.retention.everyMs, rules: rulesOf(config) }),
        NotificationsRepository,
        NotificationsService,
        BuyersRepository,
        PreferencesRepository,
        PreferencesService,
        AuditRepository,
        AuditService,
        AuditTrailService,
        SalesRepository,
        SalesService,
        PeopleRepository,
        PeopleService,
        ...MAILS.providers,
        ...WEBHOOKS.providers,
        ...OPS.providers,
      ],
    }
  }
}
