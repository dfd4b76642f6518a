import { Webhook } from 'standardwebhooks'

/** A webhook whose signature is right. */
export interface WebhookEvent {
  readonly type: string
  readonly timestamp: string
  readonly data: Record<string, unknown>
}

/**
 * Verifies a webhook (Standard Webhooks 1.0.0) and gives its event. While a secret is rotated, hand over the old one and the new.
 * @param body the raw bytes or text as they came: parsed and written again they are others
 * @throws Error when no secret fits, or it was sent more than five minutes ago
 */
export const verifyWebhook = (
  secrets: string | readonly string[],
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: string | Buffer,
): WebhookEvent => {
  const flat = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]))
  let refusal: unknown = new Error('No secret is known')
  for (const secret of [secrets].flat()) {
    try {
      return new Webhook(secret).verify(body, flat) as WebhookEvent
    } catch (error) {
      refusal = error
    }
  }
  throw refusal
}
