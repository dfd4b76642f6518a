import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http'

interface Received {
  receivedAt: string
  path: string
  headers: IncomingHttpHeaders
  body: string
}

const KEPT = 100
const MAX_BODY_BYTES = 1024 * 1024
const PAGE = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Partner · Catamaran sandbox</title>
<style>:root{color-scheme:light dark}body{font:1.05rem/1.6 system-ui,sans-serif;max-width:38rem;margin:12vh auto;padding:0 1.25rem}code{font-size:.95em}</style>
<main><h1>A partner of Catamaran</h1>
<p>This sandbox plays a seller with a system of its own: it will be the receiver of the partner’s webhooks, verifying their signatures and shipping what was ordered.</p>
<p>For now it takes whatever is sent to it with <code>POST</code>, answers 204 and remembers the last ${KEPT}: see <a href="/api/received">what was received</a>.</p></main>
</html>`

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk)
  }
  return bytes > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks).toString('utf8')
}

/** The partner's side of a webhook: records what is posted, oldest first under GET /api/received. */
export function createPartner(): Server {
  const received: Received[] = []
  return createServer((request, response) => {
    const path = request.url ?? '/'
    const answer = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': `${type}; charset=utf-8` }).end(body)
    if (request.method === 'POST') {
      readBody(request).then(
        (body) => {
          if (body === undefined) return answer(413, 'text/plain', `A body may have ${MAX_BODY_BYTES} bytes.\n`)
          received.push({ receivedAt: new Date().toISOString(), path, headers: request.headers, body })
          if (received.length > KEPT) received.shift()
          return response.writeHead(204).end()
        },
        () => response.destroy(), // the caller went away within its body
      )
    } else if (path === '/') answer(200, 'text/html', PAGE)
    else if (path === '/livez') answer(200, 'text/plain', 'ok\n')
    else if (path === '/api/received') answer(200, 'application/json', JSON.stringify(received))
    else answer(404, 'text/plain', 'Nothing here. Try / or /api/received.\n')
  })
}
