/** The middle value; of an even count the higher of the two. */
export const median = (values: readonly number[]): number => percentile(values, 0.5)

/** The value that the given share of all values doesn't pass. `share` is from 0 to 1. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Runs variants in turn, round after round, so that whatever else the machine does falls on all of them. */
export async function inRounds<T>(rounds: number, variants: Record<string, () => Promise<T>>): Promise<Record<string, T[]>> {
  const samples: Record<string, T[]> = Object.fromEntries(Object.keys(variants).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(variants)) samples[name]?.push(await run())
  }
  return samples
}
