import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { faultFor, HONEST, readBehaviour, type Behaviour, type Fault } from './behaviour.js'
import { SCRIPT, STYLES } from './assets.js'
import { listPage } from './pages.js'
import { ReceivedStore } from './received.js'
import { verify } from './verify.js'

const MAX_BODY_BYTES = 1024 * 1024
const MAX_LISTED = 1_000
const SHOWN = 50
const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src data:; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

export interface PartnerOptions {
  /** Where what was received is kept; without it, in memory. */
  readonly folder?: string | undefined
  /** Secrets of the webhook endpoints that lead here. */
  readonly secrets?: readonly string[]
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk)
  }
  return bytes > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks).toString('utf8')
}

const typeOf = (body: string): string | null => {
  try {
    const { type } = JSON.parse(body) as { type?: unknown }
    return typeof type === 'string' ? type : null
  } catch {
    return null
  }
}

const jsonOf = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    throw new Error('Send JSON')
  }
}

const send = (response: ServerResponse, status: number, type: string, body: string): void => {
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    ...{ 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
    ...(type === 'text/html' ? { 'content-security-policy': PAGE_POLICY, 'referrer-policy': 'no-referrer' } : {}),
  })
  response.end(body)
}
const sendJson = (response: ServerResponse, status: number, body: unknown): void =>
  send(response, status, 'application/json', JSON.stringify(body))

/** A partner's own system: receives webhooks on any path, verifies and keeps them, shows them on a page, and misbehaves when told to. */
class Partner {
  private behaviour: Behaviour = HONEST
  private readonly timers = new Set<NodeJS.Timeout>()

  constructor(private readonly store: ReceivedStore) {}

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://partner')
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (pathname.startsWith('/api/')) return this.control(request, response, pathname, searchParams)
    if (request.method === 'POST') return this.receive(request, response)
    if (!isRead) return sendJson(response, 405, { error: 'Only GET and POST' })
    if (pathname === '/') return send(response, 200, 'text/html', listPage(this.store.listLast(SHOWN), this.store.count(), this.behaviour))
    if (pathname === '/livez') return send(response, 200, 'text/plain', 'ok\n')
    if (pathname === '/styles.css') return send(response, 200, 'text/css', STYLES)
    if (pathname === '/list.js') return send(response, 200, 'text/javascript', SCRIPT)
    send(response, 404, 'text/plain', 'Nothing here. Try / or /api/received.\n')
  }

  close(): void {
    for (const timer of this.timers) clearTimeout(timer)
    this.store.close()
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request)
    if (body === undefined) return send(response, 413, 'text/plain', `A body may have ${MAX_BODY_BYTES} bytes.\n`)
    const { headers, url: path = '/' } = request
    const webhookId = typeof headers['webhook-id'] === 'string' ? headers['webhook-id'] : null
    const { isVerified, reason } = verify(this.store.listSecrets(), headers, body)
    const fault = webhookId === null ? undefined : faultFor(this.behaviour, webhookId, this.store.countOf(webhookId) + 1)
    const status = fault === 'error' ? 500 : fault === 'gone' ? 410 : isVerified ? 204 : 401
    const answer = fault === 'hang' || fault === 'close' ? fault : String(status)
    const receivedAt = new Date().toISOString()
    this.store.add({ receivedAt, path, webhookId, type: typeOf(body), isVerified, reason, answer, headers, body })
    this.answer(response, status, fault)
  }

  private answer(response: ServerResponse, status: number, fault: Fault | undefined): void {
    if (fault === 'hang') return
    if (fault === 'close') return void response.destroy()
    if (fault !== 'slow') return void response.writeHead(status).end()
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      response.writeHead(status).end()
    }, this.behaviour.slowMs)
    this.timers.add(timer)
  }

  private async control(request: IncomingMessage, response: ServerResponse, path: string, query: URLSearchParams): Promise<void> {
    const asked = `${request.method} ${path}`
    if (asked === 'GET /api/received') return this.listReceived(response, query)
    if (asked === 'GET /api/behaviour') return sendJson(response, 200, this.behaviour)
    if (asked === 'DELETE /api/behaviour') return sendJson(response, 200, (this.behaviour = HONEST))
    if (asked !== 'PUT /api/behaviour' && asked !== 'POST /api/secrets') return sendJson(response, 404, { error: 'There is no such call' })
    try {
      const given = jsonOf((await readBody(request)) ?? '')
      if (asked === 'PUT /api/behaviour') return sendJson(response, 200, (this.behaviour = readBehaviour(given)))
      const { secret } = given as { secret?: unknown }
      if (typeof secret !== 'string' || !/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/.test(secret)) throw new Error('Send {"secret": "whsec_…"}')
      this.store.addSecret(secret)
      response.writeHead(204).end()
    } catch (error) {
      sendJson(response, 400, { error: (error as Error).message })
    }
  }

  private listReceived(response: ServerResponse, query: URLSearchParams): void {
    const [after, limit] = [Number(query.get('after') ?? 0), Number(query.get('limit') ?? MAX_LISTED)]
    if (!Number.isInteger(after) || !Number.isInteger(limit) || limit < 1 || limit > MAX_LISTED)
      return sendJson(response, 400, { error: `after must be the id of the last one read, limit from 1 to ${MAX_LISTED}` })
    sendJson(response, 200, this.store.list(after, limit))
  }
}

/** The partner's server and what ends it. */
export function createPartner({ folder, secrets = [] }: PartnerOptions = {}): { server: Server; close: () => void } {
  const store = new ReceivedStore(folder)
  for (const secret of secrets) store.addSecret(secret)
  const partner = new Partner(store)
  // Webhooks keep their connections; a hanging one is broken off by who waits.
  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 30_000 }, (request, response) => {
    partner.handle(request, response).catch((error: unknown) => {
      process.stderr.write(`${request.method} ${request.url} failed: ${String(error)}\n`)
      response.destroy() // also where the caller went away within its body
    })
  })
  const close = (): void => {
    server.close(() => partner.close())
    server.closeAllConnections()
  }
  return { server, close }
}
