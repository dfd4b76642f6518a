import { createHash } from 'node:crypto'
import type { DomainEvent } from './events.js'

/** One event as the chain keeps it: where it stood, what it was, who made the change, and the digest of its data. No personal data. */
export interface AuditedEvent {
  readonly offset: number
  readonly id: string
  readonly type: string
  readonly subject: string
  readonly sequence: number
  /** The id of a user, an API key, a client or a partner; absent for the system itself. */
  readonly actor?: string
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

/**
 * An id as a chain keeps it: a person's as a digest, since a chain can't forget and a person can be erased. Who has the id finds its entries; who has the entries
 * alone doesn't find the person.
 */
export const auditedId = (id: string): string => (id.startsWith('usr_') ? `usr:${sha256(id).slice(0, 32)}` : id)

/** The event as a link keeps it. */
export const audited = (offset: number, { id, type, subject, sequence, actor, data }: DomainEvent): AuditedEvent => ({
  offset,
  id,
  type,
  subject: auditedId(subject),
  sequence,
  ...(actor === undefined ? {} : { actor: auditedId(actor) }),
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
      link.events.map((event) => [event.offset, event.id, event.type, event.subject, event.sequence, event.actor ?? null, event.digest]),
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

/**
 * Why a link doesn't follow `head` (undefined at the start of the chain), or undefined when it does (invariant I8).
 * @param chain the chain that it was found in
 */
export const faultOf = (chain: string, head: AuditLink | undefined, link: AuditLink): string | undefined => {
  if (link.sequence !== (head?.sequence ?? 0) + 1) return `it is missing: link ${link.sequence} comes next`
  if (link.chain !== chain || link.hash !== hashOf(link)) return 'it was altered: its hash is not that of what it holds'
  if (link.previousHash !== (head?.hash ?? GENESIS)) return 'it does not follow the link before it: one of the two was replaced'
  return undefined
}

/** The sequence of the first link that is missing, altered or out of order, or undefined when the chain is whole. */
export const firstBrokenLink = (links: readonly AuditLink[]): number | undefined => {
  let head: AuditLink | undefined
  for (const link of links) {
    if (faultOf(links[0]?.chain ?? '', head, link) !== undefined) return (head?.sequence ?? 0) + 1
    head = link
  }
  return undefined
}

/**
 * How many events a link holds at most: with the longest ids and types it stays below half of what DynamoDB takes in one item (400 KiB).
 */
export const MAX_LINK_EVENTS = 500
