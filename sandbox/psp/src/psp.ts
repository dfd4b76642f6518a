import { createServer, type Server } from 'node:http'

const PAGE = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Payment provider · Catamaran sandbox</title>
<style>:root{color-scheme:light dark}body{font:1.05rem/1.6 system-ui,sans-serif;max-width:38rem;margin:12vh auto;padding:0 1.25rem}</style>
<main><h1>A payment provider</h1>
<p>This sandbox will play the payment service provider: it authorises, captures, voids and refunds, keeps a ledger of its own to be audited against, and fails on demand.</p>
<p>No payment can be made yet: an order waits in <em>pending payment</em> until its hold ends.</p></main>
</html>`

/** The payment provider, so far without payments: a page and a probe. */
export function createPsp(): Server {
  return createServer((request, response) => {
    const answer = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': `${type}; charset=utf-8` }).end(body)
    if (request.url === '/') answer(200, 'text/html', PAGE)
    else if (request.url === '/livez') answer(200, 'text/plain', 'ok\n')
    else answer(404, 'text/plain', 'Nothing here yet. Try /.\n')
  })
}
