import { argon2, createCipheriv, createHash, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { PARTNER_SCOPES, USER_SCOPES } from '@catamaran/contracts'
import pg from 'pg'
import { uuidOf } from './random.js'

/** Public demo values: they open nothing but a system on one's own machine. */
export const DEMO_BUYER = { email: 'buyer@catamaran.local', password: 'a quiet harbour at dawn' } as const
export const DEMO_OPERATOR = {
  email: 'operator@catamaran.local',
  password: 'a steady hand on the tiller',
  /** Base32, for an authenticator app. */
  totpSecret: 'CATAMARANDEMOOPERATORSECRET23456',
} as const
export const DEMO_PARTNER = { clientId: 'demo-partner', clientSecret: 'catamaran-demo-partner-secret' } as const

// The formats of auth-service: a PHC string for the password, a plain SHA-256 for the client's secret, AES-256-GCM for the operator's.
const COST = { memory: 19_456, passes: 2, parallelism: 1 }
const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')

/** As auth-service keeps a password. */
export async function passwordHash(password: string): Promise<string> {
  const nonce = randomBytes(16)
  const tag = await promisify(argon2)('argon2id', { message: password, nonce, tagLength: 32, ...COST })
  return `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$${base64(nonce)}$${base64(tag)}`
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

function fromBase32(text: string): Buffer {
  const bits = Array.from(text, (character) => BASE32.indexOf(character).toString(2).padStart(5, '0')).join('')
  return Buffer.from(bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? [])
}

/** Nonce, tag, ciphertext; the owner's id is authenticated. */
export function sealed(key: string, secret: Buffer, owner: string): Buffer {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(key, 'base64url'), iv).setAAD(Buffer.from(owner))
  const text = Buffer.concat([cipher.update(secret), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), text])
}

/** A native client with all that a person can let a client have, for demos, tests and benches. */
const DEMO_CLIENT = `insert into oidc_client (id, name, application_type, auth_method, grant_types, redirect_uris, post_logout_redirect_uris, scopes)
  values ('catamaran-demo', 'Catamaran demo', 'native', 'none', '{authorization_code,refresh_token}',
    '{http://127.0.0.1/callback}', '{http://127.0.0.1/signed-out}', $1) on conflict do nothing`

const EXISTING = `select exists (select from user_account where email = $1) as buyer, exists (select from oidc_client where id = $2) as partner,
  exists (select from user_account where email = $3) as operator`

/** Makes the demo's OIDC clients, the demo buyer and the demo operator (emails confirmed) in auth-service's database; what exists stays as it is. */
export async function seedAccounts(authUrl: string, dataKey: string): Promise<void> {
  const client = new pg.Client({ connectionString: authUrl, application_name: 'catamaran-seed' })
  await client.connect()
  try {
    const names = [DEMO_BUYER.email, DEMO_PARTNER.clientId, DEMO_OPERATOR.email]
    const { rows } = await client.query<{ buyer: boolean; partner: boolean; operator: boolean }>(EXISTING, names)
    await client.query(DEMO_CLIENT, [USER_SCOPES])
    if (!rows[0]?.buyer) {
      await client.query('insert into user_account (id, email, password_hash) values ($1, $2, $3) on conflict do nothing', [
        uuidOf('demo buyer', new Date(Date.UTC(2024, 9, 1))),
        DEMO_BUYER.email,
        await passwordHash(DEMO_BUYER.password),
      ])
    }
    if (!rows[0]?.operator) await seedOperator(client, dataKey)
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

/** Operators need a second factor, so this one has an app's secret from the start. */
async function seedOperator(client: pg.Client, dataKey: string): Promise<void> {
  const id = uuidOf('demo operator', new Date(Date.UTC(2024, 9, 1)))
  await client.query(
    `with operator as (
      insert into user_account (id, email, password_hash, is_operator) values ($1, $2, $3, true) on conflict do nothing returning id)
     insert into totp (user_id, sealed_secret, confirmed_at) select id, $4, now() from operator on conflict do nothing`,
    [id, DEMO_OPERATOR.email, await passwordHash(DEMO_OPERATOR.password), sealed(dataKey, fromBase32(DEMO_OPERATOR.totpSecret), id)],
  )
}
