import pg from 'pg'
import { sealed } from './accounts.js'
import { DEMO_PARTNER_UUID, OPENED } from './partner.js'
import { uuidOf } from './random.js'

export interface DemoWebhook {
  /** PostgreSQL URL of aux-service's database, migrated. */
  readonly auxUrl: string
  /** The first of aux-service's DATA_KEYS, which the secret is sealed with. */
  readonly dataKey: string
  /** Where the demo partner receives webhooks. */
  readonly url: string
  /** `whsec_…` */
  readonly secret: string
}

/** The uuid of the demo partner's webhook endpoint. */
const ENDPOINT = uuidOf('demo webhook endpoint', OPENED)

const FIND = 'select url from webhook_endpoint where id = $1'
const INSERT = `with endpoint as (
    insert into webhook_endpoint (id, partner_id, url, description, events) values ($1, $2, $3, 'The sandbox partner', '{*}')
    on conflict do nothing returning id)
  insert into webhook_secret (endpoint_id, id, sealed) select id, $4, $5 from endpoint`
const MOVE = 'update webhook_endpoint set url = $2 where id = $1'

/** Registers the sandbox partner's receiver for the demo partner. One that is there stays, but follows the receiver to another port. */
export async function seedWebhook({ auxUrl, dataKey, url, secret }: DemoWebhook): Promise<void> {
  const client = new pg.Client({ connectionString: auxUrl, application_name: 'catamaran-seed' })
  await client.connect()
  try {
    const { rows } = await client.query<{ url: string }>(FIND, [ENDPOINT])
    if (rows[0]?.url === url) return
    const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64')
    const values = [ENDPOINT, DEMO_PARTNER_UUID, url, uuidOf('demo webhook secret', OPENED), sealed(dataKey, bytes, ENDPOINT)]
    if (rows.length === 0) await client.query(INSERT, values)
    else await client.query(MOVE, [ENDPOINT, url])
  } finally {
    await client.end()
  }
}
