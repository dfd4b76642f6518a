import type { IncomingHttpHeaders } from 'node:http'
import { Webhook } from 'standardwebhooks'

/** Whether one of the secrets verifies a webhook, or why none does. */
export const verify = (
  secrets: readonly string[],
  headers: IncomingHttpHeaders,
  body: string,
): { isVerified: boolean; reason: string | null } => {
  let reason = 'No secret is known'
  for (const secret of secrets) {
    try {
      new Webhook(secret).verify(body, headers as Record<string, string>)
      return { isVerified: true, reason: null }
    } catch (error) {
      reason = (error as Error).message
    }
  }
  return { isVerified: false, reason }
}
