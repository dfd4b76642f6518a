import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import type { DomainEvent, ProductId } from '@catamaran/contracts'
import { RedisClient, redisSpan } from '@catamaran/data'
import type { Redis, Result } from 'ioredis'
import { LRUCache } from 'lru-cache'

/** A product page as JSON text, ready to send. `freshUntil` (epoch ms) is 0 for one that is known to be out of date. */
export interface CachedProduct {
  readonly version: number
  readonly etag: string
  readonly body: string
  readonly freshUntil: number
}
/** What a process knows of a product: maybe a page, and the newest version it has heard of. */
interface Known {
  readonly page: CachedProduct | undefined
  readonly newest: number
  /** Counts how often the line of announcements was broken or made again. */
  readonly epoch: number
}

const MAX_ENTRIES = 10_000
/** While this process hears of changes, and while it doesn't. */
const FRESH_MS = { listening: 10_000, deaf: 2_000 }
const SHARED_MS = 15_000

// One value a product: "<version>\n<body>". Never replaced by an older version; a value without body is a tombstone that keeps an old page out.
const KEEP_NEWER = `
  local held = redis.call('get', KEYS[1])
  local version = held and tonumber(string.sub(held, 1, string.find(held, '\\n', 1, true) - 1))
  if held and (version > tonumber(ARGV[1]) or (version == tonumber(ARGV[1]) and ARGV[2] == '')) then return 0 end
  redis.call('set', KEYS[1], ARGV[1] .. '\\n' .. ARGV[2], 'px', ARGV[3])
  return 1`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    keepNewer(key: string, version: number, body: string, ttlMs: number): Result<number, Context>
  }
}

/**
 * Product pages as serialised text: in this process for ten seconds (two while it can't hear of changes), in Redis for fifteen. An entry is replaced only by a newer version
 * of its product, so a slow reader can't bring an old page back. Changes arrive by a Redis channel; lifetimes cover a lost message.
 */
@Injectable()
export class ProductCache implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly local = new LRUCache<string, Known>({ max: MAX_ENTRIES })
  private readonly channel: string
  private freshMs = FRESH_MS.deaf
  private epoch = 0
  private subscriber: Redis | undefined

  constructor(private readonly redis: RedisClient) {
    this.channel = `${redis.options.keyPrefix ?? ''}product-changed`
    redis.defineCommand('keepNewer', { numberOfKeys: 1, lua: KEEP_NEWER })
  }

  onApplicationBootstrap(): void {
    this.subscriber = this.redis.newSubscriber()
    // What was announced while the line was broken, nobody has heard.
    this.subscriber.on('close', () => this.hearAgain(false)).on('ready', () => this.hearAgain(true))
    this.subscriber.on('message', (_channel, message: string) => {
      const [id, version] = message.split(' ')
      this.forgetOlder(id as ProductId, Number(version))
    })
    this.subscriber.subscribe(this.channel).catch(() => undefined) // it subscribes again by itself on reconnect
  }

  onApplicationShutdown(): void {
    this.subscriber?.disconnect()
  }

  /** What this process holds, fresh or stale. */
  get(id: ProductId): CachedProduct | undefined {
    const known = this.local.get(id)
    return known?.page === undefined || known.epoch === this.epoch ? known?.page : { ...known.page, freshUntil: 0 }
  }

  /** What Redis holds, taken over into this process; undefined when there is nothing or no Redis. */
  async fetchShared(id: ProductId): Promise<CachedProduct | undefined> {
    const held = await redisSpan('get', () => this.redis.get(`product:${id}`)).catch(() => null)
    if (held === null) return undefined
    const end = held.indexOf('\n')
    const body = held.slice(end + 1)
    return body === '' ? undefined : this.keepLocal(id, Number(held.slice(0, end)), body)
  }

  /** Keeps a page that was just read from the database, unless something newer is known. Returns what is current. */
  put(id: ProductId, version: number, body: string): CachedProduct {
    this.redis.keepNewer(`product:${id}`, version, body, SHARED_MS).catch(() => undefined)
    return this.keepLocal(id, version, body)
  }

  /**
   * Follows the events of the catalogue once they are published: whatever became of the writer, every process hears of its change. Of a product that was
   * just made nobody can hold an older page.
   */
  follow(events: readonly DomainEvent[]): void {
    this.announce(
      events.flatMap(({ type, subject, sequence }) =>
        type === 'catalogue.product.changed.v1' && sequence > 1 ? [[subject as ProductId, sequence] as const] : [],
      ),
    )
  }

  /** Tells every process, right after the commit, which products have reached which version. */
  announce(changed: readonly (readonly [ProductId, number])[]): void {
    for (const [id, version] of changed) {
      this.forgetOlder(id, version)
      this.redis.keepNewer(`product:${id}`, version, '', SHARED_MS).catch(() => undefined)
      this.redis.publish(this.channel, `${id} ${version}`).catch(() => undefined) // without Redis, lifetimes do
    }
  }

  /** Begins a new epoch: pages of the one before are stale. */
  private hearAgain(isListening: boolean): void {
    this.freshMs = isListening ? FRESH_MS.listening : FRESH_MS.deaf
    this.epoch++
  }

  private keepLocal(id: ProductId, version: number, body: string): CachedProduct {
    const known = this.local.get(id)
    if (known?.page !== undefined && known.page.version > version) return known.page
    const isCurrent = known === undefined || version >= known.newest
    const page: CachedProduct = { version, etag: `"${version}"`, body, freshUntil: isCurrent ? Date.now() + this.freshMs : 0 }
    this.local.set(id, { page, newest: Math.max(version, known?.newest ?? 0), epoch: this.epoch })
    return page
  }

  private forgetOlder(id: ProductId, version: number): void {
    const known = this.local.get(id)
    if (known !== undefined && known.newest >= version) return
    // An older page stays, marked stale: it is still the best answer there is while the database is away.
    this.local.set(id, { page: known?.page && { ...known.page, freshUntil: 0 }, newest: version, epoch: this.epoch })
  }
}
