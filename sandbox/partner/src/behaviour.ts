import { createHash } from 'node:crypto'

/** What a receiver can do to a webhook besides taking it. */
export const FAULTS = ['hang', 'error', 'slow', 'gone', 'close'] as const
export type Fault = (typeof FAULTS)[number]

/** How many of a hundred webhooks meet each fault, and what decides which. */
export type Behaviour = Readonly<Record<Fault, number>> & {
  readonly seed: number
  /** How long a slow answer takes, in milliseconds. */
  readonly slowMs: number
}

export const HONEST: Behaviour = { hang: 0, error: 0, slow: 0, gone: 0, close: 0, seed: 1, slowMs: 3_000 }

const isWithin = (value: unknown, least: number, most: number): value is number =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most

/** Reads a change of behaviour; what is left out is as for an honest receiver. @throws Error that says what is wrong */
export const readBehaviour = (given: unknown): Behaviour => {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error('Send a JSON object')
  const unknown = Object.keys(given).find((key) => !(key in HONEST))
  if (unknown !== undefined) throw new Error(`${unknown} is not known: there are ${Object.keys(HONEST).join(', ')}`)
  const behaviour = { ...HONEST, ...given }
  for (const fault of FAULTS) if (!isWithin(behaviour[fault], 0, 100)) throw new Error(`${fault} must be a percentage from 0 to 100`)
  if (FAULTS.reduce((sum, fault) => sum + behaviour[fault], 0) > 100) throw new Error('All faults together must be at most 100 percent')
  if (!isWithin(behaviour.slowMs, 0, 60_000)) throw new Error('slowMs must be from 0 to 60000')
  if (!isWithin(behaviour.seed, 0, 2 ** 31)) throw new Error('seed must be a whole number')
  return behaviour
}

/** What becomes of one arrival: follows from the seed, the webhook and how often it came, so that a run can be repeated whatever the order. */
export const faultFor = (behaviour: Behaviour, webhookId: string, arrival: number): Fault | undefined => {
  const hash = createHash('sha256').update(`${behaviour.seed}:${webhookId}:${arrival}`).digest()
  let dice = hash.readUInt32BE(0) % 100
  for (const fault of FAULTS) {
    dice -= behaviour[fault]
    if (dice < 0) return fault
  }
  return undefined
}
