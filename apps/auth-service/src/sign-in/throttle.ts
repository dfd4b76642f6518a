import { Inject, Injectable } from '@nestjs/common'
import { RedisClient, redisSpan } from '@catamaran/data'
import { CLOCK, type Clock } from '../config.js'

export interface Limit {
  readonly tries: number
  readonly windowMs: number
}

const REMEMBERED = 10_000

/** Counts tries in fixed windows: in Redis for all processes, in this process alone while Redis is away. */
@Injectable()
export class Throttle {
  private readonly local = new Map<string, { count: number; endsAt: number }>()

  constructor(
    private readonly redis: RedisClient,
    @Inject(CLOCK) private readonly now: Clock,
  ) {}

  /** Counts one try. @returns milliseconds to wait when there were too many, else 0 */
  async count(key: string, limit: Limit): Promise<number> {
    const { count, leftMs } = await this.countInRedis(key, limit).catch(() => this.countHere(key, limit))
    return count > limit.tries ? Math.max(leftMs, 1) : 0
  }

  async forget(key: string): Promise<void> {
    this.local.delete(key)
    await redisSpan('del', () => this.redis.del(keyOf(key))).catch(() => undefined) // it ends by itself
  }

  private async countInRedis(key: string, { windowMs }: Limit): Promise<{ count: number; leftMs: number }> {
    const answers = await redisSpan('incr', () =>
      this.redis.multi().incr(keyOf(key)).pexpire(keyOf(key), windowMs, 'NX').pttl(keyOf(key)).exec(),
    )
    const [count, , leftMs] = (answers ?? []).map(([error, value]) => {
      if (error !== null) throw error
      return Number(value)
    })
    if (count === undefined || leftMs === undefined) throw new Error('Redis gave the transaction up')
    return { count, leftMs }
  }

  private countHere(key: string, { windowMs }: Limit): { count: number; leftMs: number } {
    const now = this.now()
    const known = this.local.get(key)
    const window = known !== undefined && known.endsAt > now ? known : { count: 0, endsAt: now + windowMs }
    window.count++
    this.local.delete(key)
    this.local.set(key, window)
    const [oldest] = this.local.keys()
    if (this.local.size > REMEMBERED && oldest !== undefined) this.local.delete(oldest)
    return { count: window.count, leftMs: window.endsAt - now }
  }
}

const keyOf = (key: string): string => `auth:throttle:${key}`
