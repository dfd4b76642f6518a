// A process of its own that sends requests as cheaply as Node can: two cores are shared with what is measured.
import { randomUUID } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { percentile } from './statistics.js'
import { doJobs } from './worker.js'

export interface LoadJob {
  /** Base address. */
  readonly url: string
  /** Connections, each with one request in hand. */
  readonly atOnce: number
  readonly durationMs: number
  /** Ends earlier after so many. */
  readonly maxCount?: number
  readonly productIds: readonly string[]
  /** Sent with each read of a product. */
  readonly bearer?: string
  /** Set for orders: the buyers who place them in turn, and the product that is in each of them. Else products are read. */
  readonly orders?: { readonly tokens: readonly string[]; readonly everybodyWants: string | undefined }
}

export interface LoadResult {
  readonly count: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** This process's own processor time for one request. */
  readonly clientCpuUs: number
}

const ADDRESS = { name: 'Bench Buyer', line1: 'Havenkade 12', city: 'Rotterdam', postalCode: '3011 AA', country: 'NL' }
const HEAD_END = Buffer.from('\r\n\r\n')

const anyOf = (ids: readonly string[]): string => ids[Math.floor(Math.random() * ids.length)] ?? ''

/** Two different products: any two, or the one that everybody wants and any other. */
function pairOf(ids: readonly string[], first = anyOf(ids)): [string, string] {
  for (let second = anyOf(ids); ; second = anyOf(ids)) if (second !== first) return [first, second]
}

function requestOf({ url, productIds, orders, bearer }: LoadJob): () => string {
  const { host } = new URL(url)
  const authorization = bearer === undefined ? '' : `authorization: Bearer ${bearer}\r\n`
  if (orders === undefined) return () => `GET /v1/products/${anyOf(productIds)} HTTP/1.1\r\nhost: ${host}\r\n${authorization}\r\n`
  const heads = orders.tokens.map(
    (token) => `POST /v1/orders HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`,
  )
  let turn = 0
  return () => {
    const lines = pairOf(productIds, orders.everybodyWants).map((productId) => ({ productId, quantity: 1 }))
    const body = JSON.stringify({ lines, deliveryAddress: ADDRESS, paymentMethod: 'card_ok' })
    return `${heads[turn++ % heads.length]}idempotency-key: ${randomUUID()}\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  }
}

/** The length of the first answer in `bytes`, undefined while its end hasn't come. @throws Error for one that isn't a success */
function lengthOfAnswer(bytes: Buffer): number | undefined {
  const headEnd = bytes.indexOf(HEAD_END)
  if (headEnd < 0) return undefined
  const head = bytes.toString('latin1', 0, headEnd)
  if (!head.startsWith('HTTP/1.1 2')) throw new Error(`The answer under load was no success:\n${bytes.toString('utf8').slice(0, 1500)}`)
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
  if (length === undefined) throw new Error(`An answer without Content-Length, which this client can't read:\n${head}`)
  const end = headEnd + HEAD_END.length + Number(length)
  return bytes.length < end ? undefined : end
}

/** One connection that asks again as soon as it was answered, until it is late. */
function ask(job: LoadJob, next: () => string, until: number, times: number[]): Promise<void> {
  const { hostname, port } = new URL(job.url)
  return new Promise((resolve, reject) => {
    let since = 0
    let rest: Buffer | undefined
    const socket: Socket = connect({ host: hostname, port: Number(port), noDelay: true })
    const send = () => {
      since = performance.now()
      socket.write(next(), 'latin1')
    }
    const fail = (error: Error) => {
      socket.destroy()
      reject(error)
    }
    socket.on('connect', send)
    socket.on('data', (chunk) => {
      const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk])
      rest = bytes
      try {
        if (lengthOfAnswer(bytes) === undefined) return
      } catch (error) {
        return fail(error as Error)
      }
      rest = undefined
      const now = performance.now()
      times.push(now - since)
      if (now < until && times.length < (job.maxCount ?? Infinity)) return send()
      socket.end()
      resolve()
    })
    socket.on('error', fail)
    socket.on('close', () => reject(new Error('The connection was closed under load.')))
  })
}

doJobs(async (job: LoadJob): Promise<LoadResult> => {
  const next = requestOf(job)
  const times: number[] = []
  const [since, cpu] = [performance.now(), process.cpuUsage()]
  await Promise.all(Array.from({ length: job.atOnce }, () => ask(job, next, since + job.durationMs, times)))
  const seconds = (performance.now() - since) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return {
    count: times.length,
    perSecond: times.length / seconds,
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    clientCpuUs: (user + system) / times.length,
  }
})
