import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { Webhook } from 'standardwebhooks'

export interface Received {
  readonly id: string
  readonly path: string
  readonly at: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  readonly body: { readonly type: string; readonly timestamp: string; readonly data: Readonly<Record<string, unknown>> }
}
export type Behaviour = (received: Received, response: ServerResponse, attempt: number) => void

const ok: Behaviour = (_received, response) => void response.writeHead(204).end()

/** A partner's receiver on a free port: keeps what comes, and answers as it is told to. */
export class Receiver {
  readonly received: Received[] = []
  behave: Behaviour = ok
  private readonly attempts = new Map<string, number>()

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(): Promise<Receiver> {
    const server = createServer({ keepAliveTimeout: 60_000 })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const receiver = new Receiver(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      buffer(request).then(
        (bytes) => receiver.take(request, response, bytes.toString()),
        () => response.destroy(),
      )
    })
    return receiver
  }

  /** What came on a path, without repetition, in the order of the first arrivals. */
  types(path: string): string[] {
    return this.on(path).map(({ body }) => body.type)
  }

  on(path: string): Received[] {
    return this.received.filter((each) => each.path === path)
  }

  close(): void {
    this.server.close()
    this.server.closeAllConnections()
  }

  private take({ url = '/', headers }: IncomingMessage, response: ServerResponse, text: string): void {
    const flat = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
    const id = flat['webhook-id'] ?? ''
    const received = { id, path: url, at: Date.now(), headers: flat, text, body: JSON.parse(text) as Received['body'] }
    const attempt = (this.attempts.get(url + id) ?? 0) + 1
    this.attempts.set(url + id, attempt)
    this.received.push(received)
    this.behave(received, response, attempt)
  }
}

export { ok }

/** Whether a secret verifies what came, by the package that partners are told to use. */
export const verifies = (secret: string, { text, headers }: Received): boolean => {
  try {
    new Webhook(secret).verify(text, headers)
    return true
  } catch {
    return false
  }
}
