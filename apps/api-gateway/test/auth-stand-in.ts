import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ExchangeApiKey, newApiKey, newId, type ApiKeyExchange, type Plan, type Revocation, type UsageReport } from '@catamaran/contracts'
import type { TestIssuer } from '@catamaran/testing'
import { request } from 'undici'

/** As inner services have it. */
const MAX_BODY_BYTES = 64 * 1024

interface Key {
  partnerId: string
  scopes: readonly string[]
  plan: string
  allowedAddresses: string[]
  expiresInS: number
}

const bodyOf = async (incoming: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Stands in for auth-service: what it tells gateways under /internal/gateway, and the issuer's endpoints. */
export class AuthStandIn {
  readonly server: Server
  readonly plans: Plan[] = []
  /** The keys it was asked about, in order. */
  readonly exchanged: string[] = []
  /** The headers of the last exchange. */
  exchangeHeaders: IncomingMessage['headers'] = {}
  readonly reports: UsageReport[] = []
  /** Sequences that were asked for. */
  readonly polledAfter: number[] = []
  /** What is answered instead, where it is set. */
  exchangeStatus: number | undefined
  reportStatus: number | undefined
  /** What an exchange waits for before it is answered. */
  gate: Promise<void> | undefined
  private readonly keys = new Map<string, Key & { clientId: string }>()
  private revocations: Revocation[] = []
  private last = 0

  private constructor(private readonly issuer: TestIssuer) {
    this.server = createServer((incoming, response) => {
      this.answer(incoming, response).catch((error: unknown) => response.destroy(error as Error))
    })
  }

  static async start(issuer: TestIssuer): Promise<AuthStandIn> {
    const auth = new AuthStandIn(issuer)
    await new Promise<void>((resolve) => auth.server.listen(0, '127.0.0.1', resolve))
    return auth
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** Makes a key that is good. */
  newKey(options: Partial<Key> = {}): Key & { text: string; clientId: string } {
    const { text, id } = newApiKey('test')
    const key = { partnerId: newId('partner'), scopes: ['catalogue'], plan: 'basic', allowedAddresses: [], expiresInS: 300, ...options }
    this.keys.set(text, { ...key, clientId: id })
    return { ...key, text, clientId: id }
  }

  forget(text: string): void {
    this.keys.delete(text)
  }

  revoke(kind: Revocation['kind'], subject: string, { lifeMs = 600_000 } = {}): void {
    const now = Date.now()
    this.revocations.push({
      sequence: ++this.last,
      kind,
      subject,
      revokedAt: new Date(now).toISOString(),
      expiresAt: new Date(now + lifeMs).toISOString(),
    })
  }

  /** Another history, as after a restore: fewer revocations than there were. */
  restart(): void {
    this.revocations = []
    this.last = 0
  }

  callsFor(key: string): number {
    return this.exchanged.filter((asked) => asked === key).length
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private async answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming)
    const say = (status: number, json?: object): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(json === undefined ? '' : JSON.stringify(json))
    const { pathname, searchParams } = new URL(incoming.url ?? '', this.url)
    if (pathname === '/internal/gateway/state') return say(200, this.stateAfter(Number(searchParams.get('after'))))
    if (body.length > MAX_BODY_BYTES) return say(413)
    if (pathname === '/internal/gateway/usage') {
      this.reports.push(JSON.parse(body.toString()) as UsageReport)
      return say(this.reportStatus ?? 204)
    }
    if (pathname !== '/internal/gateway/api-keys') return this.passOn(incoming, body, response)
    const { key } = ExchangeApiKey.parse(JSON.parse(body.toString()))
    this.exchanged.push(key)
    this.exchangeHeaders = incoming.headers
    await this.gate
    if (this.exchangeStatus !== undefined) return say(this.exchangeStatus)
    say(200, await this.exchange(key))
  }

  private stateAfter(after: number): object {
    this.polledAfter.push(after)
    return { last: this.last, revocations: this.revocations.filter(({ sequence }) => sequence > after), plans: this.plans }
  }

  private async exchange(text: string): Promise<ApiKeyExchange> {
    const key = this.keys.get(text)
    if (key === undefined) return { accepted: false }
    const { partnerId: sub, clientId, scopes, plan, expiresInS, allowedAddresses } = key
    return {
      accepted: true,
      accessToken: await this.issuer.token({ sub, clientId, scopes, plan, expiresInS }),
      expiresAt: new Date((Math.floor(Date.now() / 1000) + expiresInS) * 1000).toISOString(),
      allowedAddresses,
    }
  }

  private async passOn({ method, url, headers }: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> {
    const { 'content-type': type = 'application/json' } = headers
    const answer = await request(this.issuer.url + (url ?? ''), {
      method: method as 'POST',
      headers: { 'content-type': type },
      body: body.length === 0 ? null : body,
    })
    response.writeHead(answer.statusCode, { 'content-type': 'application/json' }).end(await answer.body.text())
  }
}
