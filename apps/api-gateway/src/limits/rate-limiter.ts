import type { Plan } from '@catamaran/contracts'
import { RedisClient, redisSpan } from '@catamaran/data'
import { Flags } from '@catamaran/flags'
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common'
import { CONFIG, type Config } from '../config.js'
import {
  admissionOf,
  planAdmissionOf,
  planPolicyOf,
  policyOf,
  type Admission,
  type LimitName,
  type PlanPolicy,
  type Policy,
} from './admission.js'
import { GCRA_LUA, LocalBuckets, LocalDays, PLAN_LUA, shareOf } from './gcra.js'

/** Where a request counts: at a limit by its name, or at a partner's plan. */
export interface Counted {
  readonly limit: LimitName | Plan
  readonly who: string
}

type Script = RedisClient & {
  admitByPace(key: string, interval: number, tolerance: number, wanted: number): Promise<number[]>
  admitByPlan(paceKey: string, dayKey: string, interval: number, tolerance: number, perDay: number, wanted: number): Promise<number[]>
}

/** When Redis was away or too slow this process decides alone, and asks again only after the pause. */
const PAUSE_MS = 1_000
const START_WAIT_MS = 500

/**
 * Limits requests per caller across all gateways, in one round trip to Redis for all of a caller's that came in the same turn of the loop; while Redis is
 * away, per process and without delay.
 */
@Injectable()
export class RateLimiter implements OnModuleInit {
  private readonly redis: Script
  private readonly local = new LocalBuckets()
  private readonly localDays = new LocalDays()
  private factor = 0
  private policies: Readonly<Record<LimitName, Policy>> | undefined
  private planPolicies = new WeakMap<Plan, PlanPolicy>()
  /** Requests of each caller that came in this turn of the event loop. */
  private readonly companies = new Map<string, ((decided: never) => void)[]>()

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly flags: Flags,
    redis: RedisClient,
  ) {
    redis.defineCommand('admitByPace', { numberOfKeys: 1, lua: GCRA_LUA })
    redis.defineCommand('admitByPlan', { numberOfKeys: 2, lua: PLAN_LUA })
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

  /** Counts one request and tells `next`, at once or after the round trip. Never fails. */
  admit({ limit, who }: Counted, next: (admission: Admission) => void): void {
    if (typeof limit === 'string') this.admitByName(limit, who, next)
    else this.admitByPlan(limit, who, next)
  }

  private admitByName(name: LimitName, who: string, next: (admission: Admission) => void): void {
    const policy = this.policiesNow()[name]
    const key = `rate:${name}:${who}`
    this.together(
      key,
      async (wanted) => {
        const answer = await redisSpan('admitByPace', () => this.redis.admitByPace(key, policy.interval, policy.tolerance, wanted))
        return (index) => shareOf(index, policy.interval, answer)
      },
      () => this.local.admit(key, policy),
      (left) => next(admissionOf(policy, left)),
    )
  }

  private admitByPlan(plan: Plan, who: string, next: (admission: Admission) => void): void {
    const policy = this.planPolicy(plan)
    const { pace, perDay } = policy
    // The braces keep both keys in one slot of a cluster.
    const [paceKey, dayKey] = [`rate:plan:{${who}}`, `rate:day:{${who}}`]
    this.together<[number, number]>(
      paceKey,
      async (wanted) => {
        const { interval, tolerance } = pace
        const answer = await redisSpan('admitByPlan', () => this.redis.admitByPlan(paceKey, dayKey, interval, tolerance, perDay, wanted))
        const [granted = 0, left = 0, , leftOfDay = 0] = answer
        return (index) => {
          if (index < granted) return [shareOf(index, pace.interval, answer), leftOfDay + granted - 1 - index]
          return leftOfDay <= 0 ? [Math.max(0, left), -1] : [shareOf(index, pace.interval, answer), leftOfDay]
        }
      },
      () => this.admitByPlanAlone(paceKey, policy),
      ([left, leftOfDay]) => next(planAdmissionOf(policy, left, leftOfDay)),
    )
  }

  private admitByPlanAlone(key: string, { pace, perDay }: PlanPolicy): [number, number] {
    const leftOfDay = this.localDays.left(key, perDay)
    if (leftOfDay <= 0) return [Math.max(0, this.local.left(key, pace)), -1]
    const left = this.local.admit(key, pace)
    if (left < 0) return [left, leftOfDay]
    this.localDays.take(key)
    return [left, leftOfDay - 1]
  }

  /** Decides with the other gateways by `ask`, or `alone` where Redis is away or slower than it may be. */
  private together<T>(
    key: string,
    ask: (wanted: number) => Promise<(index: number) => T>,
    alone: () => T,
    next: (decided: T) => void,
  ): void {
    if (!this.redis.isUsable()) return next(alone())
    const company = this.companies.get(key)
    if (company !== undefined) return void company.push(next)
    const waiting = [next]
    this.companies.set(key, waiting)
    setImmediate(() => {
      this.companies.delete(key)
      this.askFor(waiting, ask, alone)
    })
  }

  private askFor<T>(
    waiting: readonly ((decided: T) => void)[],
    ask: (wanted: number) => Promise<(index: number) => T>,
    alone: () => T,
  ): void {
    let isTold = false
    const tell = (decide: (index: number) => T): void => {
      if (isTold) return
      isTold = true
      clearTimeout(timer)
      for (const [index, next] of waiting.entries()) next(decide(index))
    }
    const giveUp = (): void => {
      if (isTold) return
      this.redis.pausedUntil = performance.now() + PAUSE_MS
      tell(alone)
    }
    const timer = setTimeout(giveUp, this.config.limits.redisWaitMs)
    ask(waiting.length).then(tell, giveUp)
  }

  private policiesNow(): Readonly<Record<LimitName, Policy>> {
    const factor = this.flags.value('gateway.rate-limit-factor')
    if (this.policies === undefined || factor !== this.factor) {
      this.factor = factor
      this.planPolicies = new WeakMap()
      const { limits } = this.config
      this.policies = {
        caller: policyOf('caller', limits.caller, factor),
        anonymous: policyOf('anonymous', limits.anonymous, factor),
        'sign-in': policyOf('sign-in', limits['sign-in'], factor),
      }
    }
    return this.policies
  }

  private planPolicy(plan: Plan): PlanPolicy {
    this.policiesNow() // drops what was made for another factor
    const known = this.planPolicies.get(plan)
    if (known !== undefined) return known
    const made = planPolicyOf(plan, this.factor)
    this.planPolicies.set(plan, made)
    return made
  }
}
