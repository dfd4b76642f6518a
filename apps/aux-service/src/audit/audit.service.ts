import { Injectable } from '@nestjs/common'
import type { EventBatch } from '@catamaran/messaging'
import { audited, nextLink, type AuditLink } from './audit.chain.js'
import { AuditRepository } from './audit.repository.js'

/** One hash chain per topic partition, one link per batch. A batch that comes again after a crash adds only what its head doesn't cover. */
@Injectable()
export class AuditService {
  private readonly heads = new Map<string, AuditLink>()

  constructor(private readonly repository: AuditRepository) {}

  async record({ topic, partition, lastOffset, events }: EventBatch): Promise<void> {
    const chain = `${topic}#${partition}`
    for (;;) {
      const head = this.heads.get(chain) ?? (await this.repository.findHead(chain))
      const isNew = (offset: number): boolean => head === undefined || offset > head.lastOffset
      const fresh = events.filter(({ offset }) => isNew(offset))
      if (fresh.length === 0) return
      const link = nextLink(
        chain,
        head,
        fresh.map(({ offset, event }) => audited(offset, event)),
        lastOffset,
        new Date().toISOString(),
      )
      if (await this.repository.append(link)) {
        this.heads.set(chain, link)
        return
      }
      this.heads.delete(chain) // another process wrote this link: look again from the head it left
    }
  }
}
