import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { SCRIPT, STYLES } from './assets.js'
import { controlCall, merchantCall, type Parts } from './api.js'
import { malformed } from './input.js'
import { answeredPage, challengePage, listPage, notFoundPage } from './pages.js'
import { Refusal } from './payment.js'
import { PlannedFailure, refused } from './provider.js'

const MAX_BODY_BYTES = 64 * 1024
const SHOWN = 30

type Headers = Record<string, string>
const send = (response: ServerResponse, status: number, type: string, body: string, headers: Headers = {}) => {
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    ...headers,
  })
  response.end(body)
}
const json = (response: ServerResponse, status: number, body: string, headers?: Headers) =>
  send(response, status, 'application/json', body, headers)

/** @param formTo where a form of the page may lead: browsers hold redirects against it too */
const page = (response: ServerResponse, body: string, status = 200, formTo = "'none'") =>
  send(response, status, 'text/html', body, {
    'content-security-policy': `default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action ${formTo}; frame-ancestors 'none'`,
  })

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= MAX_BODY_BYTES) chunks.push(chunk)
  }
  // Read to its end all the same: a caller that is cut off in the midst of sending never sees the answer.
  if (size > MAX_BODY_BYTES) malformed(`A body may have ${MAX_BODY_BYTES} bytes`)
  return Buffer.concat(chunks).toString('utf8')
}

function isAuthorised({ headers }: IncomingMessage, expected: Buffer): boolean {
  const given = Buffer.from(headers.authorization ?? '')
  return given.length === expected.length && timingSafeEqual(given, expected)
}

async function call(parts: Parts, request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const key = request.headers['idempotency-key']
  const asked = {
    method: request.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    key: key?.toString(),
    body: await bodyOf(request),
  }
  const answer = url.pathname.startsWith('/v1/') ? await merchantCall(parts, asked) : await controlCall(parts, asked)
  // A call without an answer stays open until its caller gives up.
  if (answer) json(response, answer.status, answer.body, answer.isReplay ? { 'idempotent-replayed': 'true' } : undefined)
}

async function challenge(
  { store, provider, payments }: Parts,
  id: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const row = store.find(id)
  if (!row) return page(response, notFoundPage(), 404)
  if (request.method === 'POST') {
    const decision = new URLSearchParams(await bodyOf(request)).get('decision')
    if (decision !== 'confirm' && decision !== 'refuse') malformed('decision must be confirm or refuse')
    await provider.change((onCallback) => payments.answerChallenge(id, decision === 'confirm', onCallback))
    response.writeHead(303, { location: row.return_url ?? `/challenges/${id}`, 'cache-control': 'no-store' }).end()
    return
  }
  if (row.status !== 'requires_action') return page(response, answeredPage(row))
  page(response, challengePage(row), 200, row.return_url === null ? "'self'" : `'self' ${new URL(row.return_url).origin}`)
}

async function route(parts: Parts, apiKey: Buffer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://psp')
  const path = url.pathname
  if (path.startsWith('/v1/') || path.startsWith('/control/')) {
    if (!isAuthorised(request, apiKey)) throw new Refusal('unauthorised', 'Authorization must be Bearer and the API key', 401)
    return call(parts, request, response, url)
  }
  const [, id] = /^\/challenges\/(\w+)$/.exec(path) ?? []
  if (id !== undefined) return challenge(parts, id, request, response)
  if (path === '/livez') return send(response, 200, 'text/plain', 'ok\n')
  if (path === '/styles.css') return send(response, 200, 'text/css', STYLES)
  if (path === '/list.js') return send(response, 200, 'text/javascript', SCRIPT)
  if (path !== '/') return page(response, notFoundPage(), 404)
  const shown = parts.store.list(SHOWN).map((row) => ({ row, movements: parts.store.listMovementsOf(row.id) }))
  page(response, listPage(shown))
}

function fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.headersSent || (request.destroyed && !request.complete)) return void response.destroy()
  if (error instanceof Refusal) {
    const { status, body } = refused(error)
    return json(response, status, body)
  }
  if (response.destroyed) return
  if (!(error instanceof PlannedFailure)) process.stderr.write(`${request.method} call failed: ${String(error)}\n`)
  json(response, 500, JSON.stringify({ code: 'internal_error', message: 'The outcome is unknown: send the call again with its key' }))
}

/** The provider's API, control calls and pages. */
export function createHttp(parts: Parts, apiKey: string): Server {
  const expected = Buffer.from(`Bearer ${apiKey}`)
  return createServer((request, response) => {
    route(parts, expected, request, response).catch((error: unknown) => fail(request, response, error))
  })
}
