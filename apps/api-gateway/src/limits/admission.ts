import type { Plan } from '@catamaran/contracts'
import { DAY_S, paceOf, type Pace } from './gcra.js'

/** The limits there are, by whom they count: a token's subject, or an address. */
export type LimitName = 'caller' | 'anonymous' | 'sign-in'

/**
 * Whether a request may pass, and what the answer says about it (draft-ietf-httpapi-ratelimit-headers-11: `q` requests in `w` seconds, of which `r`
 * are left; `t` is when it is whole again or, where the request was refused, what Retry-After says).
 */
export interface Admission {
  readonly rateLimit: string
  readonly rateLimitPolicy: string
  /** Set when it may not pass: seconds until it may. */
  readonly retryAfterS: number | undefined
}

/** A pace with its name and the header that tells it. */
export interface Policy extends Pace {
  readonly name: LimitName | 'plan'
  readonly header: string
}

/** @param factor multiplies the limit, by flag */
export const policyOf = (name: Policy['name'], { ratePerS, burst }: { ratePerS: number; burst: number }, factor: number): Policy => {
  const pace = paceOf({ ratePerS: ratePerS * factor, burst: Math.max(1, Math.round(burst * factor)) })
  return { name, ...pace, header: `"${name}";q=${Math.round(pace.tolerance / pace.interval)};w=${Math.ceil(pace.tolerance / 1_000_000)}` }
}

/** A partner's limits: a pace, and a quota for each day. The quota is what was agreed, so the flag leaves it alone. */
export interface PlanPolicy {
  readonly pace: Policy
  readonly perDay: number
  readonly header: string
}

export const planPolicyOf = ({ requestsPerSecond, burst, requestsPerDay }: Plan, factor: number): PlanPolicy => {
  const pace = policyOf('plan', { ratePerS: requestsPerSecond, burst }, factor)
  return { pace, perDay: requestsPerDay, header: `${pace.header}, "day";q=${requestsPerDay};w=${DAY_S}` }
}

const waitOf = (left: number): number | undefined => (left < 0 ? Math.ceil(-left / 1_000_000) : undefined)

const stateOf = ({ name, interval, tolerance }: Policy, left: number): string =>
  `"${name}";r=${left < 0 ? 0 : Math.floor(left / interval)};t=${waitOf(left) ?? Math.ceil((tolerance - left) / 1_000_000)}`

/** @param left as the pace's algorithm answers */
export const admissionOf = (policy: Policy, left: number): Admission => ({
  rateLimit: stateOf(policy, left),
  rateLimitPolicy: policy.header,
  retryAfterS: waitOf(left),
})

/** @param leftOfDay requests; below zero when they are used up */
export const planAdmissionOf = ({ pace, header }: PlanPolicy, left: number, leftOfDay: number): Admission => {
  const untilTomorrowS = DAY_S - (Math.floor(Date.now() / 1000) % DAY_S)
  return {
    rateLimit: `${stateOf(pace, left)}, "day";r=${Math.max(0, leftOfDay)};t=${untilTomorrowS}`,
    rateLimitPolicy: header,
    retryAfterS: leftOfDay < 0 ? untilTomorrowS : waitOf(left),
  }
}
