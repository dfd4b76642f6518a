import { createHash } from 'node:crypto'
import type { DomainEvent } from '@catamaran/contracts'

/** One event as the chain keeps it: where it stood, what it was, and the digest of its data. */
export interface AuditedEvent {
  readonly offset: number
  readonly id: string
  readonly type: string
  readonly subject: string
  readonly sequence: number
  readonly digest: string
}

/** A link: a batch of events of one topic partition, tied to the link before it by that one's hash. */
export interface AuditLink {
  readonly chain: string
  readonly sequence: number
  readonly previousHash: string
  readonly lastOffset: number
  readonly events: readonly AuditedEvent[]
  readonly writtenAt: string
  readonly hash: string
}

/** What the first link of a chain is tied to. */
export const GENESIS = '0'.repeat(64)

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** The event as a link keeps it. */
export const audited = (offset: number, { id, type, subject, sequence, data }: DomainEvent): AuditedEvent => ({
  offset,
  id,
  type,
  subject,
  sequence,
  digest: sha256(JSON.stringify(data)),
})

/** The hash over everything else in a link. Fields are named in a fixed order, so that it can be computed again from any store. */
const hashOf = (link: Omit<AuditLink, 'hash'>): string =>
  sha256(
    JSON.stringify([
      link.chain,
      link.sequence,
      link.previousHash,
      link.lastOffset,
      link.writtenAt,
      link.events.map((event) => [event.offset, event.id, event.type, event.subject, event.sequence, event.digest]),
    ]),
  )

/** The link that follows `head` (undefined at the start of a chain). */
export const nextLink = (
  chain: string,
  head: AuditLink | undefined,
  events: readonly AuditedEvent[],
  lastOffset: number,
  writtenAt: string,
): AuditLink => {
  const link = { chain, sequence: (head?.sequence ?? 0) + 1, previousHash: head?.hash ?? GENESIS, lastOffset, events, writtenAt }
  return { ...link, hash: hashOf(link) }
}

/** The sequence of the first link that is missing, altered or out of order, or undefined when the chain is whole (invariant I8). */
export const firstBrokenLink = (links: readonly AuditLink[]): number | undefined => {
  let head: AuditLink | undefined
  for (const link of links) {
    const isWhole =
      link.sequence === (head?.sequence ?? 0) + 1 && link.previousHash === (head?.hash ?? GENESIS) && link.hash === hashOf(link)
    if (!isWhole) return (head?.sequence ?? 0) + 1
    head = link
  }
  return undefined
}
