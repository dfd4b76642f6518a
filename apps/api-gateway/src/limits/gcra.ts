/**
 * The generic cell rate algorithm (ITU-T I.371): one number per caller, the theoretical arrival time of its next request. `interval` is the
 * time one request is worth, `tolerance` how far ahead of the clock a caller may be: so many requests at once as fit in it. Microseconds.
 * Each answers with one integer: what is left of the tolerance, or, below zero, how long to wait.
 */
export interface Pace {
  readonly interval: number
  readonly tolerance: number
}

/** The same in Redis, by its clock, in one round trip. A key is gone once its caller is at rest. */
export const GCRA_LUA = `
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local arrival = tonumber(redis.call('GET', KEYS[1]) or now)
if arrival < now then arrival = now end
arrival = arrival + interval
local left = tolerance - (arrival - now)
if left < 0 then return math.floor(left) end
redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
return math.floor(left)
`

const MAX_CALLERS = 20_000

/** The same in this process, for while Redis is away. Remembers a bounded number of callers, those longest unseen forgotten first. */
export class LocalBuckets {
  private readonly arrivals = new Map<string, number>()

  constructor(private readonly nowUs: () => number = () => performance.now() * 1000) {}

  admit(key: string, { interval, tolerance }: Pace): number {
    const now = this.nowUs()
    const arrival = Math.max(this.arrivals.get(key) ?? now, now) + interval
    const left = tolerance - (arrival - now)
    if (left < 0) return Math.floor(left)
    this.arrivals.delete(key)
    this.arrivals.set(key, arrival)
    if (this.arrivals.size > MAX_CALLERS) this.arrivals.delete(this.arrivals.keys().next().value as string)
    return Math.floor(left)
  }
}
