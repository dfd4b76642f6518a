import { ApiKeysController } from './api-keys/api-keys.controller.js'
import { ApiKeysRepository } from './api-keys/api-keys.repository.js'
import { ApiKeysService } from './api-keys/api-keys.service.js'
import { ExchangeController } from './api-keys/exchange.controller.js'
import { ExchangeService } from './api-keys/exchange.service.js'
import { PartnerClientsController } from './clients/partner-clients.controller.js'
import { PartnerClientsRepository } from './clients/partner-clients.repository.js'
import { PartnerClientsService } from './clients/partner-clients.service.js'
import { AccessTokens } from './oidc/access-tokens.js'
import { ApprovalsController } from './partners/approvals.controller.js'
import { ApprovalsRepository } from './partners/approvals.repository.js'
import { ApprovalsService } from './partners/approvals.service.js'
import { InvitationPagesController } from './partners/invitation-pages.controller.js'
import { InvitationsController } from './partners/invitations.controller.js'
import { InvitationsRepository } from './partners/invitations.repository.js'
import { InvitationsService } from './partners/invitations.service.js'
import { MembersController } from './partners/members.controller.js'
import { MembersRepository } from './partners/members.repository.js'
import { MembersService } from './partners/members.service.js'
import { MembershipGuard } from './partners/membership.guard.js'
import { MembershipsService } from './partners/memberships.service.js'
import { PartnersController } from './partners/partners.controller.js'
import { PartnersRepository } from './partners/partners.repository.js'
import { PartnersService } from './partners/partners.service.js'
import { PlansController } from './partners/plans.controller.js'
import { PlansRepository } from './partners/plans.repository.js'
import { PlansService } from './partners/plans.service.js'
import { UsageController } from './usage/usage.controller.js'
import { UsageRepository } from './usage/usage.repository.js'
import { UsageService } from './usage/usage.service.js'
import { WebhooksConsumer } from './webhooks/webhooks.consumer.js'
import { WebhooksService } from './webhooks/webhooks.service.js'

/** Partners with their members, keys and clients, what they may use and what they have used. */
export const PARTNERS = {
  controllers: [
    PartnersController,
    MembersController,
    InvitationsController,
    InvitationPagesController,
    PlansController,
    ApprovalsController,
    ApiKeysController,
    ExchangeController,
    PartnerClientsController,
    UsageController,
    WebhooksConsumer,
  ],
  providers: [
    PartnersRepository,
    PartnersService,
    MembershipsService,
    MembershipGuard,
    MembersRepository,
    MembersService,
    InvitationsRepository,
    InvitationsService,
    PlansRepository,
    PlansService,
    ApprovalsRepository,
    ApprovalsService,
    ApiKeysRepository,
    ApiKeysService,
    AccessTokens,
    ExchangeService,
    PartnerClientsRepository,
    PartnerClientsService,
    UsageRepository,
    UsageService,
    WebhooksService,
  ],
}
