import { BUYER_SCOPES, idOf, newId, type ProductId } from '@catamaran/contracts'
import type { RunningSystem } from '@catamaran/stack'
import pg from 'pg'
import { Mint } from '../authorisation.tokens.js'

/** Every seller gets a partner and a price for shipping, so that all of an order can be shipped. */
const SELLERS = 'update seller set partner_id = coalesce(partner_id, gen_random_uuid()), shipping_minor = 300 returning partner_id'
/** A few products that everybody wants: some of them scarce. */
const HOT = `
with hot as (select product_id, row_number() over (order by product_id) as n from stock order by product_id limit $1)
update stock s set available = case when n % 4 = 0 then 15 else 4000 end, initial = case when n % 4 = 0 then 15 else 4000 end
from hot where hot.product_id = s.product_id returning s.product_id`
const HOT_PRODUCTS = 24
const TOKEN_S = 300
const REFRESH_MS = 200_000
/** Before the storm nobody is in a hurry: a system that just started may be slow. */
const SET_UP_MS = 30_000

/** What a storm's clients share: products, partners, tokens, and the way to a bank's confirmation. */
export class World {
  private readonly tokens = new Map<string, { token: string; madeAt: number }>()

  private constructor(
    private readonly system: RunningSystem,
    private readonly mint: Mint,
    readonly products: readonly ProductId[],
    readonly partners: readonly string[],
  ) {}

  static async of(system: RunningSystem): Promise<World> {
    const client = new pg.Client({ connectionString: system.engines.databases.core })
    await client.connect()
    try {
      const sellers = await client.query<{ partner_id: string }>(SELLERS)
      const hot = await client.query<{ product_id: string }>(HOT, [HOT_PRODUCTS])
      const sellersOfHot = await client.query<{ partner_id: string }>(
        'select distinct s.partner_id from seller s join product p on p.seller_id = s.id where p.id = any($1)',
        [hot.rows.map(({ product_id }) => product_id)],
      )
      if (sellers.rowCount === 0) throw new Error('there are no sellers: the storm needs the demo catalogue')
      const world = new World(
        system,
        await Mint.of(system),
        hot.rows.map(({ product_id }) => idOf('product', product_id)),
        sellersOfHot.rows.map(({ partner_id }) => idOf('partner', partner_id)),
      )
      for (const partner of world.partners) await world.register(partner)
      return world
    } finally {
      await client.end()
    }
  }

  newBuyer(): string {
    return newId('user')
  }

  buyerToken(id: string): Promise<string> {
    return this.token(id, BUYER_SCOPES.join(' '))
  }

  partnerToken(id: string): Promise<string> {
    return this.token(id, 'catalogue orders webhooks partner:read')
  }

  /** Confirms or refuses the newest payment of an order at the provider, as its buyer on the bank's page. @returns whether it was there to be asked */
  async answerChallenge(orderId: string, wish: 'confirm' | 'refuse'): Promise<boolean> {
    try {
      const { data } = (await this.psp('GET', `/v1/payments?reference=${orderId}`)) as { data: { id: string; status: string }[] }
      const waiting = data.find(({ status }) => status === 'requires_action')
      if (waiting !== undefined) await this.psp('POST', `/control/payments/${waiting.id}/${wish}`)
      return true
    } catch {
      return false // the provider is away just now
    }
  }

  /** A call to the provider as its customer or operator. @throws Error when it can't be reached or refuses */
  async psp(method: string, path: string, body?: object): Promise<unknown> {
    const { PSP_URL, PSP_API_KEY } = this.system.serviceEnv['core-service'] ?? {}
    const response = await fetch(`${PSP_URL}${path}`, {
      method,
      headers: { authorization: `Bearer ${PSP_API_KEY}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(3_000),
    })
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`)
    return response.json()
  }

  /** Makes the sandbox's partner misbehave towards some webhooks, or not. */
  async receiver(behaviour: object | undefined): Promise<void> {
    const url = `${this.system.sandbox.partner.url}/api/behaviour`
    const body = behaviour === undefined ? {} : { body: JSON.stringify(behaviour) }
    await fetch(url, { method: behaviour === undefined ? 'DELETE' : 'PUT', ...body, signal: AbortSignal.timeout(3_000) })
  }

  /** Gives a partner an endpoint at the sandbox's receiver, which verifies with its secret. */
  private async register(partner: string): Promise<void> {
    const receiver = this.system.sandbox.partner.url
    const created = await fetch(`${this.system.gateway}/v1/partner/webhooks`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await this.partnerToken(partner)}`,
        'content-type': 'application/json',
        'idempotency-key': newId('request'),
      },
      body: JSON.stringify({ url: `${receiver}/${partner}`, events: ['*'] }),
      signal: AbortSignal.timeout(SET_UP_MS),
    })
    if (created.status !== 201) throw new Error(`registering a webhook endpoint answered ${created.status}: ${await created.text()}`)
    const { secret } = (await created.json()) as { secret: string }
    await fetch(`${receiver}/api/secrets`, { method: 'POST', body: JSON.stringify({ secret }), signal: AbortSignal.timeout(SET_UP_MS) })
  }

  private async token(sub: string, scope: string): Promise<string> {
    const known = this.tokens.get(sub)
    if (known !== undefined && Date.now() - known.madeAt < REFRESH_MS) return known.token
    const token = await this.mint.token({ sub, scope, plan: 'scale', expiresInS: TOKEN_S })
    this.tokens.set(sub, { token, madeAt: Date.now() })
    return token
  }
}
