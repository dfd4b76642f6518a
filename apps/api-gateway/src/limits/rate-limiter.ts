import { RedisClient } from '@catamaran/data'
import { Flags } from '@catamaran/flags'
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common'
import { CONFIG, type Config } from '../config.js'
import { GCRA_LUA, LocalBuckets, type Pace } from './gcra.js'

/** The limits there are, by whom they count: a token's subject, or an address. */
export type LimitName = 'caller' | 'anonymous' | 'sign-in'

/** Whether a request may pass, and what the answer says about it (draft-ietf-httpapi-ratelimit-headers-11). */
export interface Admission {
  readonly rateLimit: string
  readonly rateLimitPolicy: string
  /** Set when it may not pass: seconds until it may. */
  readonly retryAfterS: number | undefined
}

interface Policy extends Pace {
  readonly name: LimitName
  readonly header: string
}

type Script = RedisClient & { admitByPace(key: string, interval: number, tolerance: number): Promise<number> }

/** When Redis was away or too slow this process decides alone, and asks again only after the pause. */
const PAUSE_MS = 1_000
const START_WAIT_MS = 500

/** Limits requests per caller across all gateways, in one round trip to Redis; while Redis is away, per process and without delay. */
@Injectable()
export class RateLimiter implements OnModuleInit {
  private readonly redis: Script
  private readonly local = new LocalBuckets()
  private factor = 0
  private policies: Readonly<Record<LimitName, Policy>> | undefined
  private awayUntil = 0

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly flags: Flags,
    redis: RedisClient,
  ) {
    redis.defineCommand('admitByPace', { numberOfKeys: 1, lua: GCRA_LUA })
    this.redis = redis as Script
  }

  /** Gives Redis a moment to be there, so that the first requests are counted where the others are. */
  async onModuleInit(): Promise<void> {
    if (this.redis.status === 'ready') return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, START_WAIT_MS)
      for (const event of ['ready', 'close']) this.redis.once(event, () => resolve(clearTimeout(timer)))
    })
  }

  /** Counts one request of `who` and tells `next`, at once or after the round trip. Never fails. */
  admit(name: LimitName, who: string, next: (admission: Admission) => void): void {
    const policy = this.policyOf(name)
    const key = `rate:${name}:${who}`
    if (this.redis.status !== 'ready' || performance.now() < this.awayUntil) return next(admissionOf(policy, this.local.admit(key, policy)))
    let isTold = false
    const tell = (left: number): void => {
      if (isTold) return
      isTold = true
      clearTimeout(timer)
      next(admissionOf(policy, left))
    }
    const alone = (): void => {
      if (isTold) return
      this.awayUntil = performance.now() + PAUSE_MS
      tell(this.local.admit(key, policy))
    }
    const timer = setTimeout(alone, this.config.limits.redisWaitMs)
    this.redis.admitByPace(key, policy.interval, policy.tolerance).then(tell, alone)
  }

  private policyOf(name: LimitName): Policy {
    const factor = this.flags.value('gateway.rate-limit-factor')
    if (this.policies === undefined || factor !== this.factor) {
      this.factor = factor
      const { limits } = this.config
      this.policies = {
        caller: policy('caller', limits.caller, factor),
        anonymous: policy('anonymous', limits.anonymous, factor),
        'sign-in': policy('sign-in', limits['sign-in'], factor),
      }
    }
    return this.policies[name]
  }
}

const policy = (name: LimitName, limit: { ratePerS: number; burst: number }, factor: number): Policy => {
  const interval = 1_000_000 / (limit.ratePerS * factor)
  const burst = Math.max(1, Math.round(limit.burst * factor))
  const tolerance = burst * interval
  return { name, interval, tolerance, header: `"${name}";q=${burst};w=${Math.ceil(tolerance / 1_000_000)}` }
}

const admissionOf = ({ name, interval, tolerance, header }: Policy, left: number): Admission => ({
  rateLimit: `"${name}";r=${left < 0 ? 0 : Math.floor(left / interval)};t=${Math.ceil((tolerance - Math.max(left, 0)) / 1_000_000)}`,
  rateLimitPolicy: header,
  retryAfterS: left < 0 ? Math.ceil(-left / 1_000_000) : undefined,
})
