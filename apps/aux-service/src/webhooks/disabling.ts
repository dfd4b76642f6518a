import { Injectable } from '@nestjs/common'
import { idOf } from '@catamaran/contracts'
import { Outbox } from '@catamaran/messaging'
import { EndpointsRepository } from './endpoints.repository.js'
import { WebhookEvents } from './webhook-events.js'

const BATCH = 5_000

/** Switches endpoints off that are gone or go on failing, and says so by an event. What waited for them becomes dead letters. */
@Injectable()
export class Disabling {
  constructor(
    private readonly endpoints: EndpointsRepository,
    private readonly outbox: Outbox,
    private readonly events: WebhookEvents,
  ) {}

  /** Does nothing where it is off already. @param endpointId a bare UUID */
  async disable(endpointId: string, reason: 'gone' | 'failing'): Promise<void> {
    const isDone = await this.endpoints.disable(endpointId, reason, (tx, { partnerId, version }) =>
      this.outbox.insert(tx, [
        {
          type: 'webhooks.endpoint.disabled.v1',
          subject: idOf('webhookEndpoint', endpointId),
          sequence: version,
          data: { endpointId: idOf('webhookEndpoint', endpointId), partnerId: idOf('partner', partnerId), reason },
        },
      ]),
    )
    if (!isDone) return
    this.outbox.wake()
    this.events.endpointDisabled(endpointId, reason)
    await this.bury()
  }

  /** Makes dead letters of what waits for endpoints that are off, in bounded steps. */
  async bury(): Promise<void> {
    while ((await this.endpoints.buryWaiting(BATCH)) === BATCH);
  }
}
