import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Mailbox } from './mailbox.js'
import { listPage, messagePage, notFoundPage } from './pages.js'
import { SCRIPT, STYLES } from './assets.js'

const MAX_WAIT_MS = 60_000
const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; img-src data:; script-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
// A mail's own HTML: no script, nothing loaded from elsewhere, an origin of its own. Its links open in a new tab.
const MAIL_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"

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
const page = (response: ServerResponse, body: string, status = 200) =>
  send(response, status, 'text/html', body, { 'content-security-policy': PAGE_POLICY })
const json = (response: ServerResponse, status: number, body: unknown) => send(response, status, 'application/json', JSON.stringify(body))

async function listMessages(mailbox: Mailbox, { searchParams }: URL, response: ServerResponse, closing: AbortSignal): Promise<void> {
  const waitMs = Number(searchParams.get('waitMs') ?? 0)
  if (!Number.isInteger(waitMs) || waitMs < 0 || waitMs > MAX_WAIT_MS) {
    return json(response, 400, { error: `waitMs must be a whole number from 0 to ${MAX_WAIT_MS}` })
  }
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const query = { to: searchParams.get('to') ?? undefined, after: searchParams.get('after') ?? undefined }
  const found =
    waitMs === 0 ? mailbox.list(query) : await mailbox.waitFor(query, AbortSignal.any([AbortSignal.timeout(waitMs), gone.signal, closing]))
  if (closing.aborted) response.shouldKeepAlive = false
  json(response, 200, found)
}

async function route(mailbox: Mailbox, request: IncomingMessage, response: ServerResponse, closing: AbortSignal): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://mailbox')
  const path = url.pathname
  if (request.method === 'DELETE' && path === '/api/messages') {
    await mailbox.clear()
    response.writeHead(204).end()
    return
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return json(response, 405, { error: 'Only GET, and DELETE /api/messages' })
  if (path === '/') return page(response, listPage(mailbox.list().toReversed()))
  if (path === '/livez') return send(response, 200, 'text/plain', 'ok\n')
  if (path === '/styles.css') return send(response, 200, 'text/css', STYLES)
  if (path === '/list.js') return send(response, 200, 'text/javascript', SCRIPT)
  if (path === '/api/messages') return listMessages(mailbox, url, response, closing)
  const [, id = '', part] = /^\/messages\/([0-9a-z]+)(\/html)?$/.exec(path) ?? []
  const message = mailbox.find(id)
  if (message && part === undefined) return page(response, messagePage(message))
  if (message?.html !== undefined) {
    return send(response, 200, 'text/html', `<base target="_blank">${message.html}`, { 'content-security-policy': MAIL_POLICY })
  }
  page(response, notFoundPage(), 404)
}

/** The mailbox's pages and API. Aborting `closing` answers every waiting poll at once. */
export const createHttp = (mailbox: Mailbox, closing: AbortSignal): Server =>
  createServer((request, response) => {
    route(mailbox, request, response, closing).catch((error: unknown) => {
      process.stderr.write(`${request.method} ${request.url} failed: ${String(error)}\n`)
      if (response.headersSent) response.destroy()
      else json(response, 500, { error: 'The mailbox failed: see its log' })
    })
  })
