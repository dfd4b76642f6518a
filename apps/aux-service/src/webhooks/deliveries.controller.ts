import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import {
  DeliveriesQuery,
  idSchema,
  Redeliver,
  type Id,
  type PartnerId,
  type Redelivered,
  type WebhookDelivery,
  type WebhookDeliveryDetails,
  type WebhookDeliveryPage,
} from '@catamaran/contracts'
import { PartnerCaller, Requires } from '@catamaran/platform'
import { DeliveriesService } from './deliveries.service.js'

const EndpointId = idSchema('webhookEndpoint')
type EndpointId = Id<'webhookEndpoint'>
const DeliveryId = idSchema('webhookDelivery')
type DeliveryId = Id<'webhookDelivery'>

/** For core-service, with the partner's own token. */
@ApiExcludeController()
@Controller('internal/webhooks/:id')
export class DeliveriesController {
  constructor(private readonly deliveries: DeliveriesService) {}

  @Post('test')
  @Requires('webhooks')
  @HttpCode(202)
  test(@PartnerCaller() partner: PartnerId, @Param('id', { schema: EndpointId }) id: EndpointId): Promise<WebhookDelivery> {
    return this.deliveries.test(partner, id)
  }

  @Get('deliveries')
  @Requires('webhooks')
  list(
    @PartnerCaller() partner: PartnerId,
    @Param('id', { schema: EndpointId }) id: EndpointId,
    @Query({ schema: DeliveriesQuery }) query: DeliveriesQuery,
  ): Promise<WebhookDeliveryPage> {
    return this.deliveries.list(partner, id, query)
  }

  @Get('deliveries/:deliveryId')
  @Requires('webhooks')
  read(
    @PartnerCaller() partner: PartnerId,
    @Param('id', { schema: EndpointId }) id: EndpointId,
    @Param('deliveryId', { schema: DeliveryId }) deliveryId: DeliveryId,
  ): Promise<WebhookDeliveryDetails> {
    return this.deliveries.read(partner, id, deliveryId)
  }

  @Post('redeliver')
  @Requires('webhooks')
  @HttpCode(202)
  redeliver(
    @PartnerCaller() partner: PartnerId,
    @Param('id', { schema: EndpointId }) id: EndpointId,
    @Body({ schema: Redeliver }) body: Redeliver,
  ): Promise<Redelivered> {
    return this.deliveries.redeliver(partner, id, body)
  }
}
