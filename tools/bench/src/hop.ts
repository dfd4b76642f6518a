// One of two chained bare Fastify hops, the floor of reading a product: `shop` answers from memory, `door` forwards to it as a gateway
// would that does nothing else (undici dispatch, the body collected, headers copied).
import type { ServerResponse } from 'node:http'
import fastify, { type FastifyInstance } from 'fastify'
import { Pool, type Dispatcher } from 'undici'
import { doJobs } from './worker.js'

export interface Answer {
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: string
}

export type HopJob = { readonly shop: readonly Answer[] } | { readonly door: string }

const HOP_BY_HOP = new Set(['connection', 'host', 'keep-alive', 'transfer-encoding'])
const CONNECTIONS = 256

class Forwarding implements Dispatcher.DispatchHandler {
  private status = 0
  private headers: Record<string, string | string[] | undefined> = {}
  private readonly body: Buffer[] = []

  constructor(private readonly answer: ServerResponse) {}

  onRequestStart(): void {}

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.status = status
    for (const name in headers) if (!HOP_BY_HOP.has(name)) this.headers[name] = headers[name]
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.body.push(chunk)
  }

  onResponseEnd(): void {
    this.answer.writeHead(this.status, this.headers)
    this.answer.end(this.body.length === 1 ? this.body[0] : Buffer.concat(this.body))
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.answer.writeHead(502).end(error.message)
  }
}

function shop(app: FastifyInstance, answers: readonly Answer[]): void {
  const known = new Map(answers.map(({ path, headers, body }) => [path, { headers, body: Buffer.from(body) }]))
  app.get('/v1/products/:id', (request, reply) => {
    const answer = known.get(request.url)
    if (answer === undefined) return reply.code(404).send()
    return reply.headers(answer.headers).send(answer.body)
  })
}

function door(app: FastifyInstance, url: string): void {
  const pool = new Pool(url, { connections: CONNECTIONS, pipelining: 1 })
  app.get('/v1/products/:id', (request, reply) => {
    reply.hijack()
    const headers: Record<string, string | string[] | undefined> = {}
    for (const name in request.headers) if (!HOP_BY_HOP.has(name)) headers[name] = request.headers[name]
    pool.dispatch({ method: 'GET', path: request.url, headers }, new Forwarding(reply.raw))
  })
}

doJobs(async (job: HopJob): Promise<string> => {
  const app = fastify()
  if ('shop' in job) shop(app, job.shop)
  else door(app, job.door)
  return app.listen({ host: '127.0.0.1', port: 0 })
})
