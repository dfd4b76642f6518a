import { Injectable } from '@nestjs/common'
import { audited, MAX_LINK_EVENTS, nextLink, type AuditedEvent, type AuditLink } from '@catamaran/contracts'
import type { EventBatch } from '@catamaran/messaging'
import { AuditRepository } from './audit.repository.js'

/** One hash chain per topic partition, one link per batch. A batch that comes again after a crash adds only what its head doesn't cover. */
@Injectable()
export class AuditService {
  private readonly heads = new Map<string, AuditLink>()

  constructor(private readonly repository: AuditRepository) {}

  /** A batch without events gets its link too: what the group has committed is then never beyond the chain's end. */
  async record({ topic, partition, lastOffset, events }: EventBatch): Promise<void> {
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
