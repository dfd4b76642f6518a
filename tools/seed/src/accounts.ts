import { argon2, createHash, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { PARTNER_SCOPES } from '@catamaran/contracts'
import pg from 'pg'
import { uuidOf } from './random.js'

/** Public demo values: they open nothing but a system on one's own machine. */
export const DEMO_BUYER = { email: 'buyer@catamaran.local', password: 'catamaran-demo-buyer' } as const
export const DEMO_PARTNER = { clientId: 'demo-partner', clientSecret: 'catamaran-demo-partner-secret' } as const

// The formats of auth-service: a PHC string for the password, a plain SHA-256 for the client's secret.
const COST = { memory: 19_456, passes: 2, parallelism: 1 }
const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')

/** As auth-service keeps a password. */
export async function passwordHash(password: string): Promise<string> {
  const nonce = randomBytes(16)
  const tag = await promisify(argon2)('argon2id', { message: password, nonce, tagLength: 32, ...COST })
  return `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$${base64(nonce)}$${base64(tag)}`
}

/** Makes the demo buyer (email confirmed) and the demo partner's OIDC client in auth-service's database; what exists stays as it is. */
export async function seedAccounts(authUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: authUrl, application_name: 'catamaran-seed' })
  await client.connect()
  try {
    const { rows } = await client.query<{ buyer: boolean; partner: boolean }>(
      'select exists (select from user_account where email = $1) as buyer, exists (select from oidc_client where id = $2) as partner',
      [DEMO_BUYER.email, DEMO_PARTNER.clientId],
    )
    if (!rows[0]?.buyer) {
      await client.query('insert into user_account (id, email, password_hash) values ($1, $2, $3) on conflict do nothing', [
        uuidOf('demo buyer', new Date(Date.UTC(2024, 9, 1))),
        DEMO_BUYER.email,
        await passwordHash(DEMO_BUYER.password),
      ])
    }
    if (!rows[0]?.partner) {
      const secretHash = `sha256$${createHash('sha256').update(DEMO_PARTNER.clientSecret).digest('base64url')}`
      await client.query(
        `insert into oidc_client (id, name, application_type, auth_method, secret_hash, grant_types, scopes)
         values ($1, 'Demo partner', 'web', 'client_secret', $2, '{client_credentials}', $3) on conflict do nothing`,
        [DEMO_PARTNER.clientId, secretHash, PARTNER_SCOPES],
      )
    }
  } finally {
    await client.end()
  }
}
