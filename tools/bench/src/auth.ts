import { fileURLToPath } from 'node:url'
import type { RunningSystem } from '@catamaran/stack'
import { spawnService } from '@catamaran/testing'
import pg from 'pg'
import { buyerToken, refresh, signIn } from './buyer.js'
import { atRest, cpuSince, readCpu } from './cpu.js'
import { listProducts } from './catalogue.js'
import type { LoadJob, LoadResult } from './http-load.js'
import { ms, percent, progress, say, table, us, type Row } from './report.js'
import { median, percentile } from './statistics.js'
import { verificationCost } from './verification.js'
import { Worker } from './worker.js'

const GATEWAY = fileURLToPath(new URL('../../../../apps/api-gateway/dist/src/main.js', import.meta.url))
const ROUND = { durationMs: 2_000 }
const WARM_UP = { durationMs: 4_000, maxCount: 4_000 }
const FEW = 20
/** Few enough for all of a run to stay below what one address and one account may do. */
const SIGN_INS = 5
const SIGN_INS_AT_ONCE = 20
const REFRESHES = 60
const GOAL = 1.5

/** Measures what identity costs: credentials at the gateway, a sign-in, and what sign-ins do to those who only refresh a token. */
export async function benchAuth(system: RunningSystem): Promise<void> {
  await benchVerification()
  await benchCredentials(system)
  await benchSignIns(system)
}

/** CPU of one request at the gateway and at auth-service. */
interface Cost {
  readonly gatewayUs: number
  readonly authUs: number
}

async function benchCredentials(system: RunningSystem): Promise<void> {
  const { 'api-gateway': gateway, 'auth-service': auth } = system.services
  if (gateway === undefined || auth === undefined) throw new Error('The system names no gateway or no auth-service.')
  const { apiKey } = (system.demo?.partner ?? {}) as { apiKey?: string }
  if (apiKey === undefined) throw new Error('The system has no demo partner with an API key.')
  await liftPlans(system.engines.databases.auth)
  const { ids } = await listProducts(system.engines.databases.core)
  const client = Worker.start<LoadJob, LoadResult>('http-load.js')
  progress('credentials: starting a gateway that remembers no key')
  const forgetful = await spawnService(GATEWAY, { ...system.serviceEnv['api-gateway'], PORT: '0', ADMIN_PORT: '0', KEY_REMEMBER_MS: '0' })
  const costOf = async (url: string, pid: number, job: Pick<LoadJob, 'atOnce'> & { bearer?: string }): Promise<Cost> => {
    const load = { url, productIds: ids.slice(0, FEW), ...job }
    await client.ask({ ...load, ...WARM_UP })
    const pids = { gateway: pid, auth: auth.pid }
    await atRest(pids)
    const before = readCpu(pids)
    const { count } = await client.ask({ ...load, ...ROUND })
    const { gateway: gatewayUs = 0, auth: authUs = 0 } = cpuSince(before, readCpu(pids))
    return { gatewayUs: gatewayUs / count, authUs: authUs / count }
  }
  try {
    progress('credentials: none, a token, a key')
    const none = await costOf(system.gateway, gateway.pid, { atOnce: 32 })
    const token = await costOf(system.gateway, gateway.pid, { atOnce: 32, bearer: await buyerToken(system) })
    const key = await costOf(system.gateway, gateway.pid, { atOnce: 32, bearer: apiKey })
    // One at a time: requests at once would share an exchange.
    const [alone, exchanged] = [
      await costOf(system.gateway, gateway.pid, { atOnce: 1, bearer: apiKey }),
      await costOf(forgetful.url, forgetful.pid, { atOnce: 1, bearer: apiKey }),
    ]
    const row = (label: string, { gatewayUs, authUs }: Cost): Row => ({ label, ours: us(gatewayUs), floor: us(authUs) })
    table('CPU of one read of a product with a credential: gateway, and (as floor) auth-service', [
      row('none, 32 at once', none),
      row('access token, remembered', token),
      row('API key, remembered', key),
      row('API key, remembered, one at a time', alone),
      row('API key, exchanged each time', exchanged),
    ])
  } finally {
    await Promise.all([client.stop(), forgetful.kill('SIGTERM')])
  }
}

/** A bench must be told apart from an attack, a partner's too. */
async function liftPlans(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query('update plan set requests_per_second = 1000000, burst = 1000000, requests_per_day = 1000000000')
  } finally {
    await client.end()
  }
}

async function benchVerification(): Promise<void> {
  progress('verifying tokens')
  const { firstUs, rememberedUs } = await verificationCost()
  table('CPU of verifying an access token (Ed25519), in one process', [
    { label: 'the first time', ours: us(firstUs) },
    { label: 'remembered', ours: `${rememberedUs.toFixed(2)} µs` },
  ])
}

const timed = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
  const since = performance.now()
  return [await work(), performance.now() - since]
}

async function benchSignIns(system: RunningSystem): Promise<void> {
  const { 'auth-service': auth } = system.services
  if (auth === undefined) throw new Error('The system names no auth-service.')
  progress('signing in, one at a time')
  await signIn(system)
  await atRest({ auth: auth.pid })
  const before = readCpu({ auth: auth.pid })
  const alone: number[] = []
  for (let at = 0; at < SIGN_INS; at++) alone.push((await timed(() => signIn(system)))[1])
  const cpuUs = (cpuSince(before, readCpu({ auth: auth.pid }))['auth'] ?? 0) / SIGN_INS

  progress('refreshing tokens, alone and beside sign-ins')
  const [first, second] = [await signIn(system), await signIn(system)]
  const idle = await refreshTimes(system, first)
  let isOver = false
  const since = performance.now()
  const crowd = Promise.allSettled(Array.from({ length: SIGN_INS_AT_ONCE }, () => signIn(system))).finally(() => (isOver = true))
  const beside = await refreshTimes(system, second, () => isOver)
  // The throttle lets ten tries of one account and address pass at once: the others are refused, which is cheap.
  const signedIn = (await crowd).filter(({ status }) => status === 'fulfilled').length
  const perSecond = (signedIn / (performance.now() - since)) * 1000
  const ratio = median(beside) / median(idle)
  table('Sign-in (argon2id, 19 MiB, two passes) and token refresh at auth-service; the floor is the same without sign-ins', [
    { label: 'sign-in: whole code flow, alone', ours: ms(median(alone)) },
    { label: '  CPU of auth-service', ours: us(cpuUs) },
    {
      label: `refresh beside ${SIGN_INS_AT_ONCE} sign-ins, median`,
      ours: ms(median(beside)),
      floor: ms(median(idle)),
      ratio: percent(ratio),
      goal: `≤ ${percent(GOAL)}`,
      holds: ratio <= GOAL,
    },
    { label: '  p99', ours: ms(percentile(beside, 0.99)), floor: ms(percentile(idle, 0.99)) },
  ])
  say(
    `  ${beside.length} refreshes beside ${SIGN_INS_AT_ONCE} sign-ins begun at once; ${signedIn} came through, ${perSecond.toFixed(1)} a second.`,
  )
}

/** Of refreshes one after another, each with the token that the one before brought, until enough were made or `isOver`. */
async function refreshTimes(
  system: RunningSystem,
  first: Awaited<ReturnType<typeof signIn>>,
  isOver = (): boolean => false,
): Promise<number[]> {
  const times: number[] = []
  let tokens = first
  while (times.length < REFRESHES && !isOver()) {
    const { refresh: last } = tokens
    const [next, took] = await timed(() => refresh(system, last))
    tokens = next
    times.push(took)
  }
  return times
}
