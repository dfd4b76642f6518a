import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import {
  ChangeWebhookEndpoint,
  idSchema,
  InnerCreateWebhook,
  PageQuery,
  RotateWebhookSecret,
  type Id,
  type InnerCreatedWebhook,
  type NewWebhookEndpoint,
  type PartnerId,
  type WebhookEndpoint,
  type WebhookEndpointPage,
} from '@catamaran/contracts'
import { PartnerCaller, Requires } from '@catamaran/platform'
import { EndpointsService } from './endpoints.service.js'

const EndpointId = idSchema('webhookEndpoint')
type EndpointId = Id<'webhookEndpoint'>

/** For core-service, with the partner's own token. */
@ApiExcludeController()
@Controller('internal/webhooks')
export class EndpointsController {
  constructor(private readonly endpoints: EndpointsService) {}

  @Post()
  @Requires('webhooks')
  create(
    @PartnerCaller() partner: PartnerId,
    @Body({ schema: InnerCreateWebhook }) body: InnerCreateWebhook,
  ): Promise<InnerCreatedWebhook> {
    return this.endpoints.create(partner, body)
  }

  @Get()
  @Requires('webhooks')
  list(@PartnerCaller() partner: PartnerId, @Query({ schema: PageQuery }) query: PageQuery): Promise<WebhookEndpointPage> {
    return this.endpoints.list(partner, query)
  }

  @Get(':id')
  @Requires('webhooks')
  read(@PartnerCaller() partner: PartnerId, @Param('id', { schema: EndpointId }) id: EndpointId): Promise<WebhookEndpoint> {
    return this.endpoints.read(partner, id)
  }

  @Patch(':id')
  @Requires('webhooks')
  change(
    @PartnerCaller() partner: PartnerId,
    @Param('id', { schema: EndpointId }) id: EndpointId,
    @Body({ schema: ChangeWebhookEndpoint }) body: ChangeWebhookEndpoint,
  ): Promise<WebhookEndpoint> {
    return this.endpoints.change(partner, id, body)
  }

  @Delete(':id')
  @Requires('webhooks')
  @HttpCode(204)
  delete(@PartnerCaller() partner: PartnerId, @Param('id', { schema: EndpointId }) id: EndpointId): Promise<void> {
    return this.endpoints.delete(partner, id)
  }

  @Post(':id/enable')
  @Requires('webhooks')
  @HttpCode(200)
  enable(@PartnerCaller() partner: PartnerId, @Param('id', { schema: EndpointId }) id: EndpointId): Promise<WebhookEndpoint> {
    return this.endpoints.enable(partner, id)
  }

  @Post(':id/disable')
  @Requires('webhooks')
  @HttpCode(200)
  disable(@PartnerCaller() partner: PartnerId, @Param('id', { schema: EndpointId }) id: EndpointId): Promise<WebhookEndpoint> {
    return this.endpoints.disable(partner, id)
  }

  @Post(':id/rotate-secret')
  @Requires('webhooks')
  @HttpCode(200)
  rotate(
    @PartnerCaller() partner: PartnerId,
    @Param('id', { schema: EndpointId }) id: EndpointId,
    @Body({ schema: RotateWebhookSecret }) { overlapSeconds }: RotateWebhookSecret,
  ): Promise<NewWebhookEndpoint> {
    return this.endpoints.rotate(partner, id, overlapSeconds)
  }
}
