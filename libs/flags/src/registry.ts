/** One flag as it is declared: its type and default, who answers for it, and when to ask whether it is still needed. */
export interface FlagSpec<T extends boolean | number = boolean | number> {
  /** What holds while the provider has never been reached, or has no such flag. */
  readonly default: T
  readonly type: T extends boolean ? 'boolean' : 'number'
  readonly owner: string
  /** Until this day somebody decides whether the flag stays. */
  readonly reviewBy: `${number}-${number}-${number}`
  readonly description: string
  /** The values a number may take; anything else counts as the default. */
  readonly range?: readonly [min: number, max: number]
}

const flag = (spec: Omit<FlagSpec<boolean>, 'type'>): FlagSpec<boolean> => ({ ...spec, type: 'boolean' })
const number = (spec: Omit<FlagSpec<number>, 'type'>): FlagSpec<number> => ({ ...spec, type: 'number' })

/** Every flag of the system. A flag is what may change while the system runs; what differs per deployment is configuration. */
export const FLAGS = {
  'orders.accept': flag({
    default: true,
    owner: 'core',
    reviewBy: '2027-05-31',
    description: 'Kill switch: false refuses new orders with 503 and Retry-After.',
  }),
  'gateway.rate-limit-factor': number({
    default: 1,
    owner: 'platform',
    reviewBy: '2027-05-31',
    description: 'Multiplies every rate limit of the gateway: 0.5 halves them in an emergency.',
    range: [0.01, 1_000],
  }),
} as const

export type FlagKey = keyof typeof FLAGS
export type FlagValue<K extends FlagKey> = (typeof FLAGS)[K] extends FlagSpec<infer T> ? T : never

/** Whether a value that the provider gave is one the flag may take. */
export const isValueOf = <K extends FlagKey>(key: K, value: unknown): value is FlagValue<K> => {
  const spec: FlagSpec = FLAGS[key]
  if (typeof value !== spec.type) return false
  return spec.range === undefined || ((value as number) >= spec.range[0] && (value as number) <= spec.range[1])
}
