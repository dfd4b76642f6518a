import type { RetentionRule } from '@catamaran/data'
import { env } from '@catamaran/platform'
import { z } from 'zod'
import { EVENT_LIFE_MS } from './kafka.js'

const DAY_MS = 24 * 3_600_000

/** How long the tables of this lib keep what has no more use, for a service's configuration schema. */
export const messagingKeepEnv = {
  /** Longer than Kafka keeps an event: one that is read again after its row went would have its effect twice. */
  INBOX_KEEP_MS: env.ms.min(EVENT_LIFE_MS + DAY_MS).default(2 * EVENT_LIFE_MS),
  /** Events that could never be published, and that no operator gave back. */
  OUTBOX_DEAD_KEEP_MS: env.ms.default(90 * DAY_MS),
  /** What creating writes are promised is a day; it may be more. */
  IDEMPOTENCY_KEEP_MS: env.ms.min(DAY_MS).default(DAY_MS),
}
const messagingKeep = z.object(messagingKeepEnv)

/** The same, nested for `messagingRules` and `Idempotency`. */
export const messagingKeepConfig = (flat: z.infer<typeof messagingKeep>) => ({
  inboxMs: flat.INBOX_KEEP_MS,
  outboxDeadMs: flat.OUTBOX_DEAD_KEEP_MS,
  idempotencyMs: flat.IDEMPOTENCY_KEEP_MS,
})

/** What `Retention` does to the tables of this lib. Idempotency records are dropped by the day (`Idempotency`), the outbox is emptied by the relay. */
export const messagingRules = (keep: ReturnType<typeof messagingKeepConfig>): RetentionRule[] => [
  { table: 'inbox', age: 'received_at', keepMs: keep.inboxMs },
  { table: 'outbox_dead', age: 'failed_at', keepMs: keep.outboxDeadMs },
]
