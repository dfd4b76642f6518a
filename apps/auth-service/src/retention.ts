import type { RetentionRule } from '@catamaran/data'
import { messagingRules } from '@catamaran/messaging'
import type { Config } from './config.js'

const DAY_MS = 24 * 3_600_000
const isSent = (link: string, table: string): string => `not exists (select from mail where ${link} = ${table}.id and outcome is null)`

/** What auth-service deletes, and when. Sessions and what belongs to them go by their TTL in DynamoDB. */
export const rulesOf = ({ retention }: Config): RetentionRule[] => [
  ...messagingRules(retention.messaging),
  // A day after they expired, and their mail with them: until then it counts for the limits of mail.
  { table: 'registration', age: 'expires_at', keepMs: DAY_MS, where: isSent('registration_id', 'registration') },
  { table: 'mail_action', age: 'expires_at', keepMs: DAY_MS, where: isSent('action_id', 'mail_action') },
  { table: 'mail', age: 'finished_at', keepMs: DAY_MS, where: 'registration_id is null and action_id is null' },
  { table: 'known_device', age: 'last_seen_at', keepMs: retention.deviceMs },
  // The newest stays: gateways count on from it.
  { table: 'revocation', age: 'expires_at', keepMs: 0, where: 'sequence < (select max(sequence) from revocation)' },
  { table: 'person_export', age: 'expires_at', keepMs: 0 },
  { table: 'partner_usage', age: 'day', keepMs: retention.usageMs },
]
