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
import { creditOf, Credits } from './credits.js'
import { GCRA_LUA, leftAfter, LocalBuckets, LocalDays, PLAN_LUA } from './gcra.js'

/** Where a request counts: at a limit by its name, or at a partner's plan. */
export interface Counted {
  readonly limit: LimitName | Plan
  readonly who: string
}

/** All numbers: interval, tolerance, for a plan its requests a day, how many are wanted and how many owed. */
type Script = RedisClient & {
  admitByPace(key: string, ...numbers: [number, number, number, number]): Promise<number[]>
  admitByPlan(paceKey: string, dayKey: string, ...numbers: [number, number, number, number, number]): Promise<number[]>
}

interface Answer {
  /** What is left after them of the pace's tolerance, in microseconds. */
  readonly left: number
  /** So many of those wanted pass, the first ones. */
  readonly passing: number
  /** So many more may pass for a moment without asking. */
  readonly ahead: number
  readonly passed: (place: number) => Admission
  readonly refused: () => Admission
}

/** How one caller's requests are counted: with the other gateways, and by this one alone. */
interface Limit {
  readonly pace: Policy
  readonly ask: (wanted: number, owed: number) => Promise<Answer>
  readonly alone: () => Admission
}

/** When Redis was away or too slow this process decides alone, and asks again only after the pause. */
const PAUSE_MS = 1_000
const START_WAIT_MS = 500

/**
 * Limits requests per caller across all gateways: on credit where the caller is far from its limit, else in one round trip to Redis for all of its requests
 * that came in the same turn of the loop; while Redis is away, per process and without delay.
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
  private readonly companies = new Map<string, ((admission: Admission) => void)[]>()
  private readonly credits = new Credits()

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
    const { interval, tolerance } = policy
    const key = `rate:${name}:${who}`
    this.together(key, next, {
      pace: policy,
      ask: async (wanted, owed) => {
        const answer = await redisSpan('admitByPace', () => this.redis.admitByPace(key, interval, tolerance, wanted, owed))
        const [granted = 0, left = 0, refused = 0] = answer
        return {
          left,
          passing: granted,
          ahead: creditOf(left / interval),
          passed: (place) => admissionOf(policy, leftAfter(place, interval, { granted, left })),
          refused: () => admissionOf(policy, refused),
        }
      },
      alone: () => admissionOf(policy, this.local.admit(key, policy)),
    })
  }

  private admitByPlan(plan: Plan, who: string, next: (admission: Admission) => void): void {
    const policy = this.planPolicy(plan)
    const { interval, tolerance } = policy.pace
    // The braces keep both keys in one slot of a cluster.
    const [paceKey, dayKey] = [`rate:plan:{${who}}`, `rate:day:{${who}}`]
    this.together(paceKey, next, {
      pace: policy.pace,
      ask: async (wanted, owed) => {
        const [granted = 0, left = 0, refused = 0, leftOfDay = 0] = await redisSpan('admitByPlan', () =>
          this.redis.admitByPlan(paceKey, dayKey, interval, tolerance, policy.perDay, wanted, owed),
        )
        return {
          left,
          passing: granted,
          ahead: creditOf(Math.min(left / interval, leftOfDay)),
          passed: (place) => planAdmissionOf(policy, leftAfter(place, interval, { granted, left }), leftOfDay + granted - 1 - place),
          refused: () => (leftOfDay <= 0 ? planAdmissionOf(policy, Math.max(0, left), -1) : planAdmissionOf(policy, refused, leftOfDay)),
        }
      },
      alone: () => this.admitByPlanAlone(paceKey, policy),
    })
  }

  private admitByPlanAlone(key: string, policy: PlanPolicy): Admission {
    const { pace, perDay } = policy
    const leftOfDay = this.localDays.left(key, perDay)
    if (leftOfDay <= 0) return planAdmissionOf(policy, Math.max(0, this.local.left(key, pace)), -1)
    const left = this.local.admit(key, pace)
    if (left < 0) return planAdmissionOf(policy, left, leftOfDay)
    this.localDays.take(key)
    return planAdmissionOf(policy, left, leftOfDay - 1)
  }

  /** Decides by a credit, else with the other gateways, or alone where Redis is away or slower than it may be. */
  private together(key: string, next: (admission: Admission) => void, limit: Limit): void {
    if (!this.redis.isUsable()) return next(limit.alone())
    const admission = this.credits.take(key)
    if (admission !== undefined) return next(admission)
    const company = this.companies.get(key)
    if (company !== undefined) return void company.push(next)
    const waiting = [next]
    this.companies.set(key, waiting)
    setImmediate(() => {
      this.companies.delete(key)
      this.askFor(key, waiting, limit)
    })
  }

  private askFor(key: string, waiting: readonly ((admission: Admission) => void)[], { pace, ask, alone }: Limit): void {
    let isTold = false
    const tell = (decide: (place: number) => Admission): void => {
      isTold = true
      clearTimeout(timer)
      for (const [place, next] of waiting.entries()) next(decide(place))
    }
    const giveUp = (): void => {
      if (isTold) return
      this.redis.pausedUntil = performance.now() + PAUSE_MS
      tell(alone)
    }
    const timer = setTimeout(giveUp, this.config.limits.redisWaitMs)
    ask(waiting.length, this.credits.close(key) + this.local.settle(key, pace)).then(({ left, passing, ahead, passed, refused }) => {
      if (isTold) return
      this.local.learn(key, pace, left)
      this.credits.open(key, { ahead, told: (place) => passed(passing + place), report: (owed) => ask(0, owed) })
      tell((place) => (place < passing ? passed(place) : refused()))
    }, giveUp)
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
