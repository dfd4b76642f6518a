/** How often and how long a delivery is tried. Times are milliseconds. */
export interface Schedule {
  /** The longest wait before each retry; the last one goes for all further ones. */
  readonly retryMs: readonly number[]
  /** How long after its first try a delivery is still tried. */
  readonly windowMs: number
}

export interface Progress {
  /** Failed tries so far within the window, this one not counted. */
  readonly step: number
  /** Since the window began. */
  readonly ageMs: number
  /** What the receiver asked for (Retry-After). */
  readonly askedMs?: number | undefined
}

/**
 * How long to wait after a failure, or undefined when the window is over. Exponential with full jitter, so that receivers which come back are not met by
 * everything at once; the last try comes when the window ends, however the dice fell.
 */
export const nextWaitMs = (
  { retryMs, windowMs }: Schedule,
  { step, ageMs, askedMs = 0 }: Progress,
  random = Math.random,
): number | undefined => {
  const leftMs = windowMs - ageMs
  if (leftMs <= 0) return undefined
  const longestMs = retryMs[Math.min(step, retryMs.length - 1)] ?? windowMs
  return Math.min(Math.max(random() * longestMs, askedMs), leftMs)
}
