import type { RetentionRule } from '@catamaran/data'
import { messagingRules } from '@catamaran/messaging'
import type { Config } from './config.js'

/**
 * What core-service deletes, and when. Orders with their lines, transitions, parts and payment operations stay: they are the books, and an order carries
 * its own Idempotency-Key. So do tombstones. Carts go by their TTL in DynamoDB.
 */
export const rulesOf = ({ retention }: Config): RetentionRule[] => [
  ...messagingRules(retention.messaging),
  {
    ...{ table: 'product_import', age: 'started_at', keepMs: retention.importMs },
    where: `updated_at < now() - ${retention.importMs} * interval '1 ms'`,
  },
]
