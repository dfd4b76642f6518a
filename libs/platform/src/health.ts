import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Where a service is in its life: `/startupz` and `/readyz` follow it. */
export type Phase = 'starting' | 'ready' | 'draining'

/**
 * The admin port: `/livez` (the process answers), `/startupz` (it has started), `/readyz` (send it traffic) and `/metrics`.
 * Readiness does not depend on stores: a service without its database still answers what it can, so taking it out would make things worse.
 */
export class AdminServer {
  phase: Phase = 'starting'
  private readonly server: Server

  constructor(metricsText: () => Promise<string>) {
    this.server = createServer((request, response) => {
      const say = (ok: boolean): void =>
        void response.writeHead(ok ? 200 : 503, { 'content-type': 'text/plain; charset=utf-8' }).end(`${this.phase}\n`)
      if (request.url === '/livez') return say(true)
      if (request.url === '/startupz') return say(this.phase !== 'starting')
      if (request.url === '/readyz') return say(this.phase === 'ready')
      if (request.url !== '/metrics') return void response.writeHead(404).end()
      metricsText().then(
        (text) => response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
    })
  }

  /** Listens and returns the address. @throws Error EADDRINUSE */
  async listen(host: string, port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => this.server.once('error', reject).listen(port, host, resolve))
    return `http://${host}:${(this.server.address() as AddressInfo).port}`
  }

  close(): Promise<void> {
    this.server.closeAllConnections()
    return new Promise((resolve) => this.server.close(() => resolve()))
  }
}
