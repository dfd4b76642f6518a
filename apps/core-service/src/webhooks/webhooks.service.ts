import { Inject, Injectable } from '@nestjs/common'
import { InnerCreatedWebhook, Plan, type CreateWebhookEndpoint } from '@catamaran/contracts'
import { AppError, HttpClient } from '@catamaran/platform'
import { z } from 'zod'
import { AUTH, AUX } from '../config.js'

const PLANS_KEPT_MS = 60_000
/** aux-service asks name servers about the URL. */
export const DEADLINE_MS = 6_000

const PlanList = z.strictObject({ items: z.array(Plan) })

/** What a partner's plan says about its webhook endpoints. All else about them is aux-service's. */
@Injectable()
export class WebhooksService {
  private plans: { readonly byId: ReadonlyMap<string, Plan>; readonly readAt: number } | undefined

  constructor(
    @Inject(AUX) private readonly aux: HttpClient,
    @Inject(AUTH) private readonly auth: HttpClient,
  ) {}

  /** @throws AppError webhooks.url-refused, webhooks.endpoint-limit, request.idempotency-key-reused */
  async create(plan: string | undefined, endpoint: CreateWebhookEndpoint, idempotencyKey: string): Promise<InnerCreatedWebhook> {
    const body = { endpoint, maxEndpoints: await this.maxEndpoints(plan), idempotencyKey }
    // The key makes it safe to send again.
    return this.aux.call({
      ...{ method: 'POST', path: '/internal/webhooks', body, answer: InnerCreatedWebhook },
      ...{ idempotent: true, deadlineMs: DEADLINE_MS },
    })
  }

  /** Plans change seldom: the last known ones do while auth-service is away. */
  private async maxEndpoints(plan: string | undefined): Promise<number> {
    if (this.plans === undefined || performance.now() - this.plans.readAt > PLANS_KEPT_MS) {
      const known = this.plans
      try {
        const { items } = await this.auth.call({ path: '/v1/plans', answer: PlanList })
        this.plans = { byId: new Map(items.map((each) => [each.id, each])), readAt: performance.now() }
      } catch (error) {
        if (known === undefined || !(error instanceof AppError) || error.spec.kind !== 'unavailable') throw error
      }
    }
    return (plan === undefined ? undefined : this.plans?.byId.get(plan)?.maxWebhookEndpoints) ?? 0
  }
}
