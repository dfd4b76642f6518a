import { QueryCommand } from '@aws-sdk/lib-dynamodb'
import { faultOf, TOPICS, type AuditLink } from '@catamaran/contracts'
import type { Dynamo, TableDefinition } from './dynamo.js'

/** Where the audit trail lies: aux-service writes it, the auditor reads it. */
export const AUDIT: TableDefinition = {
  name: 'aux-audit',
  partitionKey: { name: 'chain', type: 'S' },
  sortKey: { name: 'sequence', type: 'N' },
}

/** What one chain was found to be. */
export interface ChainReport {
  /** `<topic>#<partition>` */
  readonly chain: string
  /** Links that hold, from the first one on. */
  readonly links: number
  /** The first link that doesn't hold, and why; undefined when all do. */
  readonly fault?: { readonly link: number; readonly reason: string }
}

/** Every chain that there can be, a partition each. */
const CHAINS = Object.entries(TOPICS).flatMap(([topic, partitions]) =>
  Array.from({ length: partitions }, (_, partition) => `${topic}#${partition}`),
)

/** A chain's links in their order, by consistent reads, a page at a time. */
async function* linksOf(dynamo: Dynamo, chain: string): AsyncGenerator<AuditLink> {
  let start: Record<string, unknown> | undefined
  do {
    const page = await dynamo.send(
      new QueryCommand({
        TableName: dynamo.table(AUDIT),
        KeyConditionExpression: 'chain = :chain',
        ExpressionAttributeValues: { ':chain': chain },
        ConsistentRead: true,
        ...(start === undefined ? {} : { ExclusiveStartKey: start }),
      }),
    )
    yield* (page.Items ?? []) as AuditLink[]
    start = page.LastEvaluatedKey
  } while (start !== undefined)
}

const verifyChain = async (dynamo: Dynamo, chain: string, committed: number): Promise<ChainReport> => {
  let head: AuditLink | undefined
  for await (const link of linksOf(dynamo, chain)) {
    const reason = faultOf(chain, head, link)
    const links = head?.sequence ?? 0
    if (reason !== undefined) return { chain, links, fault: { link: links + 1, reason } }
    head = link
  }
  const links = head?.sequence ?? 0
  const end = head === undefined ? 0 : head.lastOffset + 1
  if (end >= committed) return { chain, links }
  return { chain, links, fault: { link: links + 1, reason: `it is missing: offsets ${end} to ${committed - 1} were recorded` } }
}

/**
 * Reads all audit chains from their first links and checks every hash (invariant I8).
 * @param committed how far the group `aux.audit` says it has come on each chain: the offset after the last one it recorded. Read it before calling this.
 *   With it the loss of a chain's last links is found too; without it a chain that was cut at its end looks whole
 * @returns a report for each chain that there can be, also for those without links
 * @throws AppError service.unavailable when DynamoDB is away
 * @example `(await verifyChains(dynamo)).filter(({ fault }) => fault !== undefined)`
 */
export const verifyChains = async (dynamo: Dynamo, committed: ReadonlyMap<string, number> = new Map()): Promise<ChainReport[]> => {
  const reports: ChainReport[] = []
  for (const chain of new Set([...CHAINS, ...committed.keys()])) reports.push(await verifyChain(dynamo, chain, committed.get(chain) ?? 0))
  return reports
}
