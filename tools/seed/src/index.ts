import pg from 'pg'
import { DEMO_BUYER, DEMO_OPERATOR, DEMO_PARTNER, seedAccounts } from './accounts.js'
import { catalogue } from './catalogue.js'
import { DEMO_API_KEY, DEMO_OWNER, DEMO_PARTNER_UUID, seedPartner } from './partner.js'
import { seedWebhook, type DemoWebhook } from './webhook.js'

export { catalogue, type Catalogue, type Product, type Seller } from './catalogue.js'

export interface SeedOptions {
  /** PostgreSQL URL of auth-service's database, migrated. */
  authUrl: string
  /** PostgreSQL URL of core-service's database, migrated. */
  coreUrl: string
  /** The first of auth-service's DATA_KEYS, which the operator's secret is sealed with. */
  dataKey: string
  /** Where the demo partner hears of its orders; without it, nowhere. */
  webhook?: DemoWebhook | undefined
}

export interface Seeded {
  /** Products of the demo catalogue that are for sale now: all of them. */
  products: number
  demoBuyer: { email: string; password: string }
  demoOperator: { email: string; password: string; totpSecret: string }
  demoPartner: { clientId: string; clientSecret: string; apiKey: string; owner: { email: string; password: string } }
}

/**
 * Fills a migrated system with the demo catalogue and the demo accounts. Safe to run again: what exists stays as it is, also when it was sold or
 * changed meanwhile, and when nothing is missing nothing is written. Example: `const { demoBuyer } = await seed({ authUrl, coreUrl, dataKey })`.
 * @throws pg's DatabaseError, for example when a table is missing
 */
export async function seed({ authUrl, coreUrl, dataKey, webhook }: SeedOptions): Promise<Seeded> {
  const accounts = seedAccounts(authUrl, dataKey).then(() => seedPartner(authUrl))
  const webhooks = webhook === undefined ? undefined : seedWebhook(webhook)
  const [products] = await Promise.all([seedCatalogue(coreUrl), accounts, webhooks])
  const { buyer, operator, partner } = demoAccounts()
  return { products, demoBuyer: buyer, demoOperator: operator, demoPartner: partner }
}

/** The accounts that every seeded system has: the same everywhere, so they are no secret of any. */
export const demoAccounts = () => ({
  buyer: { ...DEMO_BUYER },
  operator: { ...DEMO_OPERATOR },
  partner: { ...DEMO_PARTNER, apiKey: DEMO_API_KEY, owner: { ...DEMO_OWNER } },
})

const SELLERS = `insert into seller (id, name, slug)
  select * from unnest($1::uuid[], $2::text[], $3::text[]) on conflict do nothing`
const PRODUCTS = `insert into product (id, seller_id, name, description, category, price_minor, currency, created_at, updated_at)
  select id, seller_id, name, description, category, price_minor, 'EUR', created_at, created_at
  from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[])
    as p (id, seller_id, name, description, category, price_minor, created_at)
  on conflict do nothing`
const STOCK = `insert into stock (product_id, available, initial)
  select product_id, available, available from unnest($1::uuid[], $2::int[]) as s (product_id, available) on conflict do nothing`

/** How many of the sellers are the demo partner's: the first ones. */
const OF_DEMO_PARTNER = 2
const OWNED = 'update seller set partner_id = $1 where id = any($2::uuid[]) and partner_id is null'
/** What core-service would hear of the demo partner, whose own seller has its id. */
const PARTNER = `with own as (insert into seller (id, partner_id, name, slug) values ($1, $1, 'Demo partner', 'demo-partner') on conflict do nothing)
  insert into partner (id, status, version) values ($1, 'active', 1) on conflict do nothing`

async function seedCatalogue(coreUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: coreUrl, application_name: 'catamaran-seed' })
  const connected = client.connect()
  const { sellers, products } = catalogue() // made while the connection is
  await connected
  try {
    const ids = products.map(({ id }) => id)
    const { rows } = await client.query<{ found: number }>(
      'select count(*)::int as found from product join stock on product_id = id where id = any($1::uuid[])',
      [ids],
    )
    const owned = [DEMO_PARTNER_UUID, sellers.slice(0, OF_DEMO_PARTNER).map(({ id }) => id)]
    if (rows[0]?.found === products.length) {
      await client.query(OWNED, owned)
      await client.query(PARTNER, [DEMO_PARTNER_UUID])
      return products.length
    }
    await client.query('begin')
    await client.query(SELLERS, [sellers.map(({ id }) => id), sellers.map(({ name }) => name), sellers.map(({ slug }) => slug)])
    await client.query(PRODUCTS, [
      ids,
      products.map(({ sellerId }) => sellerId),
      products.map(({ name }) => name),
      products.map(({ description }) => description),
      products.map(({ category }) => category),
      products.map(({ priceMinor }) => priceMinor),
      products.map(({ createdAt }) => createdAt),
    ])
    await client.query(STOCK, [ids, products.map(({ stock }) => stock)])
    await client.query(OWNED, owned)
    await client.query(PARTNER, [DEMO_PARTNER_UUID])
    await client.query('commit')
    return products.length
  } finally {
    await client.end()
  }
}
