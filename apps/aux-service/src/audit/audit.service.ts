import { Injectable } from '@nestjs/common'
import { audited, MAX_LINK_EVENTS, nextLink, type AuditedEvent, type AuditLink } from '@catamaran/contracts'
import type { EventBatch } from '@catamaran/messaging'
import { Groups } from '@catamaran/platform'
import { AuditRepository } from './audit.repository.js'

/** Chains that are written to at the same time. */
const MOST_AT_ONCE = 4

/** One hash chain per topic partition, one link per batch. A batch that comes again after a crash adds only what its head doesn't cover. */
@Injectable()
export class AuditService {
  private readonly heads = new Map<string, AuditLink>()
  private readonly linking: Groups<EventBatch>

  constructor(private readonly repository: AuditRepository) {
    this.linking = new Groups({
      work: (batches) => Promise.all(batches.map((batch) => this.link(batch))).then(() => []),
      most: MOST_AT_ONCE,
    })
  }

  async record(batch: EventBatch): Promise<void> {
    await this.linking.do([batch])
  }

  /** A batch without events gets its link too: what the group has committed is then never beyond the chain's end. */
  private async link({ topic, partition, lastOffset, events }: EventBatch): Promise<void> {
    const chain = `${topic}#${partition}`
    for (;;) {
      const head = this.heads.get(chain) ?? (await this.repository.findHead(chain))
      const done = head?.lastOffset ?? -1
      if (lastOffset <= done) return
      const fresh = events.filter(({ offset }) => offset > done).map(({ offset, event }) => audited(offset, event))
      const [entries, end] = firstOf(fresh, lastOffset)
      const link = nextLink(chain, head, entries, end, new Date().toISOString())
      if (await this.repository.append(link)) this.heads.set(chain, link)
      else this.heads.delete(chain) // another process wrote this link: look again from the head it left
    }
  }
}

/** What goes into one link, and the offset that it reaches. */
const firstOf = (events: readonly AuditedEvent[], lastOffset: number): [entries: readonly AuditedEvent[], end: number] => {
  const entries = events.slice(0, MAX_LINK_EVENTS)
  return [entries, events.length === entries.length ? lastOffset : (entries.at(-1)?.offset ?? lastOffset)]
}
