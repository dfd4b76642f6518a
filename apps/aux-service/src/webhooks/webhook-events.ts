import { Inject, Injectable } from '@nestjs/common'
import { idOf } from '@catamaran/contracts'
import { causesOf, counter, currentContext, histogram, isSampled, LOGGER, type Logger } from '@catamaran/platform'
import type { AttemptRecord, LeasedDelivery } from './queue.repository.js'

/** What aux-service tells of webhooks: metrics and log lines. Never a URL, which may hold a secret of its partner. */
@Injectable()
export class WebhookEvents {
  private readonly attempts = histogram('webhooks.attempt.duration')
  private readonly delay = histogram('webhooks.delay')
  private readonly disabled = counter('webhooks.endpoints.disabled')

  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  attempted(delivery: LeasedDelivery, { durationMs, response, failure }: AttemptRecord): void {
    this.attempts.record(durationMs / 1000, { outcome: failure ?? 'delivered' })
    const trace = currentContext()?.traceparent.slice(3, 35)
    const fields = { ...namesOf(delivery), trace, status: response?.status, failure, durationMs: Math.round(durationMs) }
    this.logger[failure === undefined ? 'info' : 'warn'](fields, failure === undefined ? 'webhook delivered' : 'webhook failed')
  }

  /** The first 2xx that an endpoint answered to an event. */
  delivered({ eventId }: LeasedDelivery): void {
    const delayS = Math.max(0, Date.now() - timeOf(eventId)) / 1000
    const { traceparent } = currentContext() ?? {}
    if (traceparent !== undefined && isSampled(traceparent)) this.delay.recordTraced(delayS, traceparent)
    else this.delay.record(delayS)
  }

  /** The lease ends by itself, then it is sent again. */
  attemptLost(delivery: LeasedDelivery, error: unknown): void {
    this.logger.warn({ ...namesOf(delivery), causes: causesOf(error) }, 'the outcome of a webhook could not be written')
  }

  lookFailed(error: unknown): void {
    this.logger.warn({ causes: causesOf(error) }, 'webhooks wait for the database')
  }

  endpointDisabled(endpointId: string, reason: 'failing' | 'gone'): void {
    this.disabled.add(1, { reason })
    this.logger.warn({ endpointId: idOf('webhookEndpoint', endpointId), reason }, 'webhook endpoint disabled')
  }

  housekeepingFailed(error: unknown): void {
    this.logger.warn({ causes: causesOf(error) }, 'webhooks could not be tidied, trying again')
  }
}

/** When an event was written, which its UUIDv7 begins with (RFC 9562, section 5.7); epoch ms. */
const timeOf = (uuid: string): number => Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16)

const namesOf = ({ id, endpointId, eventId, type, attempt }: LeasedDelivery) => ({
  ...{ requestId: idOf('webhookDelivery', id), deliveryId: idOf('webhookDelivery', id), endpointId: idOf('webhookEndpoint', endpointId) },
  ...{ eventId: idOf('event', eventId), type, attempt },
})
