import type { OnApplicationShutdown } from '@nestjs/common'
import { observe, traced } from '@catamaran/platform'
import { SpanKind } from '@opentelemetry/api'
import { Cluster, Redis } from 'ioredis'

export interface RedisOptions {
  /** `redis:`, or `rediss:` for TLS. In cluster mode any node's. */
  url: string
  /** The certificates (PEM) that the server's must come from. Default: those that Node trusts. */
  ca?: string | undefined
  /** Asked for each connection, in place of the password in the URL. */
  password?: (() => string) | undefined
  /** Keys lie on several nodes. Default false. */
  isCluster?: boolean
  /** Put before every key by whoever builds one: tests share a server. Default ''. */
  keyPrefix?: string
  /** Sends commands of one tick together. Good with many requests in flight, bad for one flow alone (stack: 1.8 × at 128). Default true. */
  pipelining?: boolean
}

const backoff = (attempt: number): number => Math.min(attempt * 50, 1_000)

/** How each connection is made, and how each side knows the other. */
const identityOf = ({ url, ca, password }: RedisOptions) => {
  const { protocol, username, password: inUrl } = new URL(url)
  return {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    password: password?.() ?? (decodeURIComponent(inUrl) || undefined),
    ...(protocol === 'rediss:' ? { tls: { minVersion: 'TLSv1.2' as const, ...(ca === undefined ? {} : { ca }) } } : {}),
  }
}

/** ioredis reads the password for each connection that it makes: it is given the one of that moment. */
const askAnew = ({ options }: Redis, { password }: RedisOptions): void => {
  if (password === undefined) return
  let last = password()
  const get = (): string => {
    try {
      last = password()
    } catch {
      // it is being written anew
    }
    return last
  }
  Object.defineProperty(options, 'password', { get, enumerable: true, configurable: true })
}

/** Tells whether a connection is used. Ends when what is answered is called. */
const observeUse = (client: { isUsable(): boolean }): (() => void) =>
  observe('circuit_breaker.state', (tell) => tell(client.isUsable() ? 0 : 1, { peer: 'redis' }))

const FAIL_FAST = { enableOfflineQueue: false, maxRetriesPerRequest: 0, connectTimeout: 1_000, commandTimeout: 500 } as const

/**
 * A Redis connection that fails fast: while the server is away every command rejects at once, so that callers fall back instead of wait.
 * Nothing kept there hurts when it is lost. Make one with `createRedis`.
 */
export class RedisClient extends Redis implements OnApplicationShutdown {
  /** Until when those who use it do without, because it was too slow; by `performance.now()`. */
  pausedUntil = 0
  private readonly endObserving = observeUse(this)

  constructor(private readonly given: RedisOptions) {
    const { url, keyPrefix = '', pipelining = true } = given
    super(url, { ...identityOf(given), keyPrefix, enableAutoPipelining: pipelining, ...FAIL_FAST, retryStrategy: backoff })
    askAnew(this, given)
    this.on('error', () => undefined) // told by each rejected command
  }

  /** Whether it is there, and nobody has found it too slow just now. */
  isUsable(): boolean {
    return this.status === 'ready' && performance.now() >= this.pausedUntil
  }

  /** A second connection for subscriptions, which block commands. It may wait for the server. */
  newSubscriber(): Redis {
    const subscriber = new Redis(this.given.url, { ...identityOf(this.given), maxRetriesPerRequest: null, retryStrategy: backoff })
    askAnew(subscriber, this.given)
    return subscriber.on('error', () => undefined)
  }

  onApplicationShutdown(): void {
    this.endObserving()
    this.disconnect()
  }
}

/** Asks Redis under a span of its own, which tells the command's name alone. Example: `await redisSpan('get', () => redis.get(key))`. */
export const redisSpan = <T>(command: string, ask: () => Promise<T>): Promise<T> =>
  traced(command, { kind: SpanKind.CLIENT, attributes: { 'db.system.name': 'redis', 'db.query.summary': command } }, ask)

const clusterOptions = (given: RedisOptions, times: { connectTimeout?: number; commandTimeout?: number }) => ({
  redisOptions: { ...identityOf(given), ...times },
  clusterRetryStrategy: backoff,
  slotsRefreshTimeout: 1_000,
  // Certificates hold names: a name that the cluster tells us is not turned into an address before it was looked at.
  dnsLookup: (name: string, done: (error: null, address: string) => void) => done(null, name),
})

/** The same for a cluster: a command goes to the node that has its key. What one command or script touches has the same `{…}` in its keys. */
class RedisClusterClient extends Cluster implements OnApplicationShutdown {
  pausedUntil = 0
  private readonly endObserving = observeUse(this)

  constructor(private readonly given: RedisOptions) {
    const { url, keyPrefix = '', pipelining = true } = given
    const options = clusterOptions(given, { connectTimeout: 1_000, commandTimeout: 500 })
    super([url], { ...options, keyPrefix, enableOfflineQueue: false, enableAutoPipelining: pipelining })
    this.on('+node', (node: Redis) => askAnew(node, given)).on('error', () => undefined)
  }

  isUsable(): boolean {
    return this.status === 'ready' && performance.now() >= this.pausedUntil
  }

  /** What is published on any node is heard on all. */
  newSubscriber(): Cluster {
    const subscriber = new Cluster([this.given.url], clusterOptions(this.given, {}))
    return subscriber.on('+node', (node: Redis) => askAnew(node, this.given)).on('error', () => undefined)
  }

  onApplicationShutdown(): void {
    this.endObserving()
    this.disconnect()
  }
}

/**
 * The Redis of a service. A cluster's client has the same commands and events as a single server's, without a type that says so of both: whoever uses it
 * need not know which it is.
 */
export const createRedis = (options: RedisOptions): RedisClient =>
  options.isCluster === true ? (new RedisClusterClient(options) as unknown as RedisClient) : new RedisClient(options)
