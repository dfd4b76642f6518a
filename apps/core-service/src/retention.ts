import type { RetentionRule } from '@catamaran/data'
import { messagingRules } from '@catamaran/messaging'
import type { Config } from './config.js'

/**
 * What core-service deletes, and when. Orders with their lines, transitions, parts and payment operations stay: they are the books, and an order carries
 * its own Idempotency-Key. So do tombstones. Refused orders are remembered as long as other keys are. Carts go by their TTL in DynamoDB.
 */
export const rulesOf = ({ retention }: Config): RetentionRule[] => [
  ...messagingRules(retention.messaging),
  { table: 'order_refusal', age: 'refused_at', keepMs: retention.messaging.idempotencyMs },
  {
    ...{ table: 'product_import', age: 'started_at', keepMs: retention.importMs },
    where: `updated_at < now() - ${retention.importMs} * interval '1 ms'`,
  },
]
