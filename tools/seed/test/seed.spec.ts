import assert from 'node:assert/strict'
import { argon2Sync, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { PARTNER_SCOPES, parseApiKey, uuidOf } from '@catamaran/contracts'
import { migrate, unseal } from '@catamaran/data'
import pg from 'pg'
import { catalogue, seed } from '../src/index.js'
import { seedWebhook } from '../src/webhook.js'

const engines = process.env['TEST_ENGINES']
if (engines === undefined) throw new Error('These tests need PostgreSQL. Run them with `npm test tools/seed`.')
const adminUrl = (JSON.parse(engines) as { databaseUrl: string }).databaseUrl
const run = randomBytes(4).toString('hex')
const urlOf = (service: string) => Object.assign(new URL(adminUrl), { pathname: `/seed_${run}_${service}` }).href
const [authUrl, coreUrl, dataKey] = [urlOf('auth'), urlOf('core'), randomBytes(32).toString('base64url')]

async function query<Row extends object>(url: string, text: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(text, values)).rows
  } finally {
    await client.end()
  }
}

before(async () => {
  for (const service of ['auth', 'core', 'aux']) {
    await query(adminUrl, `create database seed_${run}_${service}`)
    await migrate(urlOf(service), fileURLToPath(new URL(`../../../../apps/${service}-service/migrations`, import.meta.url)))
  }
})
after(async () => {
  for (const service of ['auth', 'core', 'aux']) await query(adminUrl, `drop database if exists seed_${run}_${service} with (force)`)
})

const count = async (table: string) => (await query<{ n: number }>(coreUrl, `select count(*)::int as n from ${table}`))[0]?.n
const counts = async () => Promise.all(['seller', 'product', 'stock'].map(count))
// Which transaction wrote each row: the same afterwards means that nothing was written.
const writers = async () => [
  await query(coreUrl, 'select p.id, p.xmin::text, s.xmin::text as stock from product p join stock s on s.product_id = p.id order by p.id'),
  await query(coreUrl, 'select id, xmin::text from seller order by id'),
  await query(
    authUrl,
    `select id::text, xmin::text from user_account union all select id, xmin::text from oidc_client union all select id::text, xmin::text from partner
      union all select id::text, xmin::text from api_key union all select user_id::text, xmin::text from partner_member order by 1, 2`,
  ),
]

test('two seeds at once fill an empty system once, with what the catalogue says', async () => {
  const [seeded] = await Promise.all([seed({ authUrl, coreUrl, dataKey }), seed({ authUrl, coreUrl, dataKey })])
  assert.equal(seeded.products, 1_000)
  assert.deepEqual(await counts(), [41, 1_000, 1_000])
  const found = await query(
    coreUrl,
    `select p.id, p.seller_id as "sellerId", p.name, p.description, p.category, p.price_minor::int as "priceMinor", p.currency, s.available as stock,
       p.created_at as "createdAt" from product p join stock s on s.product_id = p.id order by p.id`,
  )
  assert.deepEqual(
    found,
    catalogue().products.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  )
})

test('a second seed writes nothing', async () => {
  const before = await writers()
  assert.equal((await seed({ authUrl, coreUrl, dataKey })).products, 1_000)
  assert.deepEqual(await writers(), before)
})

test('what is missing comes back, and what was sold stays sold', async () => {
  const [gone, sold] = catalogue().products.filter(({ stock }) => stock > 0)
  assert.ok(gone && sold)
  await query(coreUrl, 'delete from stock where product_id = $1', [gone.id])
  await query(coreUrl, 'delete from product where id = $1', [gone.id])
  await query(coreUrl, 'update stock set available = available - 1, sold = 1 where product_id = $1', [sold.id])
  await seed({ authUrl, coreUrl, dataKey })
  assert.deepEqual(await counts(), [41, 1_000, 1_000])
  assert.deepEqual(await query(coreUrl, 'select available, sold from stock where product_id = $1', [sold.id]), [
    { available: sold.stock - 1, sold: 1 },
  ])
})

