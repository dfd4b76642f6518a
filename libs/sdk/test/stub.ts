import { createServer, type IncomingHttpHeaders } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}
/** `undefined` breaks the connection. */
export type Answer = { status: number; body?: unknown; headers?: Record<string, string> } | undefined

/** A gateway that answers as it is told, and keeps what it was sent. */
export class Stub {
  readonly received: Received[] = []
  answer: (request: Received, index: number) => Answer = () => ({ status: 200, body: {} })
  private readonly server = createServer((request, response) => {
    void text(request).then((body) => {
      const { method = '', url = '', headers } = request
      const received = { method, url, headers, body }
      this.received.push(received)
      const answer = this.answer(received, this.received.length - 1)
      if (answer === undefined) return request.socket.destroy()
      const type = answer.status < 400 ? 'application/json' : 'application/problem+json'
      response.writeHead(answer.status, { 'content-type': type, ...answer.headers })
      return response.end(answer.body === undefined ? '' : JSON.stringify(answer.body))
    })
  })

  static async start(): Promise<Stub> {
    const stub = new Stub()
    stub.server.listen(0, '127.0.0.1')
    await once(stub.server, 'listening')
    return stub
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** Forgets what came, and answers otherwise from now on. */
  will(answer: Stub['answer']): void {
    this.received.length = 0
    this.answer = answer
  }

  close(): void {
    this.server.close()
    this.server.closeAllConnections()
  }
}

export const problem = (status: number, code: string, headers: Record<string, string> = {}): Answer => ({
  status,
  headers,
  body: { type: `/problems/${code}`, title: 'Title', status, detail: 'What to do', code, requestId: 'req_1' },
})
