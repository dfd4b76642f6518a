import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common'
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import {
  DeliveriesQuery,
  idSchema,
  Redeliver,
  Redelivered,
  WebhookDelivery,
  WebhookDeliveryDetails,
  WebhookDeliveryPage,
  type Id,
  type PartnerId,
} from '@catamaran/contracts'
import { HttpClient, PartnerCaller, Requires } from '@catamaran/platform'
import { AUX } from '../config.js'
import { DEADLINE_MS } from './webhooks.service.js'

const EndpointId = idSchema('webhookEndpoint')
type EndpointId = Id<'webhookEndpoint'>
const DeliveryId = idSchema('webhookDelivery')
type DeliveryId = Id<'webhookDelivery'>

@ApiTags('Webhooks')
@Controller('v1/partner/webhooks/:id')
export class DeliveriesController {
  constructor(@Inject(AUX) private readonly aux: HttpClient) {}

  @Post('test')
  @Requires('webhooks')
  @HttpCode(202)
  @ApiOperation({ summary: 'Send a webhook.test', description: 'Look at the delivery to see how it went.' })
  @ApiAcceptedResponse({ standardSchema: WebhookDelivery })
  test(@PartnerCaller() _partner: PartnerId, @Param('id', { schema: EndpointId }) id: EndpointId): Promise<WebhookDelivery> {
    return this.aux.call({ method: 'POST', path: `/internal/webhooks/${id}/test`, answer: WebhookDelivery })
  }

  @Get('deliveries')
  @Requires('webhooks')
  @ApiOperation({ summary: 'List deliveries', description: 'The newest first; they are kept for 30 days after they ended.' })
  @ApiOkResponse({ standardSchema: WebhookDeliveryPage })
  list(
    @PartnerCaller() _partner: PartnerId,
    @Param('id', { schema: EndpointId }) id: EndpointId,
    @Query({ schema: DeliveriesQuery }) { cursor, limit, status }: DeliveriesQuery,
  ): Promise<WebhookDeliveryPage> {
    return this.aux.call({ path: `/internal/webhooks/${id}/deliveries`, query: { cursor, limit, status }, answer: WebhookDeliveryPage })
  }

  @Get('deliveries/:deliveryId')
  @Requires('webhooks')
  @ApiOperation({ summary: 'Read a delivery', description: 'With its body, and the request, answer and timings of its attempts.' })
  @ApiOkResponse({ standardSchema: WebhookDeliveryDetails })
  read(
    @PartnerCaller() _partner: PartnerId,
    @Param('id', { schema: EndpointId }) id: EndpointId,
    @Param('deliveryId', { schema: DeliveryId }) deliveryId: DeliveryId,
  ): Promise<WebhookDeliveryDetails> {
    return this.aux.call({ path: `/internal/webhooks/${id}/deliveries/${deliveryId}`, answer: WebhookDeliveryDetails })
  }

  @Post('redeliver')
  @Requires('webhooks')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Send deliveries again',
    description:
      'One, or all of a time range, at most 10,000. The webhook-id stays. What waits already is tried at once and not queued twice.',
  })
  @ApiAcceptedResponse({ standardSchema: Redelivered })
  redeliver(
    @PartnerCaller() _partner: PartnerId,
    @Param('id', { schema: EndpointId }) id: EndpointId,
    @Body({ schema: Redeliver }) body: Redeliver,
  ): Promise<Redelivered> {
    return this.aux.call({ method: 'POST', path: `/internal/webhooks/${id}/redeliver`, body, answer: Redelivered, deadlineMs: DEADLINE_MS })
  }
}
