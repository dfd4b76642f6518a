import { FLAGS, isLasting, isValueOf, type FlagKey, type FlagSpec } from '@catamaran/flags/registry'
import { Refusal } from './errors.js'
import { readFlags, writeFlags, type FlagValue } from './flag-relay.js'

/** Whom a value is for; everybody without either. */
export interface Audience {
  /** A share of the callers: 0 to 100. Each caller stays on the same side, and a larger share keeps all that the smaller one had. */
  readonly percent?: string | undefined
  /** Callers on these plans. */
  readonly plans?: readonly string[] | undefined
}

const WHOLE = 100_000
const specOf = (key: FlagKey): FlagSpec => FLAGS[key]

/** @throws Refusal that names the flags there are */
function requireKey(key: string | undefined): FlagKey {
  if (key !== undefined && key in FLAGS) return key as FlagKey
  throw new Refusal(`${key === undefined ? 'Say which flag' : `There is no flag ${key}`}. The flags are: ${Object.keys(FLAGS).join(', ')}.`)
}

const allowed = ({ type, range, values }: FlagSpec): string => {
  if (values !== undefined) return values.join(' or ')
  return range === undefined ? (type === 'boolean' ? 'true or false' : `a ${type}`) : `a number from ${range[0]} to ${range[1]}`
}

/** @throws Refusal that says what the flag may be */
function requireValue(key: FlagKey, text: string | undefined): boolean | number | string {
  const spec = specOf(key)
  const isNumber = text !== undefined && text.trim() !== '' && spec.type === 'number'
  const value = spec.type === 'boolean' && (text === 'true' || text === 'false') ? text === 'true' : isNumber ? Number(text) : text
  if (isValueOf(key, value)) return value
  throw new Refusal(`${key} takes ${allowed(spec)}${text === undefined ? '.' : `, not ${text}.`}`)
}

/** The flag in LaunchDarkly's words: the chosen callers get the value, all others the default. */
function modelOf(key: FlagKey, value: boolean | number | string, { percent, plans }: Audience): FlagValue {
  if (percent === undefined && plans === undefined) return value
  if (isLasting(key)) throw new Refusal(`${key} is a ${specOf(key).kind}: it has one value for everybody, so no --percent and no --plan.`)
  const standard = specOf(key).default
  if (value === standard) throw new Refusal(`${String(value)} is the default of ${key}, which all others get: give the new value.`)
  const share = Number(percent ?? 0)
  if (percent?.trim() === '' || !(share >= 0 && share <= 100)) throw new Refusal(`--percent takes a number from 0 to 100, not ${percent}.`)
  const weight = Math.round((share / 100) * WHOLE)
  return {
    variations: [standard, value],
    rules: (plans ?? []).map((plan) => ({
      ...{ id: `plan-${plan}`, variation: 1 },
      clauses: [{ contextKind: 'user', attribute: 'plan', op: 'in', values: [plan], negate: false }],
    })),
    // Who has no key to choose by falls to the first: the default.
    fallthrough: {
      rollout: {
        ...{ contextKind: 'user', bucketBy: 'key' },
        variations: [
          { variation: 0, weight: WHOLE - weight },
          { variation: 1, weight },
        ],
      },
    },
  }
}

/** Sets a flag in the file of a running system. @returns what it is now, in words @throws Refusal for a flag or value that isn't one */
export function setFlag(file: string, key: string | undefined, text: string | undefined, audience: Audience = {}): string {
  const known = requireKey(key)
  const value = modelOf(known, requireValue(known, text), audience)
  writeFlags(file, { ...readFlags(file), [known]: value })
  return `${known}: ${told(value)}`
}

/** Takes a flag out of the file, so that its default holds. Also one that is not declared any more. */
export function unsetFlag(file: string, key: string | undefined): string {
  const flags = readFlags(file)
  const known = key !== undefined && key in flags ? key : requireKey(key)
  const { [known]: _gone, ...rest } = flags
  writeFlags(file, rest)
  return known in FLAGS ? `${known}: ${String(specOf(known as FlagKey).default)}, the default` : `${known} is gone.`
}

/** Every flag with what it is now and what it is for, a line each; and what stands in the file without being declared. */
export function listFlags(file: string): string {
  const flags = readFlags(file)
  const lines = (Object.keys(FLAGS) as FlagKey[]).map((key) => {
    const spec = specOf(key)
    const value = flags[key]
    const now = value === undefined ? `${String(spec.default)}, the default` : told(value)
    return `${key}: ${now}\n    ${spec.kind}, ${allowed(spec)}, review by ${spec.reviewBy} (${spec.owner}). ${spec.description}`
  })
  const strays = Object.keys(flags).filter((key) => !(key in FLAGS))
  return [...lines, ...strays.map((key) => `${key}: not declared, so nobody looks at it. npm run flags -- unset ${key}`)].join('\n')
}

interface Model {
  readonly variations: readonly FlagValue[]
  readonly rules?: readonly { readonly id?: string }[]
  readonly fallthrough?: { readonly rollout?: { readonly variations: readonly { readonly variation: number; readonly weight: number }[] } }
}

const plain = (value: FlagValue): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** A value in words. A flag written by hand in LaunchDarkly's model is shown as it is. */
function told(value: FlagValue): string {
  const { variations, rules = [], fallthrough } = (typeof value === 'object' && value !== null ? value : {}) as Partial<Model>
  const plans = rules.map(({ id }) => /^plan-(.+)$/.exec(id ?? '')?.[1])
  const shares = fallthrough?.rollout?.variations
  if (variations?.length !== 2 || shares === undefined || plans.includes(undefined)) return plain(value)
  const share = ((shares.find(({ variation }) => variation === 1)?.weight ?? 0) / WHOLE) * 100
  const audience = [...plans.map((plan) => `plan ${plan}`), ...(share > 0 ? [`${share} % of the callers`] : [])].join(', ')
  return `${plain(variations[1] ?? null)} for ${audience || 'nobody yet'}; ${plain(variations[0] ?? null)} for all others`
}
