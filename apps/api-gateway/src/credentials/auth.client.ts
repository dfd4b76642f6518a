import { Inject, Injectable } from '@nestjs/common'
import { ApiKeyExchange, GatewayState, newId, type UsageReport } from '@catamaran/contracts'
import { HttpClient, runInContext, ServiceTokens, traceparentOf, type RequestContext } from '@catamaran/platform'
import { z } from 'zod'
import { CONFIG, type Config } from '../config.js'

const EXCHANGE_MS = 1_000
const STATE_MS = 400
const REPORT_MS = 2_000

/** What the gateway itself asks of auth-service. Exchanges have connections of their own: stuck ones must not hold up the revocations. */
@Injectable()
export class AuthClient {
  private readonly exchanges: HttpClient
  private readonly others: HttpClient

  constructor(@Inject(CONFIG) { service }: Config, tokens: ServiceTokens) {
    this.exchanges = new HttpClient(service.authUrl, tokens)
    this.others = new HttpClient(service.authUrl, tokens, { connections: 4 })
  }

  exchange(key: string, { requestId, traceparent }: Pick<RequestContext, 'requestId' | 'traceparent'>): Promise<ApiKeyExchange> {
    // In a context of its own: the caller's Authorization, which is the key, would go along as a header.
    return runInContext({ requestId, traceparent, fields: {} }, () =>
      this.exchanges.call({
        method: 'POST',
        path: '/internal/gateway/api-keys',
        body: { key },
        answer: ApiKeyExchange,
        deadlineMs: EXCHANGE_MS,
      }),
    )
  }

  state(after: number): Promise<GatewayState> {
    return this.apart(() =>
      this.others.call({ path: '/internal/gateway/state', query: { after }, answer: GatewayState, deadlineMs: STATE_MS }),
    )
  }

  async report(report: UsageReport): Promise<void> {
    await this.apart(() =>
      this.others.call({
        method: 'POST',
        path: '/internal/gateway/usage',
        body: report,
        answer: z.unknown(),
        deadlineMs: REPORT_MS,
        idempotent: true,
      }),
    )
  }

  /** Whoever calls last at shutdown closes: the order of shutdown hooks says nothing about it. */
  async close(): Promise<void> {
    await Promise.all([this.exchanges.onApplicationShutdown(), this.others.onApplicationShutdown()])
  }

  private apart<T>(call: () => Promise<T>): Promise<T> {
    return runInContext({ requestId: newId('request'), traceparent: traceparentOf(undefined), fields: {} }, call)
  }
}
