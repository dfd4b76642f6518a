import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ServiceTokens } from '@catamaran/platform'

/** Stands in for api-gateway: passes everything on with its own service token and the address that the outside used. */
export class Gateway {
  readonly url: string
  /** Where requests seem to come from. */
  address = '203.0.113.7'
  private upstream = ''
  private tokens: ServiceTokens | undefined

  private constructor(private readonly server: Server) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', (incoming: IncomingMessage, outgoing: ServerResponse) => {
      this.forward(incoming, outgoing).catch((error: unknown) => outgoing.writeHead(502).end(String(error)))
    })
  }

  static async start(): Promise<Gateway> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new Gateway(server)
  }

  openTo(upstream: string, keyFile: string): void {
    this.upstream = upstream
    this.tokens = new ServiceTokens({ service: 'api-gateway', issuer: `${this.url}/oidc`, authUrl: upstream, keyFile })
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private async forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const isPublic = incoming.url === '/oidc/jwks' || incoming.url === '/oidc/token'
    const token = isPublic ? undefined : await this.tokens?.current()
    const headers = {
      ...incoming.headers,
      ...(token === undefined ? {} : { 'x-service-token': token }),
      'x-forwarded-host': incoming.headers.host,
      'x-forwarded-proto': 'http',
      'x-forwarded-for': this.address,
    }
    const onward = request(this.upstream + incoming.url, { method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    onward.on('error', () => outgoing.destroy())
    incoming.pipe(onward)
  }
}
