import { Module, type DynamicModule } from '@nestjs/common'
import { Database, Dynamo, RedisClient } from '@catamaran/data'
import { Outbox, OutboxRelay } from '@catamaran/messaging'
import { HttpClient, LOGGER, ServiceTokens, TokenVerifier, type Platform } from '@catamaran/platform'
import { CLOCK, CONFIG, CORE, type Clock, type Config } from './config.js'
import { ErasureSweep } from './erasure/erasure-sweep.js'
import { ErasureConsumer } from './erasure/erasure.consumer.js'
import { ErasureController } from './erasure/erasure.controller.js'
import { ErasureRepository } from './erasure/erasure.repository.js'
import { ErasureService } from './erasure/erasure.service.js'
import { PersonArtifactsRepository } from './erasure/person-artifacts.repository.js'
import { ExportPagesController } from './exports/export-pages.controller.js'
import { ExportsController } from './exports/exports.controller.js'
import { ExportsRepository } from './exports/exports.repository.js'
import { ExportsService } from './exports/exports.service.js'
import { ExportsWorker } from './exports/exports.worker.js'
import { PeopleClient } from './exports/people.client.js'
import { PersonRepository } from './exports/person.repository.js'
import { MailRepository } from './mail/mail.repository.js'
import { MailWorker } from './mail/mail.worker.js'
import { ArtifactsRepository } from './oidc/artifacts.repository.js'
import { ClientsRepository } from './oidc/clients.repository.js'
import { OidcProvider } from './oidc/provider.js'
import { Replays } from './oidc/replays.js'
import { SigningKeys } from './oidc/signing-keys.js'
import { UserInfoController } from './oidc/userinfo.controller.js'
import { RevocationsController } from './revocations/revocations.controller.js'
import { RevocationsRepository } from './revocations/revocations.repository.js'
import { RevocationsService } from './revocations/revocations.service.js'
import { SignInController } from './sign-in/sign-in.controller.js'
import { SignInService } from './sign-in/sign-in.service.js'
import { Throttle } from './sign-in/throttle.js'
import { AccountController } from './users/account.controller.js'
import { Passwords } from './users/passwords.js'
import { UsersController } from './users/users.controller.js'
import { UsersRepository } from './users/users.repository.js'
import { UsersService } from './users/users.service.js'

/** Exports and erasures. */
const LEAVING = {
  controllers: [ErasureController, ErasureConsumer, ExportsController, ExportPagesController],
  providers: [
    ...[ErasureRepository, PersonArtifactsRepository, ErasureService, ErasureSweep],
    ...[ExportsRepository, PersonRepository, PeopleClient, ExportsService, ExportsWorker],
  ],
}

const coreClient = ({ coreUrl, service }: Config): HttpClient =>
  new HttpClient(coreUrl, new ServiceTokens({ ...service, service: 'auth-service', keyFile: service.serviceKeyFile }))

@Module({})
export class AppModule {
  static for(config: Config, { logger, verifier }: Platform, clock: Clock): DynamicModule {
    return {
      module: AppModule,
      controllers: [
        UserInfoController,
        UsersController,
        SignInController,
        AccountController,
        RevocationsController,
        ...LEAVING.controllers,
      ],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
        { provide: CLOCK, useValue: clock },
        { provide: TokenVerifier, useValue: verifier },
        { provide: Database, useFactory: () => new Database({ ...config.database, applicationName: 'auth-service' }) },
        { provide: RedisClient, useFactory: () => new RedisClient(config.redis) },
        { provide: Dynamo, useFactory: () => new Dynamo(config.dynamo) },
        { provide: Outbox, inject: [Database], useFactory: (database: Database) => new Outbox(database) },
        {
          provide: OutboxRelay,
          inject: [Outbox],
          useFactory: (outbox: Outbox) => new OutboxRelay(outbox, { kafka: config.kafka, service: 'auth-service', logger }),
        },
        { provide: CORE, useFactory: () => coreClient(config) },
        UsersRepository,
        Passwords,
        UsersService,
        Throttle,
        SignInService,
        MailRepository,
        MailWorker,
        RevocationsRepository,
        RevocationsService,
        SigningKeys,
        ClientsRepository,
        ArtifactsRepository,
        Replays,
        OidcProvider,
        ...LEAVING.providers,
      ],
    }
  }
}
