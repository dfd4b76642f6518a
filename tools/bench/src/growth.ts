import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { idOf, uuidOf, type PartnerId, type UserId } from '@catamaran/contracts'
import { ServiceTokens } from '@catamaran/platform'
import type { RunningSystem } from '@catamaran/stack'
import { spawnService } from '@catamaran/testing'
import type pg from 'pg'
import { buyerToken } from './buyer.js'
import { withClient } from './catalogue.js'
import { makeCoreDatabase } from './core-database.js'
import { cpuOf } from './cpu.js'
import { FILL } from './growth.sql.js'
import { count, progress, say, table, us, type Row } from './report.js'

const SIZES = { small: 1_000, large: 1_000_000 } as const
const REQUESTS = 300
const WARM_UP = 100
const AT_ONCE = 4
/** A server process that has nothing more to do tells what it has read last when it has been idle for ten seconds (PGSTAT_IDLE_INTERVAL). */
const TOLD_AFTER_MS = 11_500
const GOAL = 1.2
const SEARCH_GOAL = 3
const CORE = fileURLToPath(new URL('../../../../apps/core-service/dist/src/main.js', import.meta.url))
/** Nothing happens by itself while one path is looked at; the provider is away. */
const STILL = {
  HOLD_SWEEP_MS: '3600000',
  ORDER_MAX_UNPAID: '1000000',
  PAYMENT_POLL_MS: '3600000',
  ERASURE_SWEEP_MS: '3600000',
  PSP_URL: 'http://127.0.0.1:1',
  PAYMENT_RETRY_MS: '3600000',
}
const ADDRESS = { name: 'Bench Buyer', line1: 'Havenkade 12', city: 'Rotterdam', postalCode: '3011 AA', country: 'NL' }

interface Ask {
  readonly method: string
  readonly path: string
  readonly token?: string
  readonly body?: object
}
interface Figures {
  /** Pages of 8 KiB that PostgreSQL looked into for a request. */
  readonly buffers: number
  /** Of core-service, for a request, in µs. */
  readonly cpuUs: number
  readonly sequentialScans: string[]
}
interface Tokens {
  readonly buyer: string
  readonly partner: string
}

const subjectOf = (token: string): string =>
  (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub: string }).sub

async function partnerToken({ issuer, demo }: RunningSystem): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${demo?.partner.clientId}:${demo?.partner.clientSecret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'orders catalogue', resource: 'urn:catamaran:api' }),
    signal: AbortSignal.timeout(10_000),
  })
  const { access_token: token } = (await response.json()) as { access_token?: string }
  if (token === undefined) throw new Error(`The demo partner's token was refused with ${response.status}.`)
  return token
}

/** The paths that buyers and partners take, each for a number that stands for some object. */
const pathsOf = (size: number, { buyer, partner }: Tokens): Record<string, (n: number) => Ask> => {
  const any = (kind: 'product' | 'order', n: number) => idOf(kind, md5(`${kind}${1 + ((n * 7_919) % size)}`))
  const mine = (n: number) => idOf('order', md5(`order${((n % 40) + 1) * Math.floor(size / 50)}`))
  const words = ['oak lamp', 'brass kettle', 'linen', 'clay bowl', 'radio', 'steel chisel', 'wool tent']
  return {
    'read a product': (n) => ({ method: 'GET', path: `/v1/products/${any('product', n)}` }),
    'newest products of a category': (n) => ({ method: 'GET', path: `/v1/products?category=tea&limit=${10 + (n % 20)}` }),
    'ranked search': (n) => ({
      method: 'GET',
      path: `/v1/products?q=${encodeURIComponent(words[n % words.length] ?? '')}&limit=${10 + (n % 20)}`,
    }),
    'place an order': (n) => ({
      ...{ method: 'POST', path: '/v1/orders', token: buyer },
      body: { lines: [{ productId: any('product', n), quantity: 1 }], deliveryAddress: ADDRESS, paymentMethod: 'card_ok' },
    }),
    'read an order': (n) => ({ method: 'GET', path: `/v1/orders/${mine(n)}`, token: buyer }),
    'list my orders': () => ({ method: 'GET', path: '/v1/orders?limit=10', token: buyer }),
    'list what there is to ship': () => ({ method: 'GET', path: '/v1/partner/fulfilments?status=open&limit=10', token: partner }),
    // As many as the partner has at the smaller size.
    "a partner's products": () => ({ method: 'GET', path: '/v1/partner/products?limit=5', token: partner }),
  }
}

