import { Injectable } from '@nestjs/common'
import type { OutboxState, PageQuery, Replaying, ReplayUnpublishable, UnpublishableEventPage } from '@catamaran/contracts'
import { OutboxView } from '@catamaran/messaging'
import { logFields } from '@catamaran/platform'

/** auth-service's own outbox. */
@Injectable()
export class IdentityOutboxService {
  constructor(private readonly view: OutboxView) {}

  state(): Promise<OutboxState> {
    return this.view.state()
  }

  /** @throws AppError request.invalid-cursor */
  listUnpublishable(query: PageQuery): Promise<UnpublishableEventPage> {
    return this.view.listUnpublishable(query)
  }

  async replay(body: ReplayUnpublishable): Promise<Replaying> {
    const replaying = await this.view.replay(body)
    logFields({ republished: replaying.replaying })
    return replaying
  }
}
