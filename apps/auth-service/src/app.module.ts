import { Module, type DynamicModule } from '@nestjs/common'
import { Database, Dynamo, RedisClient } from '@catamaran/data'
import { Outbox, OutboxRelay } from '@catamaran/messaging'
import { LOGGER, TokenVerifier, type Platform } from '@catamaran/platform'
import { AccountPageController } from './account/account-page.controller.js'
import { BrowserSessions } from './account/browser-sessions.js'
import { ACCOUNT_SECTIONS, type AccountSection } from './account/sections.js'
import { SessionSection } from './account/session.section.js'
import { CLOCK, CONFIG, type Clock, type Config } from './config.js'
import { DevicesRepository } from './devices/devices.repository.js'
import { DevicesService } from './devices/devices.service.js'
import { MailRepository } from './mail/mail.repository.js'
import { MailWorker } from './mail/mail.worker.js'
import { EmailService } from './me/email.service.js'
import { MeController } from './me/me.controller.js'
import { MeRepository } from './me/me.repository.js'
import { MeService } from './me/me.service.js'
import { ArtifactsRepository } from './oidc/artifacts.repository.js'
import { ClientsRepository } from './oidc/clients.repository.js'
import { keySourceOf } from './oidc/key-source.js'
import { OidcProvider } from './oidc/provider.js'
import { Replays } from './oidc/replays.js'
import { SigningKeys } from './oidc/signing-keys.js'
import { UserInfoController } from './oidc/userinfo.controller.js'
import { Challenges } from './passkeys/challenges.js'
import { PasskeyPagesController } from './passkeys/passkey-pages.controller.js'
import { PasskeysController } from './passkeys/passkeys.controller.js'
import { PasskeysRepository } from './passkeys/passkeys.repository.js'
import { PasskeysSection } from './passkeys/passkeys.section.js'
import { PasskeysService } from './passkeys/passkeys.service.js'
import { Pruner } from './pruner.js'
import { RevocationsController } from './revocations/revocations.controller.js'
import { RevocationsRepository } from './revocations/revocations.repository.js'
import { RevocationsService } from './revocations/revocations.service.js'
import { SessionsController } from './sessions/sessions.controller.js'
import { SessionsRepository } from './sessions/sessions.repository.js'
import { SessionsService } from './sessions/sessions.service.js'
import { Interactions } from './sign-in/interactions.js'
import { SecondFactorController } from './sign-in/second-factor.controller.js'
import { SecondFactorService } from './sign-in/second-factor.service.js'
import { SignInController } from './sign-in/sign-in.controller.js'
import { SignInService } from './sign-in/sign-in.service.js'
import { Throttle } from './sign-in/throttle.js'
import { TotpPagesController } from './totp/totp-pages.controller.js'
import { TotpController } from './totp/totp.controller.js'
import { TotpRepository } from './totp/totp.repository.js'
import { TotpSection } from './totp/totp.section.js'
import { TotpService } from './totp/totp.service.js'
import { AccountController } from './users/account.controller.js'
import { CredentialsRepository } from './users/credentials.repository.js'
import { CredentialsService } from './users/credentials.service.js'
import { Passwords } from './users/passwords.js'
import { RecoveryController } from './users/recovery.controller.js'
import { RecoveryPagesController } from './users/recovery-pages.controller.js'
import { ResetService } from './users/reset.service.js'
import { UsersController } from './users/users.controller.js'
import { UsersRepository } from './users/users.repository.js'
import { UsersService } from './users/users.service.js'

const CONTROLLERS = [
  UserInfoController,
  UsersController,
  SignInController,
  AccountController,
  RevocationsController,
  SessionsController,
  MeController,
  RecoveryController,
  RecoveryPagesController,
]

const PROVIDERS = [
  UsersRepository,
  Passwords,
  UsersService,
  Throttle,
  DevicesRepository,
  DevicesService,
  SignInService,
  MailRepository,
  MailWorker,
  RevocationsRepository,
  RevocationsService,
  ClientsRepository,
  ArtifactsRepository,
  SessionsRepository,
  SessionsService,
  Replays,
  CredentialsRepository,
  CredentialsService,
  ResetService,
  EmailService,
  MeRepository,
  MeService,
  OidcProvider,
  Pruner,
]

const FACTOR_CONTROLLERS = [
  TotpController,
  PasskeysController,
  SecondFactorController,
  AccountPageController,
  TotpPagesController,
  PasskeyPagesController,
]

/** The account page from top to bottom. */
const SECTIONS = [PasskeysSection, TotpSection, SessionSection]

/** What people sign in with besides passwords. */
const FACTORS = [
  TotpRepository,
  TotpService,
  Challenges,
  PasskeysRepository,
  PasskeysService,
  Interactions,
  SecondFactorService,
  BrowserSessions,
  ...SECTIONS,
  { provide: ACCOUNT_SECTIONS, inject: SECTIONS, useFactory: (...sections: AccountSection[]) => sections },
]

@Module({})
export class AppModule {
  static for(config: Config, { logger, verifier }: Platform, clock: Clock): DynamicModule {
    return {
      module: AppModule,
      controllers: [...CONTROLLERS, ...FACTOR_CONTROLLERS],
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
        ...PROVIDERS,
        ...FACTORS,
        {
          provide: SigningKeys,
          useFactory: () => SigningKeys.load(keySourceOf(config.oidc), config.oidc.signingDelayMs, logger),
        },
      ],
    }
  }
}
