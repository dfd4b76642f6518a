import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { idOf, newId, uuidOf, type OrderId, type PartnerId, type PartnerRole, type UserId } from '@catamaran/contracts'
import type { RunningSystem } from '@catamaran/stack'
import { until } from '@catamaran/testing'
import { decodeJwt } from 'jose'
import pg from 'pg'
import { journey, signIn, type Journey } from './journey.js'

/** A kind of thing that belongs to a buyer or to a partner. */
export type Owned =
  | 'order'
  | 'product'
  | 'import'
  | 'webhookEndpoint'
  | 'webhookDelivery'
  | 'fulfilment'
  | 'return'
  | 'session'
  | 'passkey'
  | 'export'
  | 'apiKey'
  | 'client'
  | 'invitation'
  | 'member'

/** Somebody with something to lose, somebody else, and what is whose. */
export interface World {
  readonly victim: Journey & { readonly sub: string; readonly sid: string }
  /** Another buyer, and the owner of another partner. */
  readonly stranger: string
  /** A partner whose owner is the victim; a member of each role. */
  readonly partner: { readonly id: string; readonly members: Readonly<Record<PartnerRole, string>> }
  readonly otherPartner: string
  /** People who have nothing, and are each the owner of a partner of their own. */
  readonly bystanders: readonly string[]
  /** An access token of the victim whose session was ended. */
  readonly revokedToken: string
  readonly product: string
  /** The victim's or the partner's thing of each kind. */
  readonly owned: Readonly<Record<Owned, string>>
}

/** An id of each kind that nobody has. */
export const absentId: Readonly<Record<Owned, () => string>> = {
  order: () => newId('order'),
  product: () => newId('product'),
  import: () => newId('import'),
  fulfilment: () => newId('fulfilment'),
  webhookEndpoint: () => newId('webhookEndpoint'),
  webhookDelivery: () => newId('webhookDelivery'),
  return: () => newId('return'),
  session: () => randomBytes(16).toString('base64url'),
  passkey: () => newId('passkey'),
  export: () => newId('export'),
  apiKey: () => newId('apiKey'),
  client: () => newId('client'),
  invitation: () => newId('invitation'),
  member: () => newId('user'),
}

const uuid = (): string => uuidOf(newId('user'))

type Run = <R extends pg.QueryResultRow>(text: string, ...values: unknown[]) => Promise<R[]>

const inDatabase = async <T>(connectionString: string, work: (run: Run) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    return await work(async (text, ...values) => (await client.query(text, values)).rows)
  } finally {
    await client.end()
  }
}

const PEOPLE = 'insert into user_account (id, email, password_hash) select id, id || $2, $3 from unnest($1::uuid[]) as id'
const PASSKEY = `insert into passkey (id, user_id, credential_id, public_key, sign_count, is_backup_eligible, is_backed_up, aaguid, name)
  values ($1, $2, $3, $3, 0, false, false, gen_random_uuid(), 'A key')`
const EXPORT = `insert into person_export (id, user_id, content, ready_at, expires_at) values ($1, $2, $3, now(), now() + interval '1 day')`
const PARTNERS = `insert into partner (id, name, status, plan, decided_at) select id, 'A partner', 'active', 'scale', now() from unnest($1::uuid[]) as id`
const MEMBERS = `insert into partner_member (partner_id, user_id, role) select * from unnest($1::uuid[], $2::uuid[], $3::text[])`
const ACTION = `insert into mail_action (id, kind, expires_at) values ($1, 'invitation', now() + interval '1 day')`
const INVITATION = `insert into partner_invitation (id, partner_id, email, role) values ($1, $2, 'invited@catamaran.local', 'viewer')`
const KEY = `insert into api_key (id, partner_id, name, mode, secret_hash, scopes) values ($1, $2, 'A key', 'test', $3, '{orders}')`
const CLIENT = `insert into oidc_client (id, partner_id, name, application_type, auth_method, secret_hash, grant_types, scopes)
  values ($1, $2, 'A client', 'web', 'client_secret', 'sha256$' || repeat('A', 43), '{client_credentials}', '{orders}')`

/** What belongs to the victim and the partner, written as auth-service keeps it: how each comes to be has its own tests. */
const writeThings = async (run: Run, victim: string, stranger: string): Promise<Pick<World, 'partner' | 'otherPartner' | 'owned'>> => {
  const [developer, viewer, partner, other] = [uuid(), uuid(), uuid(), uuid()]
  const [passkey, dump, invitation, apiKey, client] = [uuid(), uuid(), uuid(), uuid(), newId('client')]
  await run(PEOPLE, [developer, viewer], '@catamaran.local', 'nobody signs in with it')
  await run(PASSKEY, passkey, victim, randomBytes(16))
  await run(EXPORT, dump, victim, gzipSync('{}'))
  await run(PARTNERS, [partner, other])
  await run(MEMBERS, [partner, partner, partner, other], [victim, developer, viewer, stranger], ['owner', 'developer', 'viewer', 'owner'])
  await run(ACTION, invitation)
  await run(INVITATION, invitation, partner)
  await run(KEY, apiKey, partner, randomBytes(32))
  await run(CLIENT, client, partner)
  const members = { owner: idOf('user', victim), developer: idOf('user', developer), viewer: idOf('user', viewer) }
  return {
    partner: { id: idOf('partner', partner), members },
    otherPartner: idOf('partner', other),
    owned: {
      ...{ order: '', session: '', fulfilment: '', return: '', product: '', import: '', webhookEndpoint: '', webhookDelivery: '' },
      ...{ passkey: idOf('passkey', passkey), export: idOf('export', dump), invitation: idOf('invitation', invitation) },
      ...{ apiKey: idOf('apiKey', apiKey), client, member: members.developer },
    },
  }
}

