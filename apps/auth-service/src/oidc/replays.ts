import { Injectable } from '@nestjs/common'
import { RedisClient, redisSpan } from '@catamaran/data'
import { errors, type Adapter } from 'oidc-provider'

/**
 * Remembers client assertions until they expire, so that none is taken twice: in Redis for all processes, in memory for this one. Without
 * Redis services still get their tokens; then an assertion (good for 30 s, sent over the mesh only) could be used once per process.
 */
@Injectable()
export class Replays {
  private readonly seen = new Map<string, number>()

  constructor(private readonly redis: RedisClient) {}

  /** True the first time. */
  async isFirst(id: string, lifeS: number): Promise<boolean> {
    const now = Date.now()
    for (const [old, until] of this.seen) {
      if (until > now) break
      this.seen.delete(old)
    }
    if (this.seen.has(id)) return false
    this.seen.set(id, now + lifeS * 1_000)
    return redisSpan('set', () => this.redis.set(`auth:assertion:${id}`, '1', 'EX', lifeS, 'NX')).then(
      (answer) => answer === 'OK',
      () => true,
    )
  }

  /** As oidc-provider's storage: it looks, then writes; here the write decides, since two may look at once. */
  adapter(): Adapter {
    const nothing = async (): Promise<undefined> => undefined
    return {
      find: nothing,
      findByUid: nothing,
      findByUserCode: nothing,
      consume: nothing,
      destroy: nothing,
      revokeByGrantId: nothing,
      upsert: async (id, _payload, lifeS = 60) => {
        if (!(await this.isFirst(id, lifeS))) throw new errors.InvalidClientAuth('client assertion tokens must only be used once')
      },
    }
  }
}
