import { DeliveriesController } from './webhooks/deliveries.controller.js'
import { WebhooksController } from './webhooks/webhooks.controller.js'
import { WebhooksService } from './webhooks/webhooks.service.js'

/** The partner's routes of webhooks, which are aux-service's. */
export const WEBHOOKS = { controllers: [WebhooksController, DeliveriesController], providers: [WebhooksService] }