const SELLER = "insert into seller (id, name, slug, partner_id) values ($1, 'A seller', gen_random_uuid()::text, $2)"
const LINE = `insert into order_line (order_id, line_no, product_id, seller_id, product_name, quantity, unit_price_minor)
  values ($1, 99, gen_random_uuid(), $2, 'A thing', 1, 100)`
const FULFILMENT = 'insert into fulfilment (id, order_id, seller_id, items_minor, shipping_minor) values ($1, $2, $3, 100, 0)'
const RETURN = "insert into order_return (id, order_id, fulfilment_id, seller_id, lines, refund_minor) values ($1, $2, $3, $4, '[]', 100)"
const IS_PAID = "select from orders where id = $1 and status = 'confirmed'"

const PRODUCT = `with made as (insert into product (id, seller_id, name, description, category, price_minor, currency)
    values ($1, $2, 'A thing', '', 'kitchen', 100, 'EUR') returning id)
  insert into stock (product_id, available, initial) select id, 1, 1 from made`
const IMPORT = 'insert into product_import (partner_id, id) values ($1, $2)'

/** Gives the partner a part of the victim's order, and a return, once the order has come to rest. */
const writeParts = async (
  { engines }: RunningSystem,
  order: string,
  partner: string,
): Promise<Pick<World['owned'], 'fulfilment' | 'return' | 'product' | 'import'>> => {
  const [part, asked, product] = [uuid(), uuid(), uuid()]
  const seller = partner // a partner's own seller has its UUID
  const begun = newId('import')
  await inDatabase(engines.databases.core, async (run) => {
    await until(async () => (await run(IS_PAID, order)).length === 1, { deadlineMs: 15_000, message: "the victim's order is paid" })
    await run(SELLER, seller, partner)
    await run(LINE, order, seller)
    await run(FULFILMENT, part, order, seller)
    await run(RETURN, asked, order, part, seller)
    await run(PRODUCT, product, seller)
    await run(IMPORT, partner, begun)
  })
  return { product: idOf('product', product), import: begun, fulfilment: idOf('fulfilment', part), return: idOf('return', asked) }
}

const ENDPOINT =
  "insert into webhook_endpoint (id, partner_id, url, description, events) values ($1, $2, 'https://shop.example/', '', '{*}')"
const DELIVERY = `insert into webhook_delivery (id, endpoint_id, event_id, subject, type, body, status, finished_at)
  values ($1, $2, gen_random_uuid(), $2, 'webhook.test', '{}', 'delivered', now())`

/** Gives the partner a webhook endpoint, and something that was delivered to it. */
const writeWebhooks = async (
  { engines }: RunningSystem,
  partner: string,
): Promise<Pick<World['owned'], 'webhookEndpoint' | 'webhookDelivery'>> => {
  const [endpoint, delivery] = [uuid(), uuid()]
  await inDatabase(engines.databases.aux, async (run) => {
    await run(ENDPOINT, endpoint, partner)
    await run(DELIVERY, delivery, endpoint)
  })
  return { webhookEndpoint: idOf('webhookEndpoint', endpoint), webhookDelivery: idOf('webhookDelivery', delivery) }
}

const writeBystanders = async (run: Run, count: number): Promise<string[]> => {
  const people = Array.from({ length: count }, uuid)
  const partners = Array.from({ length: count }, uuid)
  await run(PEOPLE, people, '@catamaran.local', 'nobody signs in with it')
  await run(PARTNERS, partners)
  await run(MEMBERS, partners, people, Array(count).fill('owner'))
  return people.map((id) => idOf('user', id))
}

const textOf = (token: string, claim: string): string => String(decodeJwt(token)[claim])

/** Ends the session of a token through the API, as its owner would on a lost telephone. */
const endSession = async (gateway: string, token: string): Promise<void> => {
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(`${gateway}/v1/me/sessions/${textOf(token, 'sid')}`, { method: 'DELETE', headers })
  if (answer.status !== 204) throw new Error(`ending a session answered ${answer.status}: ${await answer.text()}`)
}

/** @param bystanders how many people there are besides, for calls that do something */
export const makeWorld = async (system: RunningSystem, bystanders: number): Promise<World> => {
  const victim = await journey(system, () => undefined)
  const sub = textOf(victim.accessToken, 'sub')
  const { tokens } = await signIn(system, victim.email, victim.password)
  await endSession(system.gateway, tokens.access_token)
  const { stranger, ...things } = await inDatabase(system.engines.databases.auth, async (run) => {
    const [demo] = await run<{ id: string }>('select id from user_account where email = $1', system.demo?.buyer.email)
    if (demo === undefined) throw new Error('there is no demo buyer')
    const things = await writeThings(run, uuidOf(sub as UserId), demo.id)
    return { stranger: idOf('user', demo.id), ...things, bystanders: await writeBystanders(run, bystanders) }
  })
  const sid = textOf(victim.accessToken, 'sid')
  const parts = await writeParts(system, uuidOf(victim.order.id as OrderId), uuidOf(things.partner.id as PartnerId))
  const webhooks = await writeWebhooks(system, uuidOf(things.partner.id as PartnerId))
  const products = await fetch(`${system.gateway}/v1/products?limit=1`)
  const { items } = (await products.json()) as { items: { id: string }[] }
  return {
    ...things,
    victim: { ...victim, sub, sid },
    ...{ stranger, revokedToken: tokens.access_token, product: items[0]?.id ?? '' },
    owned: { ...things.owned, ...parts, ...webhooks, order: victim.order.id, session: sid },
  }
}
