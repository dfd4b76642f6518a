import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common'
import { z } from 'zod'
import { Pool } from 'undici'
import { SpanKind } from '@opentelemetry/api'
import { traced } from '@catamaran/platform'
import { CONFIG, type Config } from '../config.js'

/** What the payment provider says about a payment; what we don't need of it is left out. */
const Payment = z.object({
  id: z.string(),
  status: z.enum(['authorised', 'requires_action', 'declined', 'expired', 'pending']),
  declineCode: z.string().nullable(),
  openMinor: z.int(),
  nextAction: z.object({ url: z.url() }).nullable(),
})
export type Payment = z.infer<typeof Payment>
const Refusal = z.object({ code: z.string() })

/** What a call came to. `unknown`: it may have happened, ask again with the same key. `refused`: it surely did not, and never will. */
export type Answer =
  | { readonly kind: 'payment'; readonly payment: Payment }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'unknown'; readonly error: string }

const IDEMPOTENCY_CONFLICT = 409
const TOO_MANY = 429

/** The payment provider's API: an outside system, known by HTTP only. Never throws: every outcome is an answer. */
@Injectable()
export class PspClient implements BeforeApplicationShutdown {
  private readonly pool: Pool
  private readonly ending = new AbortController()

  constructor(@Inject(CONFIG) private readonly config: Config) {
    this.pool = new Pool(config.psp.url, { connections: config.payments.concurrency, pipelining: 1, connect: { timeout: 2_000 } })
  }

  /** Reserves money. @param key the same for every try, so that it happens once */
  authorise(
    key: string,
    body: { amountMinor: number; currency: string; paymentMethod: string; reference: string; returnUrl?: string },
  ): Promise<Answer> {
    return this.send('POST', '/v1/payments', key, body)
  }

  /** Takes, gives up or pays back some of an authorised payment's money. */
  move(key: string, paymentRef: string, kind: 'captures' | 'voids' | 'refunds', amountMinor: number): Promise<Answer> {
    return this.send('POST', `/v1/payments/${encodeURIComponent(paymentRef)}/${kind}`, key, { amountMinor })
  }

  read(paymentRef: string): Promise<Answer> {
    return this.send('GET', `/v1/payments/${encodeURIComponent(paymentRef)}`)
  }

  /** Calls in hand are given up: nothing is lost, whoever leases the operation next sends it again. */
  async beforeApplicationShutdown(): Promise<void> {
    this.ending.abort()
    await this.pool.destroy()
  }

  private send(method: 'GET' | 'POST', path: string, key?: string, body?: object): Promise<Answer> {
    const attributes = { 'http.request.method': method, 'peer.service': 'psp' }
    return traced(method, { kind: SpanKind.CLIENT, attributes }, () => this.exchange(method, path, key, body))
  }

  private async exchange(method: 'GET' | 'POST', path: string, key?: string, body?: object): Promise<Answer> {
    try {
      const response = await this.pool.request({
        method,
        path,
        headers: {
          authorization: `Bearer ${this.config.psp.apiKey}`,
          ...(key === undefined ? {} : { 'idempotency-key': key, 'content-type': 'application/json' }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.any([AbortSignal.timeout(this.config.psp.deadlineMs), this.ending.signal]),
      })
      const json: unknown = await response.body.json()
      const { statusCode } = response
      if (statusCode < 300) return { kind: 'payment', payment: Payment.parse(json) }
      const isDefinite = statusCode >= 400 && statusCode < 500 && statusCode !== IDEMPOTENCY_CONFLICT && statusCode !== TOO_MANY
      const code = Refusal.safeParse(json).data?.code ?? `http_${statusCode}`
      return isDefinite && statusCode !== 401 ? { kind: 'refused', code } : { kind: 'unknown', error: code }
    } catch (error) {
      const { code, name } = error as { code?: string; name?: string }
      return { kind: 'unknown', error: code ?? name ?? 'unknown' }
    }
  }
}
