import { verifyChains, type Dynamo } from '@catamaran/data'

/**
 * I8: every audit chain verifies from its first link. Answers a line for each chain that doesn't, with its first broken link.
 * @param committed the offsets that the group `aux.audit` has committed, by chain (`<topic>#<partition>`), read before
 */
export const checkChains = async (dynamo: Dynamo, committed?: ReadonlyMap<string, number>): Promise<string[]> =>
  (await verifyChains(dynamo, committed)).flatMap(({ chain, fault }) =>
    fault === undefined ? [] : [`chain ${chain}, link ${fault.link}: ${fault.reason}`],
  )
