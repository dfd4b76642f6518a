import { Inject, Injectable } from '@nestjs/common'
import {
  OutboxState,
  Replaying,
  UnpublishableEventPage,
  type OutboxStatePage,
  type PageQuery,
  type ReplayUnpublishable,
} from '@catamaran/contracts'
import { OutboxView } from '@catamaran/messaging'
import { AppError, HttpClient, logFields } from '@catamaran/platform'
import { AUX } from '../config.js'

const PATH = '/internal/ops/outbox'
export type OutboxOwner = 'core-service' | 'aux-service'

/** The outboxes of this service and of aux-service; auth-service, which core doesn't ask for such things, tells of its own. */
@Injectable()
export class OutboxService {
  constructor(
    private readonly own: OutboxView,
    @Inject(AUX) private readonly aux: HttpClient,
  ) {}

  /** The state of both: operators look here when something is away, so what can be told is told. */
  async states(): Promise<OutboxStatePage> {
    return { items: await Promise.all([this.own.state(), this.stateOfAux()]), nextCursor: null }
  }

  /** @throws AppError request.invalid-cursor */
  listUnpublishable(service: OutboxOwner, { cursor, limit }: PageQuery): Promise<UnpublishableEventPage> {
    if (service === 'core-service') return this.own.listUnpublishable({ cursor, limit })
    return this.aux.call({ path: `${PATH}/unpublishable`, query: { cursor, limit }, answer: UnpublishableEventPage })
  }

  async replay(service: OutboxOwner, body: ReplayUnpublishable): Promise<Replaying> {
    const replaying =
      service === 'core-service'
        ? await this.own.replay(body)
        : await this.aux.call({ method: 'POST', path: `${PATH}/unpublishable/replay`, body, answer: Replaying })
    logFields({ outboxOf: service, republished: replaying.replaying })
    return replaying
  }

  private async stateOfAux(): Promise<OutboxState> {
    try {
      return await this.aux.call({ path: PATH, answer: OutboxState })
    } catch (error) {
      if (!(error instanceof AppError) || error.spec.kind !== 'unavailable') throw error
      return { service: 'aux-service', isReachable: false, waiting: null, oldestAt: null, oldestAgeSeconds: null, unpublishable: null }
    }
  }
}