/** The UUID that PostgreSQL makes of a text by `md5(text)::uuid`. */
const md5 = (text: string): string => {
  const hex = createHash('md5').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** A database of a size, with one partner's and one buyer's share in it. */
async function fill(system: RunningSystem, name: string, size: number, tokens: Tokens): Promise<string> {
  const url = await makeCoreDatabase(system, name)
  await withClient(url, async (client) => {
    await client.query('set synchronous_commit = off')
    for (const { of, text, sized } of FILL) {
      progress(`growth: ${count(size)}: ${of}`)
      const buyer = uuidOf(subjectOf(tokens.buyer) as UserId)
      await client.query(text, sized ? (text.includes('$2') ? [size, buyer] : [size]) : [])
    }
    const partner = uuidOf(subjectOf(tokens.partner) as PartnerId)
    await client.query('update seller set partner_id = $1 where id = $2', [partner, md5('seller7')])
    await client.query("insert into partner (id, status, version) values ($1, 'active', 1) on conflict do nothing", [partner])
    await client.query('vacuum analyze')
  })
  return url
}

const READ = 'select (blks_hit + blks_read)::float8 as buffers from pg_stat_database where datname = current_database()'
/** Of tables that are larger: reading a few pages from end to end is the cheapest way through them. */
const FEW_ROWS = 500
const SCANS = `select relname as name, seq_scan::int as scans from pg_stat_user_tables
  where n_live_tup > ${FEW_ROWS} and relname not like 'outbox%' and relname not like '%version'`

const countersOf = async (client: pg.Client): Promise<{ buffers: number; scans: Map<string, number> }> => {
  await delay(TOLD_AFTER_MS)
  await client.query('select pg_stat_clear_snapshot()')
  const { rows } = await client.query<{ buffers: number }>(READ)
  const scans = await client.query<{ name: string; scans: number }>(SCANS)
  return { buffers: rows[0]?.buffers ?? 0, scans: new Map(scans.rows.map(({ name, scans: n }) => [name, n])) }
}

type Send = (ask: Ask) => Promise<void>

/** Calls a core-service as the gateway does. */
const senderTo = ({ serviceEnv, issuer }: RunningSystem, url: string): Send => {
  const env = serviceEnv['api-gateway'] ?? {}
  const [authUrl, keyFile] = [env['AUTH_URL'] ?? '', env['SERVICE_KEY_FILE'] ?? '']
  const services = new ServiceTokens({ service: 'api-gateway', issuer, authUrl, keyFile })
  return async ({ method, path, token, body }) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        'x-service-token': await services.current(),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json', 'idempotency-key': randomUUID() }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
  }
}

async function sendAll(send: Send, ask: (n: number) => Ask, from: number, to: number): Promise<void> {
  let next = from
  const caller = async (): Promise<void> => {
    while (next < to) await send(ask(next++))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, caller))
}

/** What each path costs a core-service of its own on a database. */
async function measure(system: RunningSystem, databaseUrl: string, size: number, tokens: Tokens): Promise<Map<string, Figures>> {
  const topics = { KAFKA_TOPIC_PREFIX: 'bench.', REDIS_KEY_PREFIX: `growth${size}.` }
  const own = { PORT: '0', ADMIN_PORT: '0', DATABASE_URL: databaseUrl, ...topics, ...STILL }
  const core = await spawnService(CORE, { ...system.serviceEnv['core-service'], ...own })
  const send = senderTo(system, core.url)
  const figures = new Map<string, Figures>()
  try {
    await withClient(databaseUrl, async (client) => {
      for (const [name, ask] of Object.entries(pathsOf(size, tokens))) {
        progress(`growth: ${count(size)}: ${name}`)
        await sendAll(send, ask, 0, WARM_UP)
        const [before, cpu] = [await countersOf(client), cpuOf(core.pid)]
        await sendAll(send, ask, WARM_UP, WARM_UP + REQUESTS)
        const cpuUs = (cpuOf(core.pid) - cpu) / REQUESTS
        const now = await countersOf(client)
        const isRead = ([table_, n]: [string, number]): boolean => n - (before.scans.get(table_) ?? 0) >= REQUESTS / 10
        const sequentialScans = [...now.scans].filter(isRead).map(([table_]) => table_)
        figures.set(name, { buffers: (now.buffers - before.buffers) / REQUESTS, cpuUs, sequentialScans })
      }
    })
  } finally {
    await core.kill('SIGTERM')
  }
  return figures
}

/** Measures what a thousand times as many products and orders do to a request: pages read, processor time, and whether any table is read as a whole. */
export async function benchGrowth(system: RunningSystem): Promise<void> {
  const tokens = { buyer: await buyerToken(system), partner: await partnerToken(system) }
  const small = await measure(system, await fill(system, 'bench_small', SIZES.small, tokens), SIZES.small, tokens)
  const largeUrl = await fill(system, 'bench_large', SIZES.large, tokens)
  const fresh = { buyer: await buyerToken(system), partner: await partnerToken(system) } // filling takes longer than a token lives
  const large = await measure(system, largeUrl, SIZES.large, fresh)
  const rows = [...large].map(([name, figures]): Row => {
    const before = small.get(name) as Figures
    const [goal, ratio] = [name === 'ranked search' ? SEARCH_GOAL : GOAL, figures.buffers / before.buffers]
    const scans = figures.sequentialScans.length === 0 ? '' : `, reads all of ${figures.sequentialScans.join(', ')}`
    return {
      label: name,
      ours: `${figures.buffers.toFixed(1)} pages, ${us(figures.cpuUs)}${scans}`,
      floor: `${before.buffers.toFixed(1)} pages, ${us(before.cpuUs)}`,
      ratio: `${ratio.toFixed(2)} ×, ${(figures.cpuUs / before.cpuUs).toFixed(2)} ×`,
      goal: `≤ ${goal} ×`,
      holds: ratio <= goal && figures.sequentialScans.length === 0,
    }
  })
  table(
    `A request to core-service with ${count(SIZES.large)} products and orders (floor: with ${count(SIZES.small)}): pages read in PostgreSQL, CPU of core-service`,
    rows,
  )
  say(
    `  "reads all of": a table of more than ${FEW_ROWS} rows that was read from end to end by at least every tenth request (pg_stat_user_tables)`,
  )
}
