import { createHash } from 'node:crypto'
import { apiKeyText, idOf, PARTNER_SCOPES } from '@catamaran/contracts'
import pg from 'pg'
import { DEMO_PARTNER, passwordHash } from './accounts.js'
import { Random, uuidOf } from './random.js'

/** When the demo's partner came, for its ids. */
export const OPENED = new Date(Date.UTC(2024, 9, 1))
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** The same at every call, so that the demo's key is known: it opens nothing but a system on one's own machine. */
const demoSecret = (): string => {
  const random = new Random('demo api key')
  return Array.from({ length: 43 }, () => DIGITS.charAt(random.between(0, 61))).join('')
}

/** The uuid of the demo partner, which core-service's sellers name. */
export const DEMO_PARTNER_UUID = uuidOf('demo partner', OPENED)

/** Who owns the demo partner. */
export const DEMO_OWNER = { email: 'partner@catamaran.local', password: 'catamaran-demo-partner' } as const

const keyUuid = uuidOf('demo api key', OPENED)
const secret = demoSecret()
/** The demo partner's API key. */
export const DEMO_API_KEY = apiKeyText({ mode: 'test', id: idOf('apiKey', keyUuid), secret })

const OWNER = 'insert into user_account (id, email, password_hash) values ($1, $2, $3) on conflict do nothing'
const PARTNER = `insert into partner (id, name, status, plan, decided_at) values ($1, 'Demo partner', 'active', 'growth', now()) on conflict do nothing`
const MEMBER = `insert into partner_member (partner_id, user_id, role) select $1, id, 'owner' from user_account where email = $2 on conflict do nothing`
const KEY = `insert into api_key (id, partner_id, name, mode, secret_hash, scopes)
  values ($1, $2, 'Demo key', 'test', $3, $4) on conflict do nothing`
const CLIENT = 'update oidc_client set partner_id = $1, scopes = $2 where id = $3 and partner_id is null'

/**
 * Makes the demo partner with its owner and API key in auth-service's database, and gives it the demo client, which stands there already;
 * what exists stays as it is.
 */
export async function seedPartner(authUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: authUrl, application_name: 'catamaran-seed' })
  await client.connect()
  try {
    const { rows } = await client.query<{ isWhole: boolean }>(
      `select exists (select from api_key where id = $1) and exists (select from oidc_client where id = $2 and partner_id is not null) as "isWhole"`,
      [keyUuid, DEMO_PARTNER.clientId],
    )
    if (rows[0]?.isWhole) return
    await client.query(OWNER, [uuidOf('demo partner owner', OPENED), DEMO_OWNER.email, await passwordHash(DEMO_OWNER.password)])
    await client.query(PARTNER, [DEMO_PARTNER_UUID])
    await client.query(MEMBER, [DEMO_PARTNER_UUID, DEMO_OWNER.email])
    await client.query(KEY, [keyUuid, DEMO_PARTNER_UUID, createHash('sha256').update(secret).digest(), PARTNER_SCOPES])
    await client.query(CLIENT, [DEMO_PARTNER_UUID, PARTNER_SCOPES, DEMO_PARTNER.clientId])
  } finally {
    await client.end()
  }
}
