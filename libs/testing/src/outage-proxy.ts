import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

const DEFAULT_PORTS: Record<string, number> = { 'postgres:': 5432, 'postgresql:': 5432, 'redis:': 6379, 'http:': 80 }

interface Target {
  readonly host: string
  readonly port: number
  /** The same address with another port. */
  readonly withPort: (port: number) => string
  readonly isKafka: boolean
}

const targetOf = (address: string): Target => {
  if (!address.includes('://')) {
    const [host = '', port] = address.split(':')
    return { host, port: Number(port), withPort: (other) => `127.0.0.1:${other}`, isKafka: true }
  }
  const url = new URL(address)
  return {
    host: url.hostname,
    port: Number(url.port) || (DEFAULT_PORTS[url.protocol] ?? 0),
    withPort: (other) => {
      const changed = new URL(address)
      changed.hostname = '127.0.0.1'
      changed.port = String(other)
      return changed.href
    },
    isKafka: false,
  }
}

/** A host and port as Kafka's answers carry them: the text, then four bytes. */
const kafkaAddress = (host: string, port: number): Buffer => {
  const bytes = Buffer.alloc(host.length + 4)
  bytes.write(host, 'latin1')
  bytes.writeInt32BE(port, host.length)
  return bytes
}

/**
 * Passes Kafka's answers on with the proxy's port in place of the broker's. A Kafka client connects to the addresses that the broker tells
 * it, and would go past the proxy. Whole answers are looked at (each begins with its length), as an address may be cut in two by TCP.
 */
const rewriter = (from: Buffer, to: Buffer, pass: (bytes: Buffer) => void): ((chunk: Buffer) => void) => {
  let held = Buffer.alloc(0)
  return (chunk) => {
    held = Buffer.concat([held, chunk])
    while (held.length >= 4 && held.length >= 4 + held.readInt32BE(0)) {
      const answer = Buffer.from(held.subarray(0, 4 + held.readInt32BE(0)))
      held = held.subarray(answer.length)
      for (let at = answer.indexOf(from); at >= 0; at = answer.indexOf(from, at + 1)) to.copy(answer, at)
      pass(answer)
    }
  }
}

/**
 * Stands before an engine so that a test can take it away: `cut()` breaks every connection and each new one, `restore()` lets them through
 * again. Point one test's client at `url`; others go on undisturbed.
 * Example: `const redis = await OutageProxy.before(scope.engines.redisUrl)`.
 */
export class OutageProxy {
  /** The engine's address through the proxy: a URL, or `host:port` for Kafka. */
  readonly url: string
  private readonly sockets = new Set<Socket>()
  private isCut = false

  private constructor(
    private readonly server: Server,
    private target: Target,
  ) {
    this.url = target.withPort(this.port)
    server.on('connection', (socket) => this.accept(socket))
  }

  /** @param address a URL of PostgreSQL, Redis or DynamoDB, or `host:port` of a Kafka broker that advertises 127.0.0.1 */
  static async before(address: string): Promise<OutageProxy> {
    const server = createServer({ noDelay: true })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new OutageProxy(server, targetOf(address))
  }

  cut(): void {
    this.isCut = true
    for (const socket of this.sockets) socket.destroy()
  }

  restore(): void {
    this.isCut = false
  }

  /** From now on it stands before another server of the same kind. */
  moveTo(address: string): void {
    this.target = targetOf(address)
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  private accept(client: Socket): void {
    if (this.isCut) return void client.destroy()
    const engine = connect({ host: this.target.host, port: this.target.port, noDelay: true })
    const end = (): void => {
      client.destroy()
      engine.destroy()
    }
    for (const socket of [client, engine]) {
      this.sockets.add(socket)
      socket.on('error', end).on('close', () => {
        this.sockets.delete(socket)
        end()
      })
    }
    client.pipe(engine)
    if (!this.target.isKafka) return void engine.pipe(client)
    const { host, port } = this.target
    engine.on(
      'data',
      rewriter(kafkaAddress(host, port), kafkaAddress('127.0.0.1', this.port), (bytes) => client.write(bytes)),
    )
  }
}
