/**
 * The generic cell rate algorithm (ITU-T I.371): one number per caller, the theoretical arrival time of its next request. `interval` is the
 * time one request is worth, `tolerance` how far ahead of the clock a caller may be: so many requests at once as fit in it. Microseconds.
 * Each answers with one integer: what is left of the tolerance, or, below zero, how long to wait.
 */
export interface Pace {
  readonly interval: number
  readonly tolerance: number
}

/** So many requests a second in the long run, and so many at once. */
export const paceOf = ({ ratePerS, burst }: { ratePerS: number; burst: number }): Pace => {
  const interval = 1_000_000 / ratePerS
  return { interval, tolerance: burst * interval }
}

/**
 * The same in Redis, by its clock, for several requests of a caller in one round trip: those that are owed count whether they fit or not, of those that are
 * wanted as many pass as fit. Answers with how many, what is left after them, and what one more would leave: below zero it has to wait so long. A key is gone
 * once its caller is at rest.
 */
export const GCRA_LUA = `
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, tolerance, wanted, owed = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local arrival = tonumber(redis.call('GET', KEYS[1]) or now)
arrival = math.max(arrival, now) + owed * interval
local granted = math.max(0, math.min(wanted, math.floor((tolerance - (arrival - now)) / interval)))
arrival = arrival + granted * interval
if granted + owed > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
end
local left = tolerance - (arrival - now)
return { granted, math.floor(left), math.floor(left - interval) }
`

/**
 * The same with a quota for each UTC day by Redis' clock, still in one round trip. It answers with one number more: what is left of the day's requests after
 * those that pass. What is refused by either is taken from neither.
 */
export const PLAN_LUA = `
local clock = redis.call('TIME')
local second = tonumber(clock[1])
local now = second * 1000000 + clock[2]
local interval, tolerance, perDay = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local wanted, owed = tonumber(ARGV[4]), tonumber(ARGV[5])
local arrival = tonumber(redis.call('GET', KEYS[1]) or now)
arrival = math.max(arrival, now) + owed * interval
local used = tonumber(redis.call('GET', KEYS[2]) or 0)
local leftOfDay = perDay - used - owed
local granted = math.max(0, math.min(wanted, math.floor((tolerance - (arrival - now)) / interval), leftOfDay))
arrival = arrival + granted * interval
if granted + owed > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
  redis.call('INCRBY', KEYS[2], granted + owed)
  if used == 0 then redis.call('EXPIREAT', KEYS[2], second - second % 86400 + 86400) end
end
local left = tolerance - (arrival - now)
return { granted, math.floor(left), math.floor(left - interval), leftOfDay - granted }
`

/** What the n-th of those that pass leaves, from 0; beyond them, what it would if it passed. */
export const leftAfter = (place: number, interval: number, { granted, left }: { granted: number; left: number }): number =>
  left + (granted - 1 - place) * interval

const MAX_CALLERS = 20_000

interface Bucket {
  readonly arrival: number
  /** Let through since Redis was last heard of, and not counted there. */
  readonly alone: number
}

/** The same in this process, for while Redis is away. Remembers a bounded number of callers, those longest unseen forgotten first. */
export class LocalBuckets {
  private readonly buckets = new Map<string, Bucket>()

  constructor(private readonly nowUs: () => number = () => performance.now() * 1000) {}

  admit(key: string, { interval, tolerance }: Pace): number {
    const now = this.nowUs()
    const { arrival, alone } = this.of(key, now)
    const left = tolerance - (arrival + interval - now)
    if (left >= 0) this.set(key, { arrival: arrival + interval, alone: alone + 1 })
    return Math.floor(left)
  }

  /** What `admit` would answer, without counting. */
  left(key: string, { interval, tolerance }: Pace): number {
    const now = this.nowUs()
    return Math.floor(tolerance - (this.of(key, now).arrival + interval - now))
  }

  /** Goes on from what Redis said is left, so that nobody has a whole burst again the moment that it is away. */
  learn(key: string, { tolerance }: Pace, left: number): void {
    this.set(key, { arrival: this.nowUs() + tolerance - left, alone: 0 })
  }

  /** How many were let through alone and are not made up for by time yet, for Redis to count now that it is back: asked twice, it owes them once. */
  settle(key: string, { interval }: Pace): number {
    const now = this.nowUs()
    const { arrival, alone } = this.of(key, now)
    if (alone > 0) this.set(key, { arrival, alone: 0 })
    return Math.min(alone, Math.ceil((arrival - now) / interval))
  }

  private of(key: string, now: number): Bucket {
    const known = this.buckets.get(key)
    return known === undefined || known.arrival < now ? { arrival: now, alone: 0 } : known
  }

  private set(key: string, bucket: Bucket): void {
    this.buckets.delete(key)
    this.buckets.set(key, bucket)
    if (this.buckets.size > MAX_CALLERS) this.buckets.delete(this.buckets.keys().next().value as string)
  }
}

export const DAY_S = 86_400

/** Requests of a UTC day in this process, for while Redis is away. */
export class LocalDays {
  private readonly used = new Map<string, number>()
  private day = 0

  constructor(private readonly now: () => number = Date.now) {}

  /** What is left of the day's requests, none taken. */
  left(key: string, perDay: number): number {
    const day = Math.floor(this.now() / 1000 / DAY_S)
    if (day !== this.day) this.used.clear()
    this.day = day
    return perDay - (this.used.get(key) ?? 0)
  }

  take(key: string): void {
    const used = this.used.get(key) ?? 0
    this.used.delete(key)
    this.used.set(key, used + 1)
    if (this.used.size > MAX_CALLERS) this.used.delete(this.used.keys().next().value as string)
  }
}
