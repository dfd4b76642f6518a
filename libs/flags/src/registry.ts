/**
 * What a flag is for. A kill switch and an operational setting hold for everybody and stay; the others may differ per caller, and go when their question is
 * answered (docs/using-flags.md).
 */
export type FlagKind = 'kill-switch' | 'operational' | 'release' | 'beta' | 'experiment'
type Lasting = 'kill-switch' | 'operational'
type Value = boolean | number | string

/** One flag as it is declared: its values and default, who answers for it, and when to ask whether it is still needed. */
export interface FlagSpec<T extends Value = Value, K extends FlagKind = FlagKind> {
  readonly kind: K
  /** What holds while the provider has never been reached, or has no such flag. */
  readonly default: T
  readonly type: 'boolean' | 'number' | 'string'
  readonly owner: string
  /** Until this day somebody decides whether the flag stays; `npm run check` warns from then on, and fails 30 days later. */
  readonly reviewBy: `${number}-${number}-${number}`
  readonly description: string
  /** The values a number may take; anything else counts as the default. */
  readonly range?: readonly [min: number, max: number]
  /** The values a string may take; anything else counts as the default. */
  readonly values?: readonly T[]
  /** What an experiment is judged by. */
  readonly metric?: Metric
}

type Declared<T extends Value, K extends FlagKind> = Omit<FlagSpec<T, K>, 'type'>
const boolean = <K extends FlagKind>(spec: Declared<boolean, K>): FlagSpec<boolean, K> => ({ ...spec, type: 'boolean' })
const number = <K extends FlagKind>(spec: Declared<number, K> & { readonly range: readonly [number, number] }): FlagSpec<number, K> => ({
  ...spec,
  type: 'number',
})
const choice = <const T extends string, K extends FlagKind>(
  spec: Declared<NoInfer<T>, K> & { readonly values: readonly T[] },
): FlagSpec<T, K> => ({ ...spec, type: 'string' })

/** What callers do that experiments are judged by; `Flags.track` tells the provider of it. */
export const METRICS = ['order.placed'] as const
export type Metric = (typeof METRICS)[number]

/** Every flag of the system. A flag is what may change while the system runs; what differs per deployment is configuration. */
export const FLAGS = {
  'payments.enabled': boolean({
    kind: 'kill-switch',
    default: true,
    owner: 'core',
    reviewBy: '2027-05-31',
    description: 'false: the payment provider is not called, new orders are refused with 503 and Retry-After, and open holds are extended.',
  }),
  'gateway.rate-limit-factor': number({
    kind: 'operational',
    default: 1,
    owner: 'platform',
    reviewBy: '2027-05-31',
    description: 'Multiplies every rate limit of the gateway: 0.5 halves them in an emergency.',
    range: [0.01, 1_000],
  }),
  'search.ranking': choice({
    kind: 'experiment',
    default: 'coverage',
    owner: 'core',
    reviewBy: '2027-02-28',
    description:
      'How a search is ranked: by how closely the words stand together, or that in proportion to the length of the text (focused).',
    values: ['coverage', 'focused'],
    metric: 'order.placed',
  }),
  'imports.parallel': boolean({
    kind: 'beta',
    default: false,
    owner: 'core',
    reviewBy: '2027-02-28',
    description: 'A partner may run two imports at once instead of one: to be targeted by plan.',
  }),
} as const

export type FlagKey = keyof typeof FLAGS
export type FlagValue<K extends FlagKey> = (typeof FLAGS)[K] extends FlagSpec<infer T> ? T : never
/** Flags with one value for everybody. */
export type LastingFlagKey = { [K in FlagKey]: (typeof FLAGS)[K]['kind'] extends Lasting ? K : never }[FlagKey]
/** Flags whose value may differ per caller. */
export type CallerFlagKey = Exclude<FlagKey, LastingFlagKey>

/** Whether a flag has one value for everybody. */
export const isLasting = (key: FlagKey): key is LastingFlagKey => FLAGS[key].kind === 'kill-switch' || FLAGS[key].kind === 'operational'

/** Whether a value that somebody gave is one the flag may take. */
export const isValueOf = <K extends FlagKey>(key: K, value: unknown): value is FlagValue<K> => {
  const spec: FlagSpec = FLAGS[key]
  if (typeof value !== spec.type) return false
  if (spec.values !== undefined && !spec.values.includes(value as string)) return false
  return spec.range === undefined || ((value as number) >= spec.range[0] && (value as number) <= spec.range[1])
}
