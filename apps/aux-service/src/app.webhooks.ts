import { CONFIG, type Config } from './config.js'
import { Addresses } from './webhooks/addresses.js'
import { DeliveriesController } from './webhooks/deliveries.controller.js'
import { DeliveriesRepository } from './webhooks/deliveries.repository.js'
import { DeliveriesService } from './webhooks/deliveries.service.js'
import { Delivering } from './webhooks/delivering.js'
import { Disabling } from './webhooks/disabling.js'
import { EndpointsController } from './webhooks/endpoints.controller.js'
import { EndpointsRepository } from './webhooks/endpoints.repository.js'
import { EndpointsService } from './webhooks/endpoints.service.js'
import { WebhookHousekeeping } from './webhooks/housekeeping.js'
import { IntakeService } from './webhooks/intake.service.js'
import { QueueRepository } from './webhooks/queue.repository.js'
import { WebhookEvents } from './webhooks/webhook-events.js'
import { WebhooksConsumer } from './webhooks/webhooks.consumer.js'

/** Partners' webhooks: endpoints, what is sent to them, and the sending. */
export const WEBHOOKS = {
  controllers: [EndpointsController, DeliveriesController, WebhooksConsumer],
  providers: [
    { provide: Addresses, inject: [CONFIG], useFactory: ({ webhooks }: Config) => new Addresses(webhooks.addresses) },
    WebhookEvents,
    EndpointsRepository,
    DeliveriesRepository,
    QueueRepository,
    Disabling,
    Delivering,
    EndpointsService,
    DeliveriesService,
    IntakeService,
    WebhookHousekeeping,
  ],
}
