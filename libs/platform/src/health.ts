import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'
import type { Format } from './exposition.js'
import { LevelChange, type LogLevel } from './log-level.js'

/** Where a service is in its life: `/startupz` and `/readyz` follow it. */
export type Phase = 'starting' | 'ready' | 'draining'

const CONTENT_TYPE: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}
/** More than any change of the level takes. */
const MAX_BODY_BYTES = 1_024

/**
 * The admin port: `/livez` (the process answers), `/startupz` (it has started), `/readyz` (send it traffic), `/metrics`, and `/log-level` to read and change.
 * Readiness does not depend on stores: a service without its database still answers what it can, so taking it out would make things worse.
 */
export class AdminServer {
  phase: Phase = 'starting'
  private readonly server: Server

  constructor(
    private readonly metricsText: (format: Format) => Promise<string>,
    private readonly logLevel: LogLevel,
  ) {
    this.server = createServer((request, response) => {
      this.answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
    })
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const say = (ok: boolean): void =>
      void response.writeHead(ok ? 200 : 503, { 'content-type': 'text/plain; charset=utf-8' }).end(`${this.phase}\n`)
    if (request.url === '/livez') return say(true)
    if (request.url === '/startupz') return say(this.phase !== 'starting')
    if (request.url === '/readyz') return say(this.phase === 'ready')
    if (request.url === '/log-level') return this.answerLogLevel(request, response)
    if (request.url !== '/metrics') return void response.writeHead(404).end()
    const format = request.headers.accept?.includes('application/openmetrics-text') === true ? 'openmetrics' : 'text'
    const text = await this.metricsText(format)
    response.writeHead(200, { 'content-type': CONTENT_TYPE[format] }).end(text)
  }

  private async answerLogLevel(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'PUT') {
      const change = LevelChange.safeParse(await bodyOf(request))
      if (!change.success) return void response.writeHead(400).end(`${z.prettifyError(change.error)}\n`)
      this.logLevel.change(change.data)
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(this.logLevel.state())}\n`)
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

/** The JSON that came, undefined where there is none or too much. */
const bodyOf = async (request: IncomingMessage): Promise<unknown> => {
  let text = ''
  for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk
    if (text.length > MAX_BODY_BYTES) return undefined
  }
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