test('the demo buyer has a confirmed email and a hash that the password fits', async () => {
  const { demoBuyer } = await seed({ authUrl, coreUrl, dataKey })
  const [user] = await query<{ password_hash: string }>(
    authUrl,
    'select password_hash from user_account where email = $1 and email_verified_at is not null',
    [demoBuyer.email],
  )
  const [, , , , salt = '', hash = ''] = user?.password_hash.split('$') ?? []
  assert.match(user?.password_hash ?? '', /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  const nonce = Buffer.from(salt, 'base64')
  const tag = argon2Sync('argon2id', { message: demoBuyer.password, nonce, tagLength: 32, memory: 19_456, passes: 2, parallelism: 1 })
  assert.equal(tag.toString('base64').replace(/=+$/, ''), hash)
})

test('the demo operator has the role and a secret that opens with the data key', async () => {
  const { demoOperator } = await seed({ authUrl, coreUrl, dataKey })
  const [row] = await query<{ id: string; sealed_secret: Buffer }>(
    authUrl,
    'select id, sealed_secret from user_account join totp on user_id = id where email = $1 and is_operator and confirmed_at is not null',
    [demoOperator.email],
  )
  assert.ok(row)
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(dataKey, 'base64url'), row.sealed_secret.subarray(0, 12))
    .setAAD(Buffer.from(row.id))
    .setAuthTag(row.sealed_secret.subarray(12, 28))
  const secret = Buffer.concat([decipher.update(row.sealed_secret.subarray(28)), decipher.final()])
  assert.equal(secret.length, 20)
  assert.equal(demoOperator.totpSecret.length, 32)
})

test('the demo partner is active on the plan growth, and has an owner, sellers, an API key and a client', async () => {
  const { demoPartner } = await seed({ authUrl, coreUrl, dataKey })
  const [partner] = await query<{ id: string }>(
    authUrl,
    `select partner.id, status, plan, email, role from partner join partner_member on partner_id = partner.id
      join user_account on user_account.id = user_id`,
  )
  const id = partner?.id ?? ''
  assert.deepEqual(partner, { id, status: 'active', plan: 'growth', email: demoPartner.owner.email, role: 'owner' })
  const key = parseApiKey(demoPartner.apiKey)
  assert.ok(key)
  const scopes = [...PARTNER_SCOPES]
  assert.deepEqual(await query(authUrl, 'select id, partner_id, mode, scopes, secret_hash from api_key'), [
    { id: uuidOf(key.id), partner_id: id, mode: 'test', scopes, secret_hash: createHash('sha256').update(key.secret).digest() },
  ])
  assert.deepEqual(
    await query(authUrl, 'select auth_method, grant_types, scopes, secret_hash, partner_id from oidc_client where id = $1', [
      demoPartner.clientId,
    ]),
    [
      {
        auth_method: 'client_secret',
        grant_types: ['client_credentials'],
        scopes,
        secret_hash: `sha256$${createHash('sha256').update(demoPartner.clientSecret).digest('base64url')}`,
        partner_id: id,
      },
    ],
  )
  const owned = await query(coreUrl, 'select slug from seller where partner_id = $1', [id])
  assert.equal(owned.length, 3)
})

test('a client and sellers of an older seed are given to the demo partner', async () => {
  await query(authUrl, 'delete from partner')
  await query(
    authUrl,
    `insert into oidc_client (id, name, application_type, auth_method, secret_hash, grant_types, scopes)
    values ('demo-partner', 'Demo partner', 'web', 'client_secret', 'sha256$' || repeat('x', 43), '{client_credentials}', '{orders}')`,
  )
  await query(coreUrl, 'update seller set partner_id = null')
  await seed({ authUrl, coreUrl, dataKey })
  const [client] = await query<{ partner_id: string }>(authUrl, "select partner_id from oidc_client where id = 'demo-partner'")
  assert.ok(client?.partner_id)
  assert.equal((await query(coreUrl, 'select from seller where partner_id = $1', [client.partner_id])).length, 2)
})

test("the demo partner's webhooks lead to its receiver, signed with the secret that it was told, also when it has moved", async () => {
  const auxUrl = urlOf('aux')
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  const endpoints = () =>
    query<{ partnerId: string; url: string; id: string; sealed: Buffer; writer: string }>(
      auxUrl,
      'select e.id, partner_id as "partnerId", url, sealed, e.xmin::text as writer from webhook_endpoint e join webhook_secret s on s.endpoint_id = e.id',
    )
  await seedWebhook({ auxUrl, dataKey, secret, url: 'http://127.0.0.1:1/webhooks' })
  const [made, ...others] = await endpoints()
  assert.ok(made)
  assert.deepEqual(others, [])
  assert.equal(unseal([Buffer.from(dataKey, 'base64url')], made.sealed, made.id).toString('base64'), secret.slice('whsec_'.length))
  await seedWebhook({ auxUrl, dataKey, secret, url: 'http://127.0.0.1:1/webhooks' })
  assert.deepEqual(await endpoints(), [made])
  await seedWebhook({ auxUrl, dataKey, secret, url: 'http://127.0.0.1:2/webhooks' })
  assert.deepEqual(
    (await endpoints()).map(({ url, sealed }) => [url, sealed]),
    [['http://127.0.0.1:2/webhooks', made.sealed]],
  )
})
