import type { RetentionRule } from '@catamaran/data'
import { messagingRules } from '@catamaran/messaging'
import type { Config } from './config.js'

/**
 * What aux-service deletes, and when. Sellers' figures and tombstones stay, and so does the audit trail; notifications go by their TTL in DynamoDB.
 * A delivery that waits and a letter that is on its way back are never too old.
 */
export const rulesOf = ({ retention, webhooks, ops, mail }: Config): RetentionRule[] => [
  ...messagingRules(retention.messaging),
  { table: 'webhook_delivery', age: 'finished_at', keepMs: webhooks.keepMs, where: "status <> 'waiting'" },
  { table: 'dead_letter', age: 'dead_at', keepMs: ops.keepMs, where: "status <> 'replaying'" },
  { table: 'mail', age: 'finished_at', keepMs: mail.keepMs, where: 'outcome is not null' },
]
