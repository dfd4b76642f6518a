import { Module, type DynamicModule } from '@nestjs/common'
import { createRedis, Database, Dynamo, provideRetention, RedisClient } from '@catamaran/data'
import { Idempotency, Outbox, OutboxRelay, OutboxView } from '@catamaran/messaging'
import { HttpClient, LOGGER, ServiceTokens, TokenVerifier, type Platform } from '@catamaran/platform'
import { FACTORS } from './app.factors.js'
import { LEAVING } from './app.leaving.js'
import { PARTNERS } from './app.partners.js'
import { PEOPLE } from './app.people.js'
import { CLOCK, CONFIG, CORE, type Clock, type Config } from './config.js'
import { IdentityOutboxController } from './ops/identity-outbox.controller.js'
import { IdentityOutboxService } from './ops/identity-outbox.service.js'
import { keySourceOf } from './oidc/key-source.js'
import { rulesOf } from './retention.js'
import { SigningKeys } from './oidc/signing-keys.js'

const coreClient = ({ coreUrl, service }: Config): HttpClient =>
  new HttpClient(coreUrl, new ServiceTokens({ ...service, service: 'auth-service', keyFile: service.serviceKeyFile }))

@Module({})
export class AppModule {
  static for(config: Config, { logger, verifier }: Platform, clock: Clock): DynamicModule {
    const { oidc, retention } = config
    return {
      module: AppModule,
      controllers: [
        ...PEOPLE.controllers,
        ...FACTORS.controllers,
        ...PARTNERS.controllers,
        ...LEAVING.controllers,
        IdentityOutboxController,
      ],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
        { provide: CLOCK, useValue: clock },
        { provide: TokenVerifier, useValue: verifier },
        { provide: Database, useFactory: () => new Database({ ...config.database, applicationName: 'auth-service' }) },
        { provide: RedisClient, useFactory: () => createRedis(config.redis) },
        { provide: Dynamo, useFactory: () => new Dynamo(config.dynamo) },
        {
          provide: Idempotency,
          inject: [Database],
          useFactory: (database: Database) => new Idempotency(database, logger, retention.messaging.idempotencyMs),
        },
        provideRetention(logger, { everyMs: retention.everyMs, rules: rulesOf(config) }),
        { provide: Outbox, inject: [Database], useFactory: (database: Database) => new Outbox(database) },
        { provide: OutboxView, inject: [Outbox], useFactory: (outbox: Outbox) => new OutboxView(outbox, 'auth-service') },
        IdentityOutboxService,
        {
          provide: OutboxRelay,
          inject: [Outbox],
          useFactory: (outbox: Outbox) => new OutboxRelay(outbox, { kafka: config.kafka, service: 'auth-service', logger }),
        },
        { provide: SigningKeys, useFactory: () => SigningKeys.load(keySourceOf(oidc), oidc.signingDelayMs, logger) },
        { provide: CORE, useFactory: () => coreClient(config) },
        ...PEOPLE.providers,
        ...FACTORS.providers,
        ...PARTNERS.providers,
        ...LEAVING.providers,
      ],
    }
  }
}
