import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ServiceName } from '@catamaran/contracts'
import { startSystem, type RunningSystem, type Started } from '@catamaran/stack'
import { spawnService, until, type SpawnedService } from '@catamaran/testing'
import { journey, type Journey } from './journey.js'

const SERVICES = ['auth-service', 'core-service', 'aux-service'] as const
const CLIENTS = 4
/** Between a client's rounds, so that what is started anew has processors to start on. */
const PAUSE_MS = 40
/** What each client has been answered before a process is stopped, and after it is back. */
const CALLS_EACH = 15
const ADDRESS = { name: 'A Buyer', line1: 'Havenkade 12', city: 'Rotterdam', postalCode: '3011 AA', country: 'NL' }

const mainOf = (name: ServiceName): string => fileURLToPath(new URL(`../../../apps/${name}/dist/src/main.js`, import.meta.url))
const portOf = ({ url }: SpawnedService): number => Number(new URL(url).port)

/** Two processes of a service behind one address: connections go to each in turn, past one that listens no more. */
class Replicas {
  readonly processes: SpawnedService[] = []
  private readonly server: Server
  private readonly open = new Set<Socket>()
  private turn = 0

  constructor(private readonly start: () => Promise<SpawnedService>) {
    this.server = createServer({ noDelay: true }, (socket) => this.accept(socket, this.processes.length))
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
  }

  async begin(): Promise<void> {
    this.processes.push(...(await Promise.all([this.start(), this.start()])))
  }

  /** Stops one as a deployment does, out of the rotation first, and starts another in its place. @returns how it ended */
  async replace(): Promise<number | NodeJS.Signals> {
    const ended = await (this.processes.shift() as SpawnedService).kill('SIGTERM')
    this.processes.push(await this.start())
    return ended
  }

  async close(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.kill('SIGTERM')))
    for (const socket of this.open) socket.destroy()
    this.server.close()
  }

  private accept(client: Socket, tries: number): void {
    const chosen = this.processes[this.turn++ % this.processes.length]
    if (chosen === undefined || tries === 0) return void client.destroy()
    const inner = connect({ host: '127.0.0.1', port: portOf(chosen), noDelay: true })
    const refused = (): void => this.accept(client, tries - 1)
    inner.once('error', refused).once('connect', () => {
      inner.off('error', refused)
      for (const [one, other] of [
        [client, inner],
        [inner, client],
      ] as const) {
        this.open.add(one)
        one
          .on('error', () => other.destroy())
          .on('close', () => {
            this.open.delete(one)
            other.destroy()
          })
          .pipe(other)
      }
    })
  }
}

let own: Started<RunningSystem>
let buyer: Journey
let gateway: SpawnedService | undefined
const replicas = {} as Record<(typeof SERVICES)[number], Replicas>

before(async () => {
  own = await startSystem()
  buyer = await journey(own.system, () => undefined)
  const spawn = (name: ServiceName, env: Record<string, string> = {}) =>
    spawnService(mainOf(name), { ...own.system.serviceEnv[name], PORT: '0', ADMIN_PORT: '0', ...env })
  // One buyer places all orders, and on a slow machine payments lag behind.
  const around = () => ({ AUTH_URL: auth.url, CORE_URL: core.url, AUX_URL: aux.url, ORDER_MAX_UNPAID: '1000000' })
  const [auth, core, aux] = SERVICES.map((name) => (replicas[name] = new Replicas(() => spawn(name, around())))) as [
    Replicas,
    Replicas,
    Replicas,
  ]
  await Promise.all(Object.values(replicas).map((each) => each.listen()))
  await Promise.all(Object.values(replicas).map((each) => each.begin()))
  gateway = await spawn('api-gateway', { ...around(), RATE_LIMIT_CALLER: '1000000/1000000' })
})
after(async () => {
  await gateway?.kill('SIGTERM')
  await Promise.all(Object.values(replicas).map((each) => each.close()))
  await own?.stop()
})

/** The requests of a shop, round and round, until told to stop. */
class Load {
  private readonly stopping = new AbortController()
  private readonly clients: Promise<void>[]
  readonly answers: Record<string, number> = {}
  count = 0

  constructor(productId: string) {
    const order = { lines: [{ productId, quantity: 1 }], deliveryAddress: ADDRESS, paymentMethod: 'card_ok' }
    this.clients = Array.from({ length: CLIENTS }, async () => {
      while (!this.stopping.signal.aborted) {
        await this.call('GET', `/v1/products/${productId}`)
        await this.call('POST', '/v1/orders', order)
        await this.call('GET', '/v1/orders?limit=1')
        await this.call('GET', '/v1/notifications')
        await this.call('GET', '/v1/me')
        await delay(PAUSE_MS)
      }
    })
  }

  /** Waits until so many more calls have been answered. */
  async more(calls: number): Promise<void> {
    const enough = this.count + calls
    await until(() => this.count >= enough, { deadlineMs: 60_000, message: 'calls are answered' })
  }

  async end(): Promise<void> {
    this.stopping.abort()
    await Promise.all(this.clients)
  }

  private async call(method: string, path: string, body?: object): Promise<void> {
    const headers = { authorization: `Bearer ${buyer.accessToken}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() }
    const sent = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) }
    const told = await fetch(`${gateway?.url}${path}`, { ...sent, signal: AbortSignal.timeout(20_000) }).then(
      async (response) => {
        const { code } = (await response.json()) as { code?: string }
        // That nothing is left is an answer.
        return response.ok || code === 'orders.out-of-stock' ? 'ok' : `${response.status} ${code}`
      },
      (error: unknown) => String(error),
    )
    const name = told === 'ok' ? told : `${method} ${path} → ${told}`
    this.answers[name] = (this.answers[name] ?? 0) + 1
    this.count++
  }
}

test('each process of each inner service is replaced in turn under load, and no request fails', async () => {
  const load = new Load(buyer.order.lines[0]?.productId ?? '')
  const ended: unknown[] = []
  try {
    await load.more(CLIENTS * CALLS_EACH)
    for (const name of SERVICES) {
      for (let count = 0; count < 2; count++) {
        ended.push(await replicas[name].replace())
        await load.more(CLIENTS * CALLS_EACH)
      }
    }
  } finally {
    await load.end()
  }
  assert.deepEqual(load.answers, { ok: load.count })
  assert.deepEqual(ended, [0, 0, 0, 0, 0, 0], 'each ends by itself when it has drained')
})
