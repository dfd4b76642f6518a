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
import { OidcProvider } from './oidc/provider.js'
import { Replays } from './oidc/replays.js'
import { UserInfoController } from './oidc/userinfo.controller.js'
import { Pruner } from './pruner.js'
import { RevocationsController } from './revocations/revocations.controller.js'
import { RevocationsRepository } from './revocations/revocations.repository.js'
import { RevocationsService } from './revocations/revocations.service.js'
import { SessionsController } from './sessions/sessions.controller.js'
import { SessionsRepository } from './sessions/sessions.repository.js'
import { SessionsService } from './sessions/sessions.service.js'
import { SignInController } from './sign-in/sign-in.controller.js'
import { SignInMetrics } from './sign-in/sign-in-metrics.js'
import { SignInService } from './sign-in/sign-in.service.js'
import { Throttle } from './sign-in/throttle.js'
import { AccountController } from './users/account.controller.js'
import { CredentialsRepository } from './users/credentials.repository.js'
import { CredentialsService } from './users/credentials.service.js'
import { Passwords } from './users/passwords.js'
import { RecoveryPagesController } from './users/recovery-pages.controller.js'
import { RecoveryController } from './users/recovery.controller.js'
import { ResetService } from './users/reset.service.js'
import { UsersController } from './users/users.controller.js'
import { UsersRepository } from './users/users.repository.js'
import { UsersService } from './users/users.service.js'

/** Accounts: signing up and in by password, sessions, devices, mail, OpenID Connect. */
export const PEOPLE = {
  controllers: [
    UserInfoController,
    UsersController,
    SignInController,
    AccountController,
    RevocationsController,
    SessionsController,
    MeController,
    RecoveryController,
    RecoveryPagesController,
  ],
  providers: [
    UsersRepository,
    Passwords,
    UsersService,
    Throttle,
    DevicesRepository,
    DevicesService,
    SignInService,
    SignInMetrics,
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
  ],
}
