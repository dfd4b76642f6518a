import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { RedisClient } from '@catamaran/data'
import { MAX_HEAD_BYTES, readConfig, type Service } from '@catamaran/platform'
import { serviceEnvFor, TestIssuer, testScope, until, type TestScope } from '@catamaran/testing'
import { Agent, request, type Dispatcher } from 'undici'
import { AuthStandIn } from './auth-stand-in.js'
import { createApp } from '../src/app.js'
import { Config } from '../src/config.js'
import { AuthState } from '../src/credentials/auth-state.js'

export const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url))

/** What an inner service was asked. */
export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

const bodyOf = async (incoming: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** Stands in for an inner service: remembers what it was asked and answers as the test says. */
export class InnerService {
  readonly asked: Asked[] = []
  readonly server: Server
  /** Answers once the whole request is there. */
  answer: (asked: Asked, response: ServerResponse) => void = (_, response) => void response.end('{}')
  /** Takes the request as it comes, instead. */
  listener: RequestListener | undefined

  private constructor() {
    this.server = createServer({ maxHeaderSize: MAX_HEAD_BYTES.inner }, (incoming, response) => {
      if (this.listener !== undefined) return this.listener(incoming, response)
      bodyOf(incoming).then(
        (body) => {
          const asked = { method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers, body }
          this.asked.push(asked)
          this.answer(asked, response)
        },
        () => undefined, // the request broke off
      )
    })
  }

  static async start(): Promise<InnerService> {
    const service = new InnerService()
    await service.listen(0)
    return service
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve))
  }
  get port(): number {
    return (this.server.address() as AddressInfo).port
  }
  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }
  reset(): void {
    this.asked.length = 0
    this.listener = undefined
    this.answer = (_, response) => void response.end('{}')
  }
  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }
}

/** Everything a test of the gateway needs: an issuer in place of auth-service, inner services, and gateways before them. */
export interface Setting {
  readonly scope: TestScope
  readonly issuer: TestIssuer
  /** What gateways ask of auth-service; AUTH_URL leads to it, and through it to the issuer. */
  readonly auth: AuthStandIn
  readonly core: InnerService
  env(overrides?: Record<string, string>): Record<string, string>
  /** Starts a gateway in this process; it is closed with the setting. */
  gateway(overrides?: Record<string, string>): Promise<{ url: string; service: Service }>
}

export const startSetting = async (name: string): Promise<Setting> => {
  const scope = testScope(`gateway ${name}`)
  const [issuer, core] = await Promise.all([TestIssuer.start(), InnerService.start()])
  const auth = await AuthStandIn.start(issuer)
  scope.onClose(() => issuer.close())
  scope.onClose(() => auth.close())
  scope.onClose(() => core.close())
  const env = (overrides: Record<string, string> = {}): Record<string, string> =>
    serviceEnvFor(scope, issuer, 'api-gateway', { AUTH_URL: auth.url, CORE_URL: core.url, RATE_LIMIT_WAIT_MS: '2000', ...overrides })
  return {
    scope,
    issuer,
    auth,
    core,
    env,
    gateway: async (overrides) => {
      const service = await createApp(readConfig(Config, env(overrides)))
      const { url } = await service.listen()
      const redis = service.app.get(RedisClient)
      if (overrides?.['REDIS_URL'] === undefined) await until(() => redis.status === 'ready', { message: 'limits are counted in Redis' })
      if (overrides?.['AUTH_URL'] === undefined) await service.app.get(AuthState).known
      let isClosed = false
      const close = service.close.bind(service)
      const closeOnce = async (): Promise<void> => {
        if (isClosed) return
        isClosed = true
        await close()
      }
      scope.onClose(closeOnce)
      return { url, service: { ...service, close: closeOnce } }
    },
  }
}

export interface Answer {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly text: string
  /** The body as JSON. */
  json<T = Record<string, unknown>>(): T
}

/** Sends one request, on a connection of its own unless it is given some, and reads the whole answer. */
export const ask = async (
  url: string,
  options: Omit<Dispatcher.RequestOptions, 'origin' | 'path' | 'method'> & { method?: string } = {},
  connections?: Agent,
): Promise<Answer> => {
  const agent = connections ?? new Agent({ pipelining: 0 })
  try {
    const answer = await request(url, { ...options, method: (options.method ?? 'GET') as Dispatcher.HttpMethod, dispatcher: agent })
    const text = await answer.body.text()
    return { status: answer.statusCode, headers: answer.headers, text, json: <T>() => JSON.parse(text) as T }
  } finally {
    if (connections === undefined) await agent.close()
  }
}

/** A bare connection, for what no HTTP client would send. */
export class Wire {
  received = ''
  isEnded = false
  private constructor(readonly socket: Socket) {
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => (this.received += text))
    socket.on('end', () => (this.isEnded = true))
    socket.on('error', () => (this.isEnded = true))
    socket.on('close', () => (this.isEnded = true))
  }
  static async to(url: string): Promise<Wire> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    return new Wire(socket)
  }
  send(text: string): void {
    this.socket.write(text, 'latin1')
  }
  close(): void {
    this.socket.destroy()
  }
}

/** What a client sends to Redis about somebody, from now on, those of a pipeline too. */
export const sentBy = (redis: RedisClient, who: string): { name: string; args: readonly unknown[] }[] => {
  const sent: { name: string; args: readonly unknown[] }[] = []
  const send = redis.sendCommand.bind(redis)
  redis.sendCommand = (command, ...rest) => {
    if (command.args.some((arg) => String(arg).includes(who))) sent.push({ name: command.name, args: command.args })
    return send(command, ...rest)
  }
  return sent
}
