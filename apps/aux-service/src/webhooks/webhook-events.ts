import { Inject, Injectable } from '@nestjs/common'
import { idOf } from '@catamaran/contracts'
import { causesOf, LOGGER, type Logger } from '@catamaran/platform'
import { metrics } from '@opentelemetry/api'
import type { AttemptRecord, LeasedDelivery } from './queue.repository.js'

/** What aux-service tells of webhooks: metrics and log lines. Never a URL, which may hold a secret of its partner. */
@Injectable()
export class WebhookEvents {
  private readonly meter = metrics.getMeter('catamaran')
  private readonly attempts = this.meter.createHistogram('webhooks.attempt.duration', {
    unit: 'ms',
    description: 'Attempts to deliver a webhook',
  })
  private readonly disabled = this.meter.createCounter('webhooks.endpoints.disabled', { description: 'Endpoints switched off by us' })

  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  attempted(delivery: LeasedDelivery, { durationMs, response, failure }: AttemptRecord): void {
    this.attempts.record(durationMs, { outcome: failure ?? 'delivered' })
    const fields = { ...namesOf(delivery), status: response?.status, failure, durationMs: Math.round(durationMs) }
    this.logger[failure === undefined ? 'info' : 'warn'](fields, failure === undefined ? 'webhook delivered' : 'webhook failed')
  }

  /** The lease ends by itself, then it is sent again. */
  attemptLost(delivery: LeasedDelivery, error: unknown): void {
    this.logger.warn({ ...namesOf(delivery), causes: causesOf(error) }, 'the outcome of a webhook could not be written')
  }

  lookFailed(error: unknown): void {
    this.logger.warn({ causes: causesOf(error) }, 'webhooks wait for the database')
  }

  endpointDisabled(endpointId: string, reason: string): void {
    this.disabled.add(1, { reason })
    this.logger.warn({ endpointId: idOf('webhookEndpoint', endpointId), reason }, 'webhook endpoint disabled')
  }

  housekeepingFailed(error: unknown): void {
    this.logger.warn({ causes: causesOf(error) }, 'webhooks could not be tidied, trying again')
  }
}

const namesOf = ({ id, endpointId, eventId, type, attempt }: LeasedDelivery) => ({
  ...{ deliveryId: idOf('webhookDelivery', id), endpointId: idOf('webhookEndpoint', endpointId) },
  ...{ eventId: idOf('event', eventId), type, attempt },
})
